"""Small made-up worlds: configurations with known effects, and a loop that plays engine."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ragscout.model.board import Goal
from ragscout.model.config import Configuration, source_node
from ragscout.model.outcome import Failure, Score, Usage
from ragscout.model.step import Step, step
from ragscout.search.contract import Block

SOURCE = source_node("0" * 64)


@step("rerank", "test-prefix", version=1)
class Prefix(Step):
    name_: str = ""


@step("generate", "test-generator", version=1)
class Generator(Step):
    name_: str = ""


@dataclass(frozen=True)
class MadeSpace:
    configurations: tuple[Configuration, ...]


def configuration(knobs: dict[str, str], roles: tuple[str, ...] = (), name: str = "") -> Configuration:
    prefix = {knob: value for knob, value in knobs.items() if knob.split(".")[0] not in ("generate", "prompt")}
    steps: dict[str, Step] = {"generate": Generator(name_=repr(sorted(knobs.items())) + name)}
    if prefix:
        steps["rerank"] = Prefix(name_=repr(sorted(prefix.items())))
    return Configuration(steps, SOURCE, knobs, name, roles)


def small_space(baselines: bool = True) -> MadeSpace:
    """60 candidates like the quickstart's, and two baselines."""
    rows = []
    for size, overlap, embed, retriever, generate in itertools.product(
        ("512", "1024", "2048"), ("0", "10%"), ("minilm", "static"), ("bm25", "dense", "hybrid"), ("extractive", "smol")
    ):
        knobs = {"chunk.size": size, "chunk.overlap": overlap, "embed": embed, "retriever": retriever}
        if retriever == "bm25":
            del knobs["embed"]
        rows.append(configuration({**knobs, "generate": generate}))
    unique = {row.key: row for row in rows}
    extra = (
        configuration({"generate": "smol"}, ("baseline",), "no retrieval"),
        configuration({"retriever": "bm25", "generate": "smol"}, ("baseline",), "bm25 only"),
    )
    return MadeSpace((*unique.values(), *(extra if baselines else ())))


class World:
    """Scores of every configuration on every question, additive in the knobs plus noise."""

    def __init__(self, space, questions: int = 80, seed: int = 0, spread: float = 0.08, noise: float = 0.3) -> None:
        rng = np.random.default_rng(seed)
        self.space = space
        self.questions = tuple(f"q{index:03d}" for index in range(questions))
        effects: dict[tuple[str, str], float] = {}
        self.mean = {}
        difficulty = rng.normal(0, 0.2, questions)
        self.table = {}
        for row in space.configurations:
            total = 0.5
            for item in row.knobs.items():
                total += effects.setdefault(item, rng.normal(0, spread))
            self.mean[row.key] = total
            self.table[row.key] = np.clip(total + difficulty + rng.normal(0, noise, questions), 0, 1)
        self.failed: dict[str, str] = {}
        self.asked: dict[str, list[str]] = {}

    def block(self, request) -> Block:
        key = request.configuration.key
        if key in self.failed:
            return Block(request.configuration, {}, Usage(), self.failed[key])
        if key not in self.table:
            scores = {q: {"recall@5": Score(0.5)} for q in request.questions}
            return Block(request.configuration, scores, Usage())
        self.asked.setdefault(key, []).extend(request.questions)
        column = {q: i for i, q in enumerate(self.questions)}
        scores = {q: {"judge.correctness": Score(float(self.table[key][column[q]]))} for q in request.questions}
        n = len(request.questions)
        return Block(request.configuration, scores, Usage(100 * n, 10 * n, 0.5 * n, 0.001 * n, n))


GOAL = Goal("judge.correctness", pass_level=0.5)


def play(proposer, world, n: int = 64, rounds: int = 1000, log: list | None = None) -> int:
    """Ask and tell until the search and its finals are over; gives the number of rounds."""
    for number in range(rounds):
        requests = list(proposer.ask(n)) or list(proposer.finals())
        if not requests:
            proposer.close()
            return number
        blocks = [world.block(request) for request in requests]
        if log is not None:
            log.append((requests, blocks))
        proposer.tell(blocks)
    raise AssertionError("the search does not end")


def judge_failed() -> Failure:
    return Failure("measurement", "judge_failed")

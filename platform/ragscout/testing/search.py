"""Conformance kit of searches, and small made-up worlds to try them in.

A test class inherits ``ProposerConformance`` and names a search; ``play`` is the engine of these worlds.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ragscout.model.config import Configuration, source_node
from ragscout.model.outcome import Failure, Score, Usage
from ragscout.model.prefixes import distinct_prefixes
from ragscout.model.results.board import Goal
from ragscout.model.step import Step
from ragscout.search import make_proposer, order_questions
from ragscout.search.contract import Block, Proposer, Request
from ragscout.search.opening_moves import OpeningMoves

SOURCE = source_node("0" * 64)
GOAL = Goal("judge.correctness", pass_level=0.5)


@dataclass(frozen=True, kw_only=True)
class _Prefix(Step):
    stage: ClassVar[str] = "rerank"
    name: ClassVar[str] = "made-prefix"
    label_: str = ""


@dataclass(frozen=True, kw_only=True)
class _Generator(Step):
    stage: ClassVar[str] = "generate"
    name: ClassVar[str] = "made-generator"
    label_: str = ""


@dataclass(frozen=True)
class MadeSpace:
    """A space of made-up configurations."""

    configurations: tuple[Configuration, ...]


def configuration(knobs: Mapping[str, str], roles: tuple[str, ...] = (), name: str = "") -> Configuration:
    """Return a configuration whose key follows from its knobs; it retrieves when a knob is about retrieval."""
    prefix = {knob: value for knob, value in knobs.items() if knob.split(".")[0] not in ("generate", "prompt")}
    steps: dict[str, Step] = {"generate": _Generator(label_=repr(sorted(knobs.items())) + name)}
    if prefix:
        steps["rerank"] = _Prefix(label_=repr(sorted(prefix.items())))
    return Configuration(steps, SOURCE, dict(knobs), name, roles)


def small_space(baselines: bool = True) -> MadeSpace:
    """60 candidates like the quickstart's, lexical ones without an embedder, and two baselines."""
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
    """Scores of every configuration on every question: additive in the knobs, plus the question's difficulty, plus
    noise. ``asked``: what was asked of each key, in order; ``failed``: keys that cannot run, with the reason."""

    def __init__(
        self, space: MadeSpace, questions: int = 80, seed: int = 0, spread: float = 0.08, noise: float = 0.3
    ) -> None:
        import numpy as np

        rng = np.random.default_rng(seed)
        self.space = space
        self.questions = tuple(f"q{index:03d}" for index in range(questions))
        effects: dict[tuple[str, str], float] = {}
        self.mean: dict[str, float] = {}
        difficulty = rng.normal(0, 0.2, questions)
        self.table: dict[str, Any] = {}
        for row in space.configurations:
            total = 0.5
            for item in row.knobs.items():
                total += effects.setdefault(item, float(rng.normal(0, spread)))
            self.mean[row.key] = total
            self.table[row.key] = np.clip(total + difficulty + rng.normal(0, noise, questions), 0, 1)
        self.failed: dict[str, str] = {}
        self.asked: dict[str, list[str]] = {}
        self.metric = GOAL.metric

    def block(self, request: Request) -> Block:
        """Return what the engine would give back."""
        key = request.configuration.key
        if key in self.failed:
            return Block(request.configuration, {}, Usage(), self.failed[key])
        if key not in self.table:
            return Block(request.configuration, {q: {"recall@5": Score(0.5)} for q in request.questions}, Usage())
        self.asked.setdefault(key, []).extend(request.questions)
        column = {q: i for i, q in enumerate(self.questions)}
        scores: dict[str, dict[str, Score | Failure]] = {
            q: {self.metric: Score(float(self.table[key][column[q]]))} for q in request.questions
        }
        n = len(request.questions)
        return Block(request.configuration, scores, Usage(100 * n, 10 * n, 0.5 * n, 0.001 * n, n))

    @property
    def answers(self) -> int:
        """Questions asked so far."""
        return sum(map(len, self.asked.values()))


def opened(inner: Proposer, world: World, space: MadeSpace | None = None) -> OpeningMoves:
    """Return a search that opens with all retrieval prefixes in one round, as a sweep with a retrieval metric does."""
    prefixes = distinct_prefixes((space or world.space).configurations)
    return OpeningMoves(inner, world.questions, [tuple(prefixes.values())])


Log = list[tuple[list[Request], list[Block]]]


def play(proposer: Proposer, world: Any, n: int = 64, rounds: int = 2000, log: Log | None = None) -> int:
    """Ask and tell until the search and its finals are over; gives the number of rounds."""
    for number in range(rounds):
        requests = list(proposer.ask(n)) or list(proposer.finals())
        if not requests:
            return number
        blocks = [world.block(request) for request in requests]
        if log is not None:
            log.append((requests, blocks))
        proposer.tell(blocks)
    raise AssertionError("the search does not end")


def judge_failed() -> Failure:
    """Return a judgement that could not be had."""
    return Failure("measurement", "judge_failed")


def shape(requests: Sequence[Request]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what two searches that ask alike have in common."""
    return [(request.configuration.key, request.questions) for request in requests]


class ProposerConformance:
    """Every search keeps these promises. Subclasses set ``search`` and, where needed, ``options``."""

    search: str = ""
    options: Mapping[str, object] = {}
    limits: Sequence[int] = (0, 1, 5, 17, 50, 133, 420)
    """Limits on answers that are tried; a search that is slow may try fewer."""
    space: MadeSpace = small_space()
    worlds: int = 3
    """Worlds in which something good must be found."""

    def made(self, world: World, limit: int | None = None, space: MadeSpace | None = None, **more: object) -> Proposer:
        """Return the search on a world."""
        questions = order_questions(world.questions, 0)
        return make_proposer(
            self.search, space or self.space, questions, GOAL, 0, limit, {**self.options, **more}, storage=""
        )

    def test_the_limit_is_kept_and_used(self) -> None:
        """Never one answer more than allowed, and at least four fifths of what is allowed."""
        for limit in self.limits:
            world = World(self.space)
            play(self.made(world, limit), world, n=7)
            assert world.answers <= limit
            if 50 <= limit <= 300:
                assert world.answers >= 0.8 * limit

    def test_no_question_is_asked_twice_of_a_configuration(self) -> None:
        """Not even of two spellings of one configuration: what a configuration does not have is no difference."""
        world = World(self.space, questions=40, seed=1)
        play(self.made(world, 300), world)
        assert all(len(set(asked)) == len(asked) for asked in world.asked.values())
        assert set(world.asked) <= {row.key for row in self.space.configurations}
        twice = MadeSpace((*self.space.configurations, *self.space.configurations))
        again = World(twice, questions=40, seed=1)
        play(self.made(again, 300, twice), again)
        assert all(len(set(asked)) == len(asked) for asked in again.asked.values())

    def test_rows_with_a_role_are_measured(self) -> None:
        """Baselines and the reference get answers whatever the search thinks of them."""
        world = World(self.space, seed=1)
        play(self.made(world, 260), world)
        assert {row.key for row in self.space.configurations if row.roles} <= set(world.asked)

    def test_asking_twice_and_replaying_give_the_same(self) -> None:
        """The next requests are a function of what was told."""
        world = World(self.space, seed=2)
        log: Log = []
        play(self.made(world, 200), world, n=16, log=log)
        again = self.made(world, 200)
        for requests, blocks in log:
            first = list(again.ask(16)) or list(again.finals())
            second = list(again.ask(16)) or list(again.finals())
            assert shape(first) == shape(second) == shape(requests)
            again.restore(requests, blocks)
        assert not again.ask(16)
        assert not again.finals()

    def test_one_configuration_and_one_question(self) -> None:
        """The smallest space is measured once."""
        one = MadeSpace((configuration({"generate": "smol"}),))
        world = World(one, questions=1)
        play(self.made(world, space=one), world)
        assert world.asked == {one.configurations[0].key: ["q000"]}

    def test_only_rows_with_a_role(self) -> None:
        """A sweep of included rows only."""
        rows = MadeSpace(tuple(row for row in self.space.configurations if row.roles))
        world = World(rows, questions=12)
        play(self.made(world, 100, rows), world)
        assert set(world.asked) == {row.key for row in rows.configurations}

    def test_equal_scores(self) -> None:
        """A metric without any spread ends like any other."""
        for value in (0.0, 0.5, 1.0):
            world = World(self.space, questions=20)
            world.table = {key: table * 0 + value for key, table in world.table.items()}
            proposer = self.made(world, 150)
            play(proposer, world)
            assert 0 < world.answers <= 150
            self.check_notes(proposer)

    def test_a_goal_that_is_never_measured(self) -> None:
        """Blocks without the goal's figure: an end, no figures made up."""
        world = World(self.space, questions=20)
        world.metric = "something.else"
        proposer = self.made(world, 150)
        play(proposer, world)
        assert world.answers <= 150
        self.check_notes(proposer)

    def test_failing_configurations(self) -> None:
        """Those that cannot run are asked once; when none can, the search ends."""
        world = World(self.space, seed=5)
        broken = {row.key for row in self.space.configurations if row.knobs.get("retriever") == "dense"}
        world.failed = dict.fromkeys(broken, "the embedder cannot be loaded")
        log: Log = []
        play(self.made(world, 200), world, log=log)
        asked = [request.configuration.key for requests, _ in log for request in requests]
        assert all(asked.count(key) <= 1 for key in broken)
        world = World(self.space)
        world.failed = dict.fromkeys(world.mean, "no")
        proposer = self.made(world, 200)
        play(proposer, world)
        assert not world.asked
        self.check_notes(proposer)

    def test_what_is_known_is_free_and_never_asked_again(self) -> None:
        """A later sweep is told what was measured before."""
        world = World(self.space, questions=30, seed=6)
        rows = self.space.configurations[:8]
        known = [Request(row, world.questions[5:25], "known") for row in rows]
        proposer: Any = self.made(world, 120)
        proposer.know([world.block(request) for request in known])
        before, world.asked = world.asked, {}
        play(proposer, world)
        assert 0 < world.answers <= 120
        for key, asked in world.asked.items():
            assert not set(asked) & set(before.get(key, ()))

    def test_it_finds_something_good(self) -> None:
        """With a third of the grid's answers the deepest rows are far above the average one."""
        found, average = 0.0, 0.0
        for seed in range(self.worlds):
            world = World(self.space, questions=60, seed=20 + seed, spread=0.1, noise=0.2)
            play(self.made(world, 1200), world, n=16)
            deep = max(map(len, world.asked.values()))
            candidates = [row.key for row in self.space.configurations if not row.roles]
            best = [world.mean[key] for key in candidates if len(world.asked.get(key, ())) == deep]
            found += max(best)
            average += sum(world.mean[key] for key in candidates) / len(candidates)
        assert found > average + self.worlds * 0.05

    def check_notes(self, proposer: Proposer) -> None:
        """Assert that notes have a sentence in both languages, and no NaN."""
        for note in proposer.notes():
            assert note.kind
            assert note.text("en") != note.text("ko")
            assert "nan" not in json.dumps(asdict(note)).lower().split()

"""A finished sweep of any size, written straight into a store: for tests and benchmarks of what reads it.

Nothing is computed and nothing is asked. Cells hold drawn scores, usages and texts in the form in which a worker writes
them, and the journal holds the rounds that a grid search would have proposed.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragscout.engine.journal import SweepJournal
from ragscout.engine.worker import cell_key
from ragscout.model.cells import encode
from ragscout.model.config import Configuration, Node
from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Answer, Failure, Hit, Ranking, Score, Usage
from ragscout.model.results.journal import (
    AskedRequest,
    ClosingBegun,
    RoundAsked,
    RoundMeasured,
    SweepClosed,
    SweepOpened,
)
from ragscout.model.results.reason import DONE
from ragscout.model.stages import STAGES
from ragscout.plan.setup import prepare
from ragscout.spec import load as load_spec
from ragscout.store.store import CellData, Store

EACH = 20
"""Configurations of one chunk size and one length of answers: 2 overlaps, 5 numbers of passages, 2 models."""
TEXT = """\
sweep: {name}
eval_set: {data}
models:
  first: {{provider: openai, base_url: "http://127.0.0.1:9/v1", model: first}}
  second: {{provider: openai, base_url: "http://127.0.0.1:9/v1", model: second}}
pipeline:
  chunk: {{use: characters, size: {sizes}, overlap: [0, 10%]}}
  retriever: bm25
  prompt: {{use: template, passages: [1, 2, 3, 5, 8]}}
  generate:
    - {{use: chat, model: first, max_tokens: {lengths}}}
    - {{use: chat, model: second, max_tokens: {lengths}}}
measure: {{retrieval: [recall@5, ndcg@5], answer: [bleu, rouge1, rougeL, token_f1]}}
goal: {{maximize: token_f1}}
search: grid
network: offline
probe: off
"""


@dataclass(frozen=True)
class FinishedSweep:
    """Where a drawn sweep lies. ``file``: the sweep file; ``store``: its store's folder."""

    file: Path
    store: Path


class SweepWriter:
    """Writes the rounds of a drawn sweep one after the other."""

    def __init__(self, folder: Path, rows: int, questions: int, *, name: str = "drawn", each: int = 20) -> None:
        """Args: rows, questions = the size; each = configurations per round."""
        self.place = FinishedSweep(_files(folder, rows, questions, name), folder / "store")
        self.store = Store.open(self.place.store)
        self.prepared = prepare(load_spec(self.place.file), self.store, folder)
        self.journal = SweepJournal(self.store.ledger, self.prepared.sweep_id)
        self._rows, self._each = rows, each

    def open(self) -> None:
        """Write the opening record."""
        self.journal.append(SweepOpened(self.prepared.opened().payload()))

    def rounds(self) -> Iterator[int]:
        """Write round after round, its number given when it is measured: first the retrieval prefixes, then answers."""
        prepared = self.prepared
        prefixes = list(prepared.prefixes.values())
        chosen = prepared.space.configurations[: self._rows]
        batches = [prefixes, *(chosen[at : at + self._each] for at in range(0, len(chosen), self._each))]
        for number, batch in enumerate(batches):
            self._round(number, batch)
            yield number

    def close(self) -> None:
        """Write what ends a sweep without a hold-out."""
        self.journal.append(ClosingBegun(1.0))
        self.journal.append(SweepClosed(DONE))

    def _round(self, number: int, batch: Sequence[Configuration]) -> None:
        prepared, names = self.prepared, tuple(question.id for question in self.prepared.questions)
        asked = tuple(AskedRequest(item.key, names, "grid") for item in batch)
        self.journal.append(RoundAsked(number, asked))
        for configuration in batch:
            for node in prepared.wanted(configuration):
                self.store.write_cells(node.key, dict(_cells(node, prepared.questions)))
        self.journal.append(RoundMeasured(number, clock=1.0))


def finished_sweep(folder: Path, rows: int, questions: int, name: str = "drawn") -> FinishedSweep:
    """Write a whole sweep of ``rows`` configurations on ``questions`` questions into an empty folder."""
    writer = SweepWriter(folder, rows, questions, name=name)
    writer.open()
    for _ in writer.rounds():
        pass
    writer.close()
    return writer.place


def _files(folder: Path, rows: int, questions: int, name: str) -> Path:
    """Write the evaluation set and the sweep file; give the latter's path."""
    data = folder / "data"
    data.mkdir(parents=True)
    lines = [{"doc_id": f"d{n}", "title": f"Rule {n}", "text": f"Rule {n} grants {n} days."} for n in range(questions)]
    asked = [
        {
            "id": f"q{n}",
            "question": f"How many days does rule {n} grant?",
            "answers": [f"{n} days"],
            "gold_doc_ids": [f"d{n}"],
        }
        for n in range(questions)
    ]
    (data / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    (data / "qa.jsonl").write_text("\n".join(map(json.dumps, asked)) + "\n", encoding="utf-8")
    needed = -(-rows // EACH)
    count = math.isqrt(needed - 1) + 1
    sizes = [200 + 100 * place for place in range(count)]
    lengths = [100 + 20 * place for place in range(-(-needed // count))]
    file = folder / f"{name}.yaml"
    text = TEXT.format(name=name, data=data, sizes=sizes, lengths=lengths)
    file.write_text(text, encoding="utf-8")
    return file


def _cells(node: Node, questions: Sequence[Question]) -> Iterator[tuple[str, CellData]]:
    """Cells of a node by question key, as drawn from a generator that the node's key seeds."""
    rng = random.Random(node.key)
    level = rng.uniform(0.3, 0.6)
    for question in questions:
        own = Usage(rng.randint(200, 900), rng.randint(5, 60), rng.uniform(0.1, 2.0), None, 1)
        yield cell_key(node, question), CellData(encode(node.stage, _value(node, level, rng)), own, own)


def _value(node: Node, level: float, rng: random.Random) -> object:
    """Value of a cell: an answer, or a score for each figure of a metric, of which one in fifty could not be had."""
    if not isinstance(node.step, MeasureStep):
        if STAGES[node.stage].in_prefix:
            return Ranking(tuple(Hit(row, 1.0 / (1 + row)) for row in range(rng.randint(5, 10))))
        return Answer(f"{rng.randint(1, 99)} days", passages=(rng.randint(0, 9),))
    if rng.random() < 0.002:
        return {figure.name: Failure("candidate", "refused", "no answer") for figure in node.step.figures()}
    drawn = min(1.0, max(0.0, rng.gauss(level, 0.25)))
    return {figure.name: Score(round(drawn ** (1 + place / 4), 6)) for place, figure in enumerate(node.step.figures())}

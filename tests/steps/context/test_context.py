"""The passages that prompts are made from: as retrieved, and parents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ragscout.model.cost import Workload
from ragscout.model.errors import StepError
from ragscout.model.evalset import Document
from ragscout.model.outcome import Hit, Ranking
from ragscout.model.step import make
from ragscout.model.values import Chunks, Corpus, Passages, Picked
from ragscout.testing.generation import CHUNKS, QUESTIONS, RANKINGS, ContextKit
from ragscout.testing.steps import FakeRuntime, run

HALVES = Chunks(
    CHUNKS.document,
    (0,) * len(CHUNKS),
    tuple(len(text) // 2 for text in CHUNKS.text),
    tuple(text[: len(text) // 2] for text in CHUNKS.text),
    CHUNKS.titles,
    parents=CHUNKS,
    parent=tuple(range(len(CHUNKS))),
)


class TestAsRetrieved(ContextKit):
    cases = (("as-retrieved", {}),)

    def test_the_chunks_themselves(self) -> None:
        (found,) = self.asked(self.steps()[0], [1])
        assert tuple(found.text) == tuple(CHUNKS.text[row] for row in (2, 3, 0))
        assert found.rows == ((2,), (3,), (0,)) and found.title == ("연차휴가", "재택근무", "Leave")
        assert found.span[0] == (0, len(CHUNKS.text[2]))


class TestParents(ContextKit):
    cases = (("parents", {}), ("parents", {"limit": 1}))

    def chunks(self) -> Chunks:
        return HALVES

    def test_limit(self) -> None:
        assert [len(found) for found in self.asked(self.steps()[1], range(len(QUESTIONS)))] == [1, 1, 1, 1, 0, 1]
        assert self.asked(self.steps()[0], [0])[0].text == tuple(CHUNKS.text[row] for row in (0, 1, 2))


def test_a_parent_stands_where_its_best_chunk_stood() -> None:
    text = "One sentence here. Another one there. A third one follows. The last one ends it."
    document = Document("d", text, "Title")
    chunks: Chunks = run(make("chunk", "parent-child", {"size": 20, "times": 2}), corpus=Corpus((document,)))
    assert chunks.parents is not None and len(chunks.parents) < len(chunks)
    last = max(row for row in range(1, len(chunks)) if chunks.parent[row] == chunks.parent[row - 1] > 0)
    twin, first = last - 1, 0
    ranked = Ranking((Hit(last, 0.9), Hit(first, 0.8), Hit(twin, 0.7)))
    (found,) = run(make("context", "parents"), FakeRuntime(), QUESTIONS[:1], chunk=chunks, rerank=[ranked])
    assert found.rows == ((last, twin), (first,))
    assert found.text == tuple(chunks.parents.text[chunks.parent[row]] for row in (last, first))
    assert [text[start:end] for start, end in found.span] == list(found.text)
    assert found.title == ("Title", "Title")


def test_chunks_without_parents_are_refused_and_never_asked() -> None:
    step = make("context", "parents")
    with pytest.raises(StepError, match="Use chunk: parent-child"):
        run(step, FakeRuntime(), QUESTIONS[:1], chunk=CHUNKS, rerank=RANKINGS[:1])
    assert step.idle({"chunk": make("chunk", "sentences")})
    assert not step.idle({"chunk": make("chunk", "parent-child")})
    assert step.after(Workload(parent=4000, passage=400)).passage == 4000
    assert step.after(Workload(passage=400)).passage == 400


def test_texts_are_read_when_they_are_asked_for() -> None:
    class Column(tuple[str, ...]):
        read: list[int] = []

        def __getitem__(self, at: Any) -> Any:
            self.read.append(at)
            return super().__getitem__(at)

    column = Column(("a", "b", "c"))
    found = Passages.of(replace(CHUNKS, text=column), (2, 0))
    assert Column.read == [] and found.text[1] == "a" and Column.read == [0]
    assert found.text == ("c", "a") and found.text[:1] == ("c",) and len(found.text) == 2
    assert found.text == Picked(("a", "c"), (1, 0)) and hash(found.text) == hash(("c", "a"))

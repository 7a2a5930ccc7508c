"""The parent-child chunker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import ParameterError
from ragscout.model.evalset import Document
from ragscout.model.step import make
from ragscout.model.values import Chunks, Corpus, codec
from ragscout.steps.batches import Spill
from ragscout.testing.chunkers import ENGLISH, KOREAN, ChunkerKit, corpus
from ragscout.testing.steps import run


class TestParentChild(ChunkerKit):
    name = "parent-child"
    cases = (("parent-child", {}), ("parent-child", {"size": 60, "times": 3, "overlap": "20%"}))

    def test_chunks_lie_in_their_parents(self) -> None:
        chunks = run(self.step(size=40, times=3), corpus=corpus(KOREAN, ENGLISH))
        parents = chunks.parents
        assert parents is not None and len(chunks.parent) == len(chunks) > len(parents) > 2
        assert all(len(text) <= 120 for text in parents.text)
        for row, parent in enumerate(chunks.parent):
            assert chunks.document[row] == parents.document[parent]
            assert parents.start[parent] <= chunks.start[row] < chunks.end[row] <= parents.end[parent]
            assert chunks.text[row] in parents.text[parent]
        assert sorted(set(chunks.parent)) == list(range(len(parents)))

    def test_a_parent_is_larger_than_a_chunk(self) -> None:
        with pytest.raises(ParameterError, match="at least 2"):
            self.step(size=40, times=1)


def test_parents_of_documents_on_disk_are_the_same(tmp_path: Path) -> None:
    documents = [Document(f"d{number}", f"{KOREAN} {number} {ENGLISH}", f"t{number}") for number in range(5)]
    step_ = make("chunk", "parent-child", {"size": 50, "overlap": 10})
    held: Chunks = run(step_, corpus=Corpus(tuple(documents)))
    spilt: Chunks = run(step_, corpus=Corpus(Spill(limit=10).keep(iter(documents))))
    assert not isinstance(spilt.text, tuple)
    codec("chunk").save(spilt, tmp_path)
    for one in (spilt, codec("chunk").load(tmp_path)):
        for name in ("document", "start", "end", "text", "parent"):
            assert list(getattr(one, name)) == list(getattr(held, name)), name
        assert one.parents is not None and held.parents is not None
        assert list(one.parents.text) == list(held.parents.text) and one.titles == held.titles


def test_chunks_are_what_they_were_without_another_index_text() -> None:
    chunks: Any = run(make("chunk", "characters", {"size": 100}), corpus=corpus(ENGLISH))
    assert chunks.index_text is None and chunks.parents is None and chunks.indexed is chunks.text

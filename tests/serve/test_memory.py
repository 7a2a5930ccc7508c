from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ragscout.model.outcome import Unfilled
from ragscout.model.runtime import VectorRef
from ragscout.serve.memory import MemoryMemo


class Counting:
    """Doubles numbers and turns texts into vectors, counting what it is asked."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self.keys, self.asked = keys, 0

    async def items(self, positions: Sequence[int]) -> list[Any]:
        self.asked += len(positions)
        return [f"{self.keys[position]}!" for position in positions]

    async def vectors(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += len(texts)
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


def items(memo: MemoryMemo, work: Counting) -> list[Any]:
    return asyncio.run(memo.items("kind", work.keys, work.items))


def test_items_are_computed_once_in_order() -> None:
    memo, work = MemoryMemo(10), Counting(["b", "a", "b"])
    assert items(memo, work) == ["b!", "a!", "b!"]
    assert work.asked == 2
    assert items(memo, work) == ["b!", "a!", "b!"]
    assert work.asked == 2


def test_the_oldest_are_forgotten() -> None:
    memo = MemoryMemo(2)
    assert items(memo, Counting(["a", "b", "c"])) == ["a!", "b!", "c!"]
    again = Counting(["a", "b", "c"])
    assert items(memo, again) == ["a!", "b!", "c!"]
    assert again.asked == 1


def test_nothing_is_remembered_at_zero() -> None:
    memo, work = MemoryMemo(0), Counting(["a"])
    assert items(memo, work) == items(memo, work) == ["a!"]
    assert work.asked == 2


def test_an_open_item_is_asked_again() -> None:
    memo = MemoryMemo(10)

    async def down(positions: Sequence[int]) -> list[Any]:
        return [Unfilled("endpoint") for _ in positions]

    assert asyncio.run(memo.items("kind", ["a"], down)) == [Unfilled("endpoint")]
    assert items(memo, Counting(["a"])) == ["a!"]


@pytest.mark.parametrize(("keep", "asked"), [(None, 2), (10, 2), (1, 3), (0, 4)])
def test_vectors_come_back_for_their_texts(keep: int | None, asked: int) -> None:
    memo, work = MemoryMemo(keep), Counting()

    def lengths(*texts: str) -> list[float]:
        refs = asyncio.run(memo.vectors("encoder", texts, work.vectors))
        return [float(row[0]) for row in memo.matrix(refs)]

    assert lengths("질문", "a", "질문") == [2.0, 1.0, 2.0]
    assert lengths("a", "질문") == [1.0, 2.0]
    assert work.asked == asked


def test_references_hold_after_they_are_forgotten_or_written_down() -> None:
    memo, work = MemoryMemo(1), Counting()
    first = asyncio.run(memo.vectors("encoder", ["abc"], work.vectors))
    asyncio.run(memo.vectors("encoder", ["abcd"], work.vectors))
    assert memo.matrix(first).tolist() == [[3.0, 1.0]]
    everything = MemoryMemo(None)
    refs = asyncio.run(everything.vectors("encoder", ["abc", "x"], work.vectors))
    plain = [VectorRef(ref.shard, ref.row) for ref in refs]
    assert everything.matrix(plain).tolist() == [[3.0, 1.0], [1.0, 1.0]]
    assert everything.matrix([]).shape == (0, 0)

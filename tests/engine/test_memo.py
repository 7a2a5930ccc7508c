import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragscout.model.errors import StepError, StoreError
from ragscout.model.outcome import Unfilled
from ragscout.store import memo as memo_module
from ragscout.store.ledger import NodeRow
from ragscout.store.memo import StoreMemo
from ragscout.store.store import Store
from ragscout.testing.store import damage


class Counter:
    """An item function that counts what it is asked for."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.asked: list[str] = []

    async def __call__(self, positions: Sequence[int]) -> list[Any]:
        self.asked += [self.keys[position] for position in positions]
        await asyncio.sleep(0.01)
        return [{"답": self.keys[position], "pair": (1, 0.1)} for position in positions]


def test_items_are_computed_once(store: Store) -> None:
    async def main() -> None:
        memo, keys = StoreMemo(store), ["a", "b", "a", "c"]
        counter = Counter(keys)
        first = await memo.items("k", keys, counter)
        assert counter.asked == ["a", "b", "c"]
        assert first == [{"답": key, "pair": [1, 0.1]} for key in keys]
        assert await StoreMemo(store).items("k", ["c", "d", "b"], Counter(["c", "d", "b"])) == [
            {"답": key, "pair": [1, 0.1]} for key in ("c", "d", "b")
        ]
        await memo.items("k", keys, counter)
        assert counter.asked == ["a", "b", "c"]
        assert await memo.items("k", [], counter) == []

    asyncio.run(main())


def test_single_flight(folder_store: Store) -> None:
    async def main() -> None:
        memo = StoreMemo(folder_store)
        keys = [[f"q{number}", "shared", f"q{number + 1}"] for number in range(20)]
        counters = [Counter(item) for item in keys]
        found = await asyncio.gather(
            *(memo.items("k", item, count) for item, count in zip(keys, counters, strict=True))
        )
        asked = [key for counter in counters for key in counter.asked]
        assert sorted(asked) == sorted(set(asked))
        assert [[value["답"] for value in values] for values in found] == keys

    asyncio.run(main())


def test_after_a_failure_or_a_cancel_the_next_one_computes(folder_store: Store) -> None:
    async def broken(positions: Sequence[int]) -> list[Any]:
        await asyncio.sleep(0.02)
        raise StepError("no")

    async def for_ever(positions: Sequence[int]) -> list[Any]:
        await asyncio.sleep(60)
        return []

    async def main() -> None:
        memo, counter = StoreMemo(folder_store), Counter(["a"])
        first = asyncio.create_task(memo.items("k", ["a"], broken))
        second = asyncio.create_task(memo.items("k", ["a"], for_ever))
        third = asyncio.create_task(memo.items("k", ["a"], counter))
        with pytest.raises(StepError):
            await first
        await asyncio.sleep(0.02)
        second.cancel()
        assert (await third)[0]["답"] == "a"
        assert counter.asked == ["a"]

    asyncio.run(main())


def test_unfilled_is_handed_back_and_not_recorded(folder_store: Store) -> None:
    async def half(positions: Sequence[int]) -> list[Any]:
        return [Unfilled("endpoint", "429") if position else "fine" for position in positions]

    async def main() -> None:
        memo = StoreMemo(folder_store)
        assert await memo.items("k", ["a", "b"], half) == ["fine", Unfilled("endpoint", "429")]
        counter = Counter(["a", "b"])
        assert (await memo.items("k", ["a", "b"], counter))[0] == "fine"
        assert counter.asked == ["b"]

    asyncio.run(main())


def test_wrong_results_are_refused(folder_store: Store) -> None:
    async def short(positions: Sequence[int]) -> list[Any]:
        return [1]

    async def nan(positions: Sequence[int]) -> list[Any]:
        return [float("nan")]

    memo = StoreMemo(folder_store)
    with pytest.raises(ValueError, match="2 values were asked for, 1 came back"):
        asyncio.run(memo.items("k", ["a", "b"], short))
    with pytest.raises(ValueError, match="JSON compliant"):
        asyncio.run(memo.items("k", ["a"], nan))


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    rows = [[len(text), sum(map(ord, text)) % 97, 1.0] for text in texts]
    return np.asarray(rows, dtype=np.float32)


class Encoder:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    async def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        await asyncio.sleep(0)
        return vectors_of(texts)


def test_vectors(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo_module, "TEXTS_AT_ONCE", 4)
    texts = ["긴 문장입니다", "b", "긴 문장입니다", "가", "ccc", "dd", "eeeeeeeeee"]

    async def main() -> None:
        memo, encoder = StoreMemo(store), Encoder()
        refs = await memo.vectors("e", texts, encoder)
        assert [len(call) for call in encoder.calls] == [4, 2]
        lengths = [len(text) for call in encoder.calls for text in call]
        assert lengths == sorted(lengths)
        assert np.array_equal(memo.matrix(refs), vectors_of(texts))
        assert memo.matrix(refs).dtype == np.float32
        assert await StoreMemo(store).vectors("e", list(reversed(texts)), encoder) == list(reversed(refs))
        assert len(encoder.calls) == 2
        other = await memo.vectors("other encoder", texts, encoder)
        assert len(encoder.calls) == 4
        assert {ref.shard for ref in other} == {ref.shard for ref in refs}
        assert memo.matrix([]).shape == (0, 0)
        assert await memo.vectors("e", [], encoder) == []
        assert store.ledger.claimant("vectors:e") is None

    asyncio.run(main())


def test_an_interrupted_run_goes_on_with_the_same_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo_module, "TEXTS_AT_ONCE", 10)
    texts = [f"문장 {number}" * (number % 7 + 1) for number in range(47)]

    class Killed(Encoder):
        async def __call__(self, texts: Sequence[str]) -> np.ndarray:
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return await super().__call__(texts)

    whole, first, rest = Encoder(), Killed(), Encoder()
    whole_refs = asyncio.run(StoreMemo(Store.open(tmp_path / "one")).vectors("e", texts, whole))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(StoreMemo(Store.open(tmp_path / "two")).vectors("e", texts, first))
    refs = asyncio.run(StoreMemo(Store.open(tmp_path / "two")).vectors("e", list(reversed(texts)), rest))
    assert first.calls + rest.calls == whole.calls
    assert refs == list(reversed(whole_refs))


def test_two_processes_encode_each_text_once(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import asyncio, sys, json
        import numpy as np
        from ragscout.store.memo import StoreMemo
        from ragscout.store.store import Store
        count = 0
        async def encode(texts):
            global count
            count += len(texts)
            await asyncio.sleep(0.3)
            return np.ones((len(texts), 2), dtype=np.float32)
        memo = StoreMemo(Store.open(sys.argv[1]))
        refs = asyncio.run(memo.vectors("e", [f"t{i}" for i in range(50)], encode))
        print(json.dumps([count, sorted({ref.shard for ref in refs})]))
        """
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [json.loads(run.communicate(timeout=60)[0]) for run in runs]
    assert sorted(item[0] for item in found) == [0, 50]
    assert found[0][1] == found[1][1]


def test_a_damaged_vector_shard_heals(folder_store: Store) -> None:
    folder_store.ledger.nodes_add([NodeRow("embedding", "embed", "{}", {})])
    folder_store.save_value("embedding", lambda folder: (folder / "refs").write_bytes(b"refs") and None)
    encoder = Encoder()
    refs = asyncio.run(StoreMemo(folder_store).vectors("e", ["가", "나"], encoder))
    place = folder_store.blobs.local_path(refs[0].shard)
    assert place is not None
    damage([place])
    with pytest.raises(StoreError, match=r"has been set aside. Run again"):
        StoreMemo(folder_store).matrix(refs)
    assert len(folder_store.damage) == 1
    assert folder_store.value_folder("embedding") is None
    again = asyncio.run(StoreMemo(folder_store).vectors("e", ["나", "가"], encoder))
    assert again == list(reversed(refs))
    assert np.array_equal(StoreMemo(folder_store).matrix(refs), vectors_of(["가", "나"]))


def test_wrong_vectors_are_refused(folder_store: Store) -> None:
    async def flat(texts: Sequence[str]) -> np.ndarray:
        return np.ones(len(texts), dtype=np.float32)

    async def nan(texts: Sequence[str]) -> np.ndarray:
        return np.full((len(texts), 2), np.nan, dtype=np.float32)

    memo = StoreMemo(folder_store)
    with pytest.raises(StepError, match=r"an array of shape \(1,\) for 1 texts"):
        asyncio.run(memo.vectors("e", ["a"], flat))
    with pytest.raises(StepError, match="not finite"):
        asyncio.run(memo.vectors("e", ["a"], nan))
    assert folder_store.ledger.claimant("vectors:e") is None


def test_few_shards_stay_in_memory(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo_module, "TEXTS_AT_ONCE", 2)
    memo = StoreMemo(folder_store, keep_bytes=60)
    texts = [f"t{number:03}" for number in range(20)]
    refs = asyncio.run(memo.vectors("e", texts, Encoder()))
    assert np.array_equal(memo.matrix(refs), vectors_of(texts))
    assert len(memo._shards) == 2

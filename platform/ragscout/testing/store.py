"""Conformance kits of the store: what every ``Blobs``, ``Ledger`` and ``Store`` must do.

A test inherits a kit and gives the fixture it names: ``blobs``, ``ledger`` or ``store``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ragscout.model.errors import StoreError
from ragscout.model.outcome import Usage
from ragscout.model.runtime import VectorRef
from ragscout.store.amounts import Amount, Charge, SpendLimits, Spent
from ragscout.store.blobs import Blobs, DamagedBlobError, copy_out, verify
from ragscout.store.ledger import Journal, Ledger, NodeRow
from ragscout.store.rows import CellRow, ShardRows
from ragscout.store.store import CellData, Store
from ragscout.store.windows import RateNeed, Window

T = TypeVar("T")
KOREAN = "연차 유급휴가는 1년간 80% 이상 출근한 근로자에게 주어진다."


class BlobsKit:
    """Inherit and give the fixture ``blobs``."""

    def test_what_goes_in_comes_out(self, blobs: Blobs) -> None:
        """Bytes come back, under the digest of their content."""
        for data in (b"", b"\x00\xff", KOREAN.encode(), b"x" * 3_000_000):
            digest = blobs.put(data)
            assert digest == hashlib.sha256(data).hexdigest()
            assert blobs.read(digest) == data
            assert blobs.open(digest).read() == data
            assert blobs.size(digest) == len(data)
            verify(blobs, digest)

    def test_putting_twice_changes_nothing(self, blobs: Blobs, tmp_path: Path) -> None:
        """The same bytes, as bytes or as a file, are one blob."""
        file = tmp_path / "한글 파일.txt"
        file.write_bytes(KOREAN.encode())
        digest = blobs.put(KOREAN.encode())
        assert blobs.put(KOREAN.encode()) == digest
        assert blobs.put_file(file) == digest
        assert list(blobs.list()) == [digest]
        assert file.read_bytes() == KOREAN.encode()

    def test_absent_blobs(self, blobs: Blobs) -> None:
        """An absent blob is said to be absent, by name."""
        digest = "0" * 64
        assert not blobs.exists(digest)
        assert blobs.size(digest) == 0
        assert blobs.local_path(digest) is None
        for ask in (blobs.read, blobs.open):
            with pytest.raises(DamagedBlobError, match="blob 000000000000 is missing"):
                ask(digest)
        blobs.set_aside(digest)
        blobs.remove(digest)

    def test_set_aside_and_remove(self, blobs: Blobs) -> None:
        """Both make room for the same bytes again."""
        for away in (blobs.set_aside, blobs.remove):
            digest = blobs.put(b"once")
            away(digest)
            assert not blobs.exists(digest)
            assert list(blobs.list()) == []
            assert blobs.read(blobs.put(b"once")) == b"once"
            blobs.remove(digest)

    def test_many_threads_put_the_same(self, blobs: Blobs) -> None:
        """Racing writers of one blob all succeed."""
        digests = in_threads(8, lambda number: [blobs.put(f"{item}".encode() * 1000) for item in range(20)])
        assert len({tuple(item) for item in digests}) == 1
        assert sorted(blobs.list()) == sorted(digests[0])

    def test_copy_out(self, blobs: Blobs, tmp_path: Path) -> None:
        """A blob becomes a local file."""
        copy_out(blobs, blobs.put(b"abc"), tmp_path / "deep" / "file")
        assert (tmp_path / "deep" / "file").read_bytes() == b"abc"


class LedgerKit:
    """Inherit and give the fixture ``ledger``."""

    def test_nodes(self, ledger: Ledger) -> None:
        """A node is named once."""
        one = NodeRow("k", "chunk", '{"name":"characters"}', {"corpus": "c"})
        ledger.nodes_add([one, NodeRow("c", "corpus", "{}", {})])
        ledger.nodes_add([NodeRow("k", "chunk", '{"name":"other"}', {})])
        ledger.nodes_add([])
        row = ledger.node("k")
        assert row is not None
        assert (row.stage, row.step, row.inputs) == ("chunk", '{"name":"characters"}', {"corpus": "c"})
        assert ledger.node("c") == NodeRow("c", "corpus", "{}", {}) and ledger.node("absent") is None

    def test_first_value_wins(self, ledger: Ledger) -> None:
        """The second commit of a value is refused and changes nothing."""
        assert ledger.value("k") is None
        assert ledger.value_commit("k", "one", Usage(1, 2, 0.5, None, 3), {"겹침": 0.1})
        assert not ledger.value_commit("k", "two", Usage(), {})
        row = ledger.value("k")
        assert row is not None
        assert (row.manifest, row.usage, row.notes) == ("one", Usage(1, 2, 0.5, None, 3), {"겹침": 0.1})

    def test_first_cell_wins(self, ledger: Ledger) -> None:
        """A cell that is there stays, new ones of the same shard are added."""
        first = [CellRow("a", 0, False, Usage(seconds=0.25), Usage(money=0.1)), CellRow("b", 1, True, Usage(), Usage())]
        assert ledger.cells_commit("n", "s1", first) == 2
        assert ledger.cells_commit("n", "s2", [CellRow("b", 0, False, Usage(), Usage()), plain("c", 1)]) == 1
        found = ledger.cells("n", ["c", "b", "a", "zz"])
        assert {key: (ref.shard, ref.row, ref.failed) for key, ref in found.items()} == {
            "a": ("s1", 0, False),
            "b": ("s1", 1, True),
            "c": ("s2", 1, False),
        }
        assert (found["a"].usage, found["a"].path) == (Usage(seconds=0.25), Usage(money=0.1))
        assert ledger.cells_present("n", ["a", "zz"]) == {"a"}
        assert ledger.cells_present("other", ["a"]) == set()
        assert ledger.cells_drop_shard("s1") == 2
        assert ledger.cells_present("n", ["a", "b", "c"]) == {"c"}

    def test_many_cells(self, ledger: Ledger) -> None:
        """More cells than one statement holds."""
        keys = [f"q{item}" for item in range(1203)]
        assert ledger.cells_commit("n", "s", [plain(key, row) for row, key in enumerate(keys)]) == 1203
        assert ledger.cells_commit("n", "s", [plain(key, row) for row, key in enumerate(keys)]) == 0
        assert ledger.cells_present("n", keys) == set(keys)

    def test_cells_of_many_nodes(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        """One transaction; each node is asked for its own questions."""
        ledger.cells_commit("n", "s1", [plain("a", 0), plain("b", 1)])
        ledger.cells_commit("m", "s2", [plain("a", 0), plain("c", 1)])
        transactions = count_transactions(ledger, monkeypatch)
        found = ledger.cells_at({"n": {"a", "zz"}, "m": {"c", "b"}, "absent": {"a"}})
        assert transactions == ["read"]
        assert {node: sorted(refs) for node, refs in found.items()} == {"n": ["a"], "m": ["c"], "absent": []}
        assert found["n"]["a"] == ledger.cells("n", ["a"])["a"]

    def test_memo(self, ledger: Ledger) -> None:
        """The first recorded value is the value, and is what every writer gets back."""
        assert ledger.memo_put("chat", {"a": "1", "b": '"답"'}) == {"a": "1", "b": '"답"'}
        assert ledger.memo_put("chat", {"a": "2", "c": "3"}) == {"a": "1", "c": "3"}
        assert ledger.memo_put("chat", {}) == {}
        assert ledger.memo_get("chat", ["c", "a", "b", "d"]) == {"a": "1", "b": '"답"', "c": "3"}
        assert ledger.memo_get("other", ["a"]) == {}

    def test_vectors(self, ledger: Ledger) -> None:
        """Rows of shards by text, the first one wins."""
        ledger.vectors_put("e", "s1", ["a", "b"])
        ledger.vectors_put("e", "s2", ["b", "c"])
        assert ledger.vectors_get("e", ["a", "b", "c"]) == {
            "a": VectorRef("s1", 0),
            "b": VectorRef("s1", 1),
            "c": VectorRef("s2", 1),
        }
        assert ledger.vectors_drop_shard("s1") == 2
        assert ledger.vectors_get("e", ["a", "b", "c"]) == {"c": VectorRef("s2", 1)}

    def test_claims(self, ledger: Ledger) -> None:
        """One owner at a time; the same owner again; release only by the owner."""
        assert ledger.claim("x", "ours", 60)
        assert ledger.claim("x", "ours", 60)
        assert not ledger.claim("x", "theirs", 60)
        assert ledger.claim("y", "theirs", 60)
        ledger.release("x", "theirs")
        assert ledger.claimant("x") == "ours"
        ledger.release("x", "ours")
        assert ledger.claimant("x") is None
        assert ledger.claim("x", "theirs", 60)

    def test_an_expired_claim_is_taken_over(self, ledger: Ledger) -> None:
        """The lease runs on the ledger's clock; renewing keeps it, silence loses it, and lost it cannot be renewed."""
        assert ledger.claim("x", "dead", 0.3)
        ledger.renew(["dead"], 0.6)
        time.sleep(0.35)
        assert not ledger.claim("x", "alive", 60)
        time.sleep(0.35)
        assert ledger.claimant("x") is None
        assert ledger.claim("x", "alive", 60)
        ledger.renew(["dead"], 60)
        assert ledger.claimant("x") == "alive"

    def test_the_fence_of_a_sweep_only_rises(self, ledger: Ledger) -> None:
        """Released, expired or taken again: no claim has the number of an earlier one."""
        assert ledger.claim_sweep("s", "ours", 60) == 1
        assert ledger.claim_sweep("s", "theirs", 60) is None
        assert ledger.claimant("sweep:s") == "ours"
        ledger.release("sweep:s", "ours")
        assert ledger.claim_sweep("s", "theirs", 0.05) == 2
        time.sleep(0.1)
        assert ledger.claim_sweep("s", "ours", 60) == 3
        assert ledger.claim_sweep("other", "ours", 60) == 1
        assert sorted(in_threads(6, lambda number: claimed_once(ledger, number))) == list(range(1, 7))

    def test_an_old_fence_writes_nothing(self, ledger: Ledger) -> None:
        """Journal, progress and control take the newest fence, and none; an old one is refused, and who holds the
        sweep now is said."""
        old = ledger.claim_sweep("s", "ours", 0.05)
        time.sleep(0.1)
        assert old is not None
        ledger.journal_append("s", "k", {}, fence=old)
        new = ledger.claim_sweep("s", "theirs", 60)
        for write in (
            lambda fence: ledger.journal_append("s", "k", {}, fence=fence),
            lambda fence: ledger.progress_write("s", {"fence": fence}, fence),
            lambda fence: ledger.control_set("s", "stop", fence=fence),
        ):
            with pytest.raises(StoreError, match="lost its claim on the sweep, and theirs holds it now"):
                write(old)
        assert (len(ledger.journal("s")), ledger.progress("s"), ledger.control("s")) == (1, None, "run")
        assert ledger.journal_append("s", "k", {}, fence=new) == 2
        assert ledger.journal_append("s", "k", {}) == 3
        ledger.release("sweep:s", "theirs")
        assert ledger.journal_append("s", "k", {}, fence=new) == 4, "nobody has claimed it since"

    def test_control_is_one_row_a_sweep(self, ledger: Ledger) -> None:
        """Anybody says what is wanted; the last word counts; a sweep of which nobody spoke runs."""
        assert ledger.control("s") == "run"
        for wanted in ("pause", "stop", "run", "pause"):
            ledger.control_set("s", wanted)
            assert ledger.control("s") == wanted
        assert ledger.control("other") == "run"
        with pytest.raises(StoreError, match=r"'halt' cannot be wanted of it\. Say run"):
            ledger.control_set("s", "halt")  # type: ignore[arg-type]
        assert ledger.control("s") == "pause"

    def test_progress_is_one_row_a_sweep(self, ledger: Ledger) -> None:
        """It is overwritten, and says when."""
        fence = ledger.claim_sweep("s", "ours", 60)
        assert ledger.progress("s") is None
        ledger.progress_write("s", {"단계": "가", "left": 3}, fence)
        first = ledger.progress("s")
        ledger.progress_write("s", {"단계": "나"}, fence)
        second = ledger.progress("s")
        assert first is not None and second is not None
        assert (first["단계"], first["left"], second["단계"], "left" in second) == ("가", 3, "나", False)
        assert first["at"] <= second["at"]
        assert ledger.progress("other") is None

    def test_racing_claims_have_one_winner(self, ledger: Ledger) -> None:
        """Of many threads one gets the claim."""
        assert sum(in_threads(8, lambda number: ledger.claim("x", f"owner{number}", 60))) == 1

    def test_reservations_never_pass_the_limit(self, ledger: Ledger) -> None:
        """Eight threads reserve and settle; neither the money nor the number of answers passes its limit."""
        limits = SpendLimits(money=1.0, calls=15)

        def work(number: int) -> int:
            requests = 0
            for _ in range(10):
                if reserve(ledger, f"owner{number}", Amount(0.06, 1, 1), limits) is not None:
                    requests += 1
                    settle(ledger, f"owner{number}", "answer", Usage(10, 5, 0.1, 0.06, 1), limits)
            return requests

        requests = sum(in_threads(8, work))
        spent = ledger.spent("s")
        assert 0 < requests == spent.calls <= 15
        while reserve(ledger, "last", Amount(0.06, 1, 1), limits) is not None:
            settle(ledger, "last", "answer", Usage(10, 5, 0.1, 0.06, 1), limits)
        spent = ledger.spent("s")
        assert spent.calls == 15
        assert spent.money == pytest.approx(0.9)
        assert spent.by_purpose["answer"].input_tokens == 150
        assert spent.reserved == Amount()
        assert reserve(ledger, "judge", Amount(0.05, 0, 1), limits) == Amount(0.05, 0, 1)
        assert reserve(ledger, "other", Amount(0.06, 0, 1), limits) is None
        assert reserve(ledger, "other", Amount(0.9, 1, 1), limits, sweep="another") is not None

    def test_what_is_reserved_counts_for_others(self, ledger: Ledger) -> None:
        """Until it is settled for less, given back, or its lease is over."""
        limits = SpendLimits(money=1.0, calls=2)
        assert reserve(ledger, "a", Amount(0.6, 1, 1), limits) == Amount(0.6, 1, 1)
        assert reserve(ledger, "b", Amount(0.6, 1, 1), limits) is None
        assert ledger.spent("s").reserved == Amount(0.6, 1, 1)
        settle(ledger, "a", "answer", Usage(money=0.1, calls=1), limits)
        assert reserve(ledger, "dead", Amount(0.6, 1, 1), limits, seconds=0.3) is not None
        assert reserve(ledger, "c", Amount(0.0, 1, 1), limits) is None, "both answers are taken"
        time.sleep(0.35)
        assert reserve(ledger, "c", Amount(0.6, 1, 1), limits) is not None
        ledger.exchange(Window("s", "c", limits, 60))
        assert reserve(ledger, "d", Amount(0.9, 1, 1), limits) is not None
        assert ledger.spent("s").calls == 1

    def test_a_block_is_at_most_a_quarter_of_what_is_left(self, ledger: Ledger) -> None:
        """Beyond what its owner needs at once, so that another process finds something too; without a limit all of
        it is granted."""
        limits = SpendLimits(money=10.0, calls=8, llm_calls=100)
        window = Window("s", "a", limits, 60, extra=Amount(100.0, 50, 50), least=Amount(0.5, 1, 1))
        assert ledger.exchange(window).amount == Amount(2.5, 2, 25)
        few = Window("s", "b", limits, 60, extra=Amount(100.0, 50, 50), least=Amount(0.5, 4, 1))
        assert ledger.exchange(few).amount == Amount(1.875, 4, 18)
        unlimited = Window("t", "a", SpendLimits(), 60, extra=Amount(100.0, 50, 50))
        assert ledger.exchange(unlimited).amount == Amount(100.0, 50, 50)

    def test_used_up_tokens_stop_everything(self, ledger: Ledger) -> None:
        """They are known only afterwards, so they may be passed by what is on its way, and by nothing more."""
        limits = SpendLimits(tokens=100)
        assert reserve(ledger, "a", Amount(0, 1, 1), limits) is not None
        settle(ledger, "a", "answer", Usage(90, 9, calls=1), limits)
        assert reserve(ledger, "a", Amount(0, 1, 1), limits) is not None
        settle(ledger, "a", "answer", Usage(90, 9, calls=1), limits)
        assert reserve(ledger, "a", Amount(0, 1, 1), limits) is None
        assert ledger.spent("s").room(limits).requests < 0

    def test_what_a_dead_process_held_is_free_at_once(self, ledger: Ledger) -> None:
        """By the beginning of the owner's name; another process keeps its own."""
        limits = SpendLimits(money=1.0)
        assert ledger.claim("x", "host/1/a", 60) and ledger.claim("y", "host/12/a", 60)
        assert reserve(ledger, "host/1/a", Amount(0.6, 1, 1), limits) is not None
        assert reserve(ledger, "host/12/a", Amount(0.3, 1, 1), limits) is not None
        ledger.forget("host/1/")
        assert ledger.claim("x", "other", 60) and not ledger.claim("y", "other", 60)
        assert ledger.spent("s").reserved == Amount(0.3, 1, 1)

    def test_unknown_prices_are_said(self, ledger: Ledger) -> None:
        """A request without a known price makes the purpose's money unknown, not zero."""
        settle(ledger, "a", "judge", Usage(money=None), SpendLimits())
        settle(ledger, "a", "judge", Usage(money=0.5), SpendLimits())
        spent = ledger.spent("s")
        assert (spent.by_purpose["judge"].money, spent.money, spent.llm_calls) == (None, 0.5, 2)

    def test_a_window_is_one_transaction(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replies, what they took, cells and claims come together; when the last part fails, nothing is there."""
        first = Window("s", "a", SpendLimits(), 60, looked_up=["k1", "k2"], wanted=["k1", "k2"])
        assert ledger.exchange(first).claimed == {"k1", "k2"}
        window = Window(
            "s",
            "a",
            SpendLimits(),
            60,
            replies={"k1": "1", "k2": "2"},
            charges={"answer": Charge.of(Usage(1, 2, 0.5, 0.25, 1)) + Charge.of(Usage(1, 2, 0.5, 0.25, 1))},
            cells=[ShardRows("n", "s1", (plain("q1", 0), plain("q2", 1))), ShardRows("m", "s2", (plain("q1", 0),))],
            done=["k1", "k2"],
            rates=[RateNeed("requests:e", 0.0)],
        )
        with pytest.raises(ValueError, match="above 0"):
            ledger.exchange(window)
        assert ledger.memo_get("chat", ["k1", "k2"]) == {} and ledger.spent("s") == Spent()
        assert ledger.cells_present("n", ["q1"]) == set() and ledger.claimant("chat:k1") == "a"
        transactions = count_transactions(ledger, monkeypatch)
        granted = ledger.exchange(dataclasses.replace(window, rates=[RateNeed("requests:e", 60.0)]))
        assert transactions == ["write"]
        assert list(granted.new_cells) == [2, 1] and granted.waits == {"requests:e": 0.0}
        assert ledger.memo_get("chat", ["k1", "k2"]) == {"k1": "1", "k2": "2"}
        assert ledger.spent("s").by_purpose == {"answer": Usage(2, 4, 1.0, 0.5, 2)}
        assert ledger.claimant("chat:k1") is None

    def test_a_window_claims_what_nobody_knows(self, ledger: Ledger) -> None:
        """What is recorded is answered, what another one asks for is not claimed, the rest is; rates that are wanted
        for claims are taken only with one."""
        ledger.memo_put("chat", {"known": "1"})
        need = RateNeed("tokens:e", 60.0, 500.0, if_claimed=True)
        asked = ["known", "free", "theirs"]
        ledger.exchange(Window("s", "b", SpendLimits(), 60, looked_up=["theirs"], wanted=["theirs"]))
        only_known = Window("s", "a", SpendLimits(), 60, looked_up=asked[:1], wanted=asked[:1], rates=[need])
        assert ledger.exchange(only_known).waits == {}
        granted = ledger.exchange(Window("s", "a", SpendLimits(), 60, looked_up=asked, wanted=asked, rates=[need]))
        assert (granted.replies, granted.claimed, granted.waits) == ({"known": "1"}, {"free"}, {"tokens:e": 0.0})
        assert ledger.take("tokens:e", 60.0) > 400
        looked = ledger.exchange(Window("s", "a", SpendLimits(), 60, looked_up=["known", "new"]))
        assert (looked.replies, looked.claimed) == ({"known": "1"}, set())

    def test_racing_windows_claim_once(self, ledger: Ledger) -> None:
        """Eight threads want the same forty requests, each in an order of its own; each request has one sender."""
        keys = [f"k{number}" for number in range(40)]

        def work(number: int) -> list[str]:
            wanted = keys[number:] + keys[:number]
            return sorted(ledger.exchange(Window("s", f"o{number}", SpendLimits(), 60, wanted=wanted)).claimed)

        assert sorted(key for claimed in in_threads(8, work) for key in claimed) == sorted(keys)

    def test_the_bucket_keeps_its_rate(self, ledger: Ledger) -> None:
        """In 0.6 s a bucket of 600 a minute gives its second of burst and the rate, no more."""
        until, taken = time.monotonic() + 0.6, 0
        while time.monotonic() < until:
            wait = ledger.take("b", 600)
            taken += wait == 0.0
            time.sleep(min(wait, 0.02))
        assert 10 <= taken <= 18
        assert ledger.take("large", 60, 1000) == 0.0
        assert 990 < ledger.take("large", 60, 1) < 1000

    def test_the_journal_has_no_gaps(self, ledger: Ledger) -> None:
        """Eight threads append; sequence numbers are 1..n, once each."""
        seqs = in_threads(8, lambda number: [ledger.journal_append("s", "k", {"n": number}) for _ in range(5)])
        assert sorted(seq for item in seqs for seq in item) == list(range(1, 41))
        journal = Journal(ledger, "한글")
        assert journal.append("열림", {"질문": ["가"]}) == 1
        assert [(entry.seq, entry.kind, entry.payload) for entry in journal.entries()] == [
            (1, "열림", {"질문": ["가"]})
        ]
        assert [entry.seq for entry in ledger.journal("s", after=38)] == [39, 40]
        assert ledger.sweeps() == ["s", "한글"]

    def test_versions_of_evaluation_sets(self, ledger: Ledger) -> None:
        """The same digest is the same version; a removed number is not given again."""
        assert ledger.evalset_add("h", "d1", "", {"questions": 3}, "m1") == 1
        assert ledger.evalset_add("h", "d2", "d1", {}, "m2") == 2
        assert ledger.evalset_add("h", "d1", "", {}, "m1") == 1
        newest, first = ledger.evalset("h"), ledger.evalset("h", 1)
        assert newest is not None and first is not None
        assert (newest.version, newest.parent, first.info) == (2, "d1", {"questions": 3})
        assert ledger.evalset_remove("h", 2)
        assert not ledger.evalset_remove("h", 2)
        assert ledger.evalset("h", 2) is None
        assert ledger.evalset_add("h", "d3", "", {}, "m3") == 3
        assert ledger.evalset_add("h", "d2", "", {}, "m2") == 2
        assert [(row.name, row.version) for row in ledger.evalsets()] == [("h", 1), ("h", 2), ("h", 3)]


class StoreKit:
    """Inherit and give the fixture ``store``."""

    def test_values(self, store: Store) -> None:
        """A folder comes back as it was written, by key; the first one stays."""

        def write(folder: Path) -> None:
            (folder / "sub").mkdir()
            (folder / "sub" / "글.txt").write_text(KOREAN, encoding="utf-8")
            (folder / "empty.bin").write_bytes(b"")

        store.save_value("k", write, Usage(seconds=1.5), {"chunks": 12})
        store.save_value("k", lambda folder: (folder / "other").touch())
        folder = store.value_folder("k")
        assert folder is not None
        assert (folder / "sub" / "글.txt").read_text(encoding="utf-8") == KOREAN
        assert sorted(path.name for path in folder.rglob("*")) == ["empty.bin", "sub", "글.txt"]
        row = store.ledger.value("k")
        assert row is not None
        assert (row.usage, row.notes) == (Usage(seconds=1.5), {"chunks": 12})
        assert store.value_folder("absent") is None
        assert store.check() == []

    def test_a_failed_write_leaves_nothing(self, store: Store) -> None:
        """A step that fails while it writes commits nothing."""

        def write(folder: Path) -> None:
            (folder / "half").write_bytes(b"half")
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            store.save_value("k", write)
        assert store.value_folder("k") is None
        assert list(store.blobs.list()) == []
        assert not list((store.folder / "tmp").iterdir())

    def test_cells(self, store: Store) -> None:
        """Cells come back with their usage; the first one stays; missing ones are absent."""
        one = CellData({"value": {"text": KOREAN, "score": 0.1}}, Usage(1), Usage(2, money=0.5))
        assert store.write_cells("n", {"a": one, "b": CellData({"failure": {"kind": "empty"}})}) == 2
        assert store.write_cells("n", {"a": CellData({"value": "late"}), "c": CellData({"value": 3})}) == 1
        assert store.write_cells("n", {}) == 0
        found = store.read_cells("n", ["c", "a", "b", "zz"])
        assert sorted(found) == ["a", "b", "c"]
        assert found["a"] == one
        assert store.ledger.cells("n", ["b"])["b"].failed
        assert found["c"].data == {"value": 3}

    def test_equal_cells_are_one_shard(self, store: Store) -> None:
        """Shards are canonical: order does not matter, nor when they were written."""
        cells = {"a": CellData({"value": 1, "x": 2}), "b": CellData({"value": "나"})}
        store.write_cells("n", cells)
        again = {"b": CellData({"value": "나"}), "a": CellData({"x": 2, "value": 1}, Usage(seconds=3))}
        store.write_cells("n", again)
        assert len(list(store.blobs.list())) == 1

    def test_compact(self, store: Store) -> None:
        """Joined shards give the same cells; usage stays; a reader with old references finds them."""
        for item in range(5):
            store.write_cells("n", {f"q{item}": CellData({"value": item}, Usage(item))})
        store.write_cells("m", {"q": CellData({"value": "m"})})
        keys = [f"q{item}" for item in range(5)]
        before = store.read_cells("n", keys)
        assert store.compact() == 5
        assert store.read_cells("n", keys) == before
        assert len(list(store.blobs.list())) == 2
        assert store.compact() == 0
        assert store.check() == []

    def test_another_process_opens_the_same_store(self, store: Store) -> None:
        """``location`` is all that is needed."""
        store.write_cells("n", {"a": CellData({"value": 1})})
        other = Store.open(store.location)
        assert other.read_cells("n", ["a"])["a"].data == {"value": 1}
        other.close()

    def test_lost_blobs_are_computed_again(self, store: Store) -> None:
        """Whatever blob is lost, the store says so, forgets what depended on it and takes it again."""
        store.save_value("k", write_one)
        store.write_cells("n", {"a": CellData({"value": 1})})
        for digest in list(store.blobs.list()):
            store.blobs.remove(digest)
        assert store.read_cells("n", ["a"]) == {}
        found = store.check()
        assert store.value_folder("k") is None
        assert len(found) == 1 and len(store.damage) == 2
        store.save_value("k", write_one)
        assert store.write_cells("n", {"a": CellData({"value": 1})}) == 1
        assert store.value_folder("k") is not None
        assert store.check() == []


def reserve(
    ledger: Ledger, owner: str, amount: Amount, limits: SpendLimits, *, sweep: str = "s", seconds: float = 60
) -> Amount | None:
    """Reserve exactly so much for an owner that holds nothing; ``None`` when it does not fit."""
    return ledger.exchange(Window(sweep, owner, limits, seconds, extra=amount, least=amount)).amount


def settle(ledger: Ledger, owner: str, purpose: str, usage: Usage, limits: SpendLimits) -> None:
    """Settle a request of an owner, which holds nothing afterwards."""
    ledger.exchange(Window("s", owner, limits, 60, charges={purpose: Charge.of(usage)}))


def count_transactions(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List ``read`` and ``write`` for every transaction of a ledger from here on."""
    counted: list[str] = []

    def counting(kind: str, transaction: Callable[..., Any]) -> Callable[..., Any]:
        def begun(*given: str) -> Any:
            counted.append(kind)
            return transaction(*given)

        return begun

    monkeypatch.setattr(ledger, "reading", counting("read", ledger.reading))
    monkeypatch.setattr(ledger, "writing", counting("write", ledger.writing))
    return counted


def claimed_once(ledger: Ledger, number: int) -> int:
    """Wait for the sweep ``raced``, claim it, give it back; the fence of the claim."""
    while True:
        fence = ledger.claim_sweep("raced", f"owner{number}", 60)
        if fence is not None:
            ledger.release("sweep:raced", f"owner{number}")
            return fence
        time.sleep(0.01)


def write_one(folder: Path) -> None:
    """Write a value of one file."""
    (folder / "f").write_bytes(b"value")


def plain(key: str, row: int) -> CellRow:
    """Return a cell that took nothing."""
    return CellRow(key, row, False, Usage(), Usage())


def in_threads(count: int, work: Callable[[int], T]) -> list[T]:
    """Run ``work(number)`` in threads that start together; their results in order.

    Raises:
        AssertionError: when a thread failed.
    """
    barrier = threading.Barrier(count)
    results: dict[int, T] = {}

    def run(number: int) -> None:
        barrier.wait()
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count, "a thread failed; see its traceback above"
    return [results[number] for number in range(count)]


def damage(blobs: Sequence[Path]) -> None:
    """Flip the last byte of files in place, as a failing disk would."""
    for path in blobs:
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        data[-1] ^= 0xFF
        path.write_bytes(data)

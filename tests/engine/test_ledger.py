import sqlite3
from pathlib import Path

import pytest

from ragscout.model.errors import StoreError
from ragscout.model.outcome import Usage
from ragscout.store.ledger import Ledger
from ragscout.store.rows import usage_of, usage_text
from ragscout.testing.store import LedgerKit, in_threads


class TestLedger(LedgerKit):
    pass


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/l.sqlite"


def test_no_store_here(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store here. Run a sweep first"):
        Ledger(url(tmp_path), create=False)


def test_a_locked_ledger_is_said_with_its_remedy(tmp_path: Path) -> None:
    ledger = Ledger(url(tmp_path), timeout=0.2)
    holder = sqlite3.connect(tmp_path / "l.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"stayed locked for 0.2 s by another program. Close what has it open"):
        ledger.memo_put("chat", {"a": "1"})
    assert ledger.memo_get("chat", ["a"]) == {}
    holder.execute("ROLLBACK")
    holder.close()
    ledger.memo_put("chat", {"a": "1"})
    assert ledger.memo_get("chat", ["a"]) == {"a": "1"}


def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").write_bytes(b"this is not a database, but it is long enough" * 50)
    with pytest.raises(StoreError, match=r"the ledger cannot be used; got 'file is not a database'"):
        Ledger(url(tmp_path))


def test_other_databases_are_refused() -> None:
    for text in ("mysql://host/name", "nonsense"):
        with pytest.raises(StoreError, match="this database cannot be used"):
            Ledger(text)


def test_an_unreachable_server_is_one_line() -> None:
    with pytest.raises(StoreError) as caught:
        Ledger("postgresql://somebody:verysecret@127.0.0.1:1/name?connect_timeout=2")
    assert "cannot be used" in str(caught.value)
    assert "verysecret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_open_at_once(tmp_path: Path) -> None:
    ledgers = in_threads(8, lambda number: Ledger(url(tmp_path)))
    assert [item.journal_append("s", "k", {}) for item in ledgers] == list(range(1, 9))


def test_write_ahead_log(tmp_path: Path) -> None:
    ledger = Ledger(url(tmp_path))
    with ledger.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_usage_round_trip() -> None:
    for usage in (Usage(), Usage(1, 2, 0.1, None, 5), Usage(money=1e-9)):
        assert usage_of(usage_text(usage)) == usage
    assert usage_text(Usage()) == "{}"


def test_nan_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        ledger.value_commit("k", "m", Usage(), {"x": float("nan")})


def test_a_rate_must_be_positive(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ledger.take("b", 0)

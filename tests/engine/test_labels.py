"""People's labels: kept for good, found again by the answer, the newest of a labeller counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ragscout.judges.labels import Label, Labels, item_key
from ragscout.model.evalset import EvalSet, Question, Span
from ragscout.store.store import Store

QUESTION = Question("q1", "연차는 며칠인가요?", ("15일",))
SET = EvalSet("handbook", 1, "d" * 64, (), (QUESTION,), lineage="handbook")


def label(level: int, who: str = "ana", **more: object) -> Label:
    return replace(
        Label(item_key(QUESTION, "15일입니다."), "correctness", who, level, 5, "연차?", "15일입니다."), **more
    )


def test_labels_survive_the_store_and_serve_later_versions(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "저장소")
    Labels(store.ledger, SET).add([label(4, comment="단위가 없다"), label(2, "민지")])
    store.close()
    later = replace(SET, name="renamed", version=7, digest="e" * 64)
    found = Labels(Store.open(tmp_path / "저장소").ledger, later).all()
    assert [(item.labeller, item.level, item.comment) for item in found] == [("ana", 4, "단위가 없다"), ("민지", 2, "")]
    assert found[0].value == 0.75
    assert Labels(Store.open(tmp_path / "저장소").ledger, replace(SET, lineage="another")).all() == []


def test_the_newest_label_counts_and_one_can_be_taken_back(tmp_path: Path) -> None:
    book = Labels(Store.open(tmp_path / "s").ledger, SET)
    book.add([label(1), label(5), label(3, "ben"), label(4, criterion="tone")])
    assert [(item.labeller, item.level) for item in book.all("correctness")] == [("ana", 5), ("ben", 3)]
    book.add([label(0)])
    assert [item.labeller for item in book.all("correctness")] == ["ben"]
    assert len(book.all()) == 2


def test_labels_are_no_sweep(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    store.ledger.journal_append("handbook-1", "opened", {})
    Labels(store.ledger, SET).add([label(1)])
    assert store.ledger.sweeps() == ["handbook-1"]


def test_an_item_is_the_answer_to_the_question_with_its_references() -> None:
    key = item_key(QUESTION, "15일")
    assert key == item_key(replace(QUESTION, id="other", slice="ko", weight=3.0, evidence=(Span("d"),)), "15일")
    changed = (
        replace(QUESTION, references=("16일",)),
        replace(QUESTION, text="며칠?"),
        replace(QUESTION, answerable=False),
    )
    assert len({key, item_key(QUESTION, "16일"), *(item_key(item, "15일") for item in changed)}) == 5
    assert (
        len({key, item_key(QUESTION, "15일", ("연차는 15일이다.",)), item_key(QUESTION, "15일", ("연차는 16일이다.",))})
        == 3
    )

"""Every kind of journal entry comes back as it was written, and old journals are read."""

import dataclasses
import json
from typing import get_args

import pytest

from ragscout.board.words.reasons import reason_phrase
from ragscout.model.errors import StoreError
from ragscout.model.results.board import Note
from ragscout.model.results.journal import (
    KINDS,
    AskedRequest,
    Chosen,
    ClosingBegun,
    HoldoutConfirmed,
    HoldoutOpened,
    JournalEntry,
    JudgeLabelled,
    Probed,
    ProbeOver,
    RoundAsked,
    RoundMeasured,
    RowsDropped,
    RowsWaiting,
    SampleSettled,
    SearchEnded,
    SweepClosed,
    SweepOpened,
    UnknownEntry,
    decode,
    encode,
)
from ragscout.model.results.reason import DONE, OPEN, STOPPED, Reason, ReasonKind
from ragscout.words import Words, phrase

FEW = Reason("few_answers", {"each": 4, "rows": 3, "needed": 10})
ENTRIES: list[JournalEntry] = [
    SweepOpened({"name": "휴가", "eval_set": "ab", "seed": 0, "connections": []}),
    SampleSettled(30, 400, 12, 10, 8, "", True),
    RoundAsked(0, (AskedRequest("k1", ("q1", "q2"), "retrieval"), AskedRequest("k2", (), "floor"))),
    RoundMeasured(0, {"k1": "no model"}, {"m1": "no memory"}, (Note("separated", {"compared": 3}),), 1.25),
    RowsWaiting({"k2": "endpoint: models.writer: status 503"}),
    RowsDropped({"k2": "models.writer was left out"}),
    SearchEnded(3, Reason("search_share"), False, 12, 8.5),
    SearchEnded(4, Reason("minutes"), True, None, 9.0),
    ClosingBegun(9.5),
    Probed("k1", (0.1, 0.2), {"generate": (0.1, 0.15)}, 2, (0.3,), (0.05,), 0, "", 10.0),
    ProbeOver(11.0),
    Chosen("k1", "k2", ("k1", "k2"), 0, FEW, ("first", "second"), 7),
    Chosen("k1", "", ("k1",), 12),
    HoldoutOpened("handbook", "lineage", 12),
    HoldoutConfirmed({"m1": "no memory"}),
    SweepClosed(DONE),
    JudgeLabelled("correctness", 5),
    UnknownEntry("refreshed", {"questions": 3, "by": ["a", {"b": None}]}),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_an_entry_comes_back_equal_through_json(entry: JournalEntry) -> None:
    kind, payload = encode(entry)
    assert decode(kind, json.loads(json.dumps(payload, allow_nan=False))) == entry


def test_every_kind_is_tried() -> None:
    tried = {type(entry) for entry in ENTRIES}
    assert tried == set(get_args(JournalEntry)) == {*KINDS.values(), UnknownEntry}
    assert len(set(KINDS.values())) == len(KINDS)
    assert all(dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen for kind in tried)  # type: ignore[attr-defined]


OLD = [
    ("search_over", {"round": 2, "why": "the search is over", "broken": False, "answers": 9, "clock": 3.0}, DONE),
    (
        "search_over",
        {"round": 2, "why": "the budget is spent: something of old", "broken": True, "answers": None, "clock": 3.0},
        Reason("legacy", {"text": "the budget is spent: something of old"}),
    ),
    ("closed", {"why": "the search is over"}, DONE),
    ("closed", {"why": "the budget is spent: x"}, Reason("legacy", {"text": "the budget is spent: x"})),
]


@pytest.mark.parametrize(("kind", "payload", "reason"), OLD)
def test_reasons_that_were_sentences_are_read(kind: str, payload: dict[str, object], reason: Reason) -> None:
    entry = decode(kind, payload)
    assert isinstance(entry, (SearchEnded, SweepClosed)) and entry.reason == reason
    assert entry.reason.limit == (reason.kind == "legacy"), "only a limit was ever written down as a sentence"
    assert decode(*encode(entry)) == entry


def test_an_old_choice_is_read() -> None:
    old = {"leader": "k", "recommended": "k", "rows": ["k"], "questions": 0, "used_by": ["a"], "seen": 2}
    sealed, open_ = decode("chosen", {**old, "why": "too little"}), decode("chosen", {**old, "why": ""})
    assert sealed == Chosen("k", "k", ("k",), 0, Reason("legacy", {"text": "too little"}), ("a",), 2)
    assert open_ == Chosen("k", "k", ("k",), 0, None, ("a",), 2)


def test_what_cannot_be_read_says_where() -> None:
    with pytest.raises(StoreError, match=r"kind 'round'.*requests.*another name"):
        decode("round", {"round": 1})


def test_a_later_version_may_add_values() -> None:
    kind, payload = encode(ClosingBegun(2.0))
    assert decode(kind, {**payload, "mood": "good"}) == ClosingBegun(2.0)


def test_every_reason_has_words_in_both_languages() -> None:
    values = {"few_answers": FEW.values, "legacy": {"text": "as it was"}}
    for kind in get_args(ReasonKind):
        reason = Reason(kind, values.get(kind, {}))
        english, korean = (Words(lang).value(reason_phrase(reason)) for lang in ("en", "ko"))
        assert english and korean and "{" not in english + korean
        assert (english == korean) == (kind == "legacy")
    assert not any(reason.limit for reason in (DONE, OPEN, STOPPED))
    assert Reason("request").limit and Reason("legacy", {"text": ""}).limit


def test_notes_that_were_two_sentences_are_read() -> None:
    note = {"kind": "claim", "en": "Of {old} journals.", "ko": "옛 {일지}."}
    entry = decode("measured", {"round": 2, "failed": {}, "broken": {}, "notes": [note], "clock": 1.0})
    assert isinstance(entry, RoundMeasured)
    assert [entry.notes[0].text(lang) for lang in ("en", "ko")] == ["Of {old} journals.", "옛 {일지}."]
    assert decode(*encode(entry)) == entry


def test_notes_survive_the_journal() -> None:
    note = Note("small_budget", {"answers": 5, "effect": phrase("note_part.no_proposals", needed=9)})
    kind, payload = encode(RoundMeasured(0, notes=(note,)))
    entry = decode(kind, json.loads(json.dumps(payload)))
    assert isinstance(entry, RoundMeasured) and entry.notes == (note,)
    assert "9 are needed" in entry.notes[0].text("en") and "9개가 필요합니다" in entry.notes[0].text("ko")

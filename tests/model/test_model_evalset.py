"""Evaluation sets: keys of questions, the development view and the one door to the sealed questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import EvalSet, Question, Span, unique_texts


class Journal:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Mapping[str, object]]] = []

    def append(self, kind: str, payload: Mapping[str, object]) -> int:
        self.entries.append((kind, payload))
        return len(self.entries)


def asked(number: int, document: str = "") -> Question:
    return Question(f"q{number}", f"text {number}", documents=(document or f"d{number}",))


def made(count: int, share: float = 0.3, **more: object) -> EvalSet:
    questions = tuple(asked(number) for number in range(count))
    return replace(EvalSet("set", 1, "0" * 64, (), questions, lineage="line"), holdout_share=share, **more)  # type: ignore[arg-type]


def names(questions: Sequence[Question]) -> list[str]:
    return [question.id for question in questions]


BASE = Question("q1", "How long?", ("15 days", "fifteen days"), evidence=(Span("d", "15 days", 3, 10),))
SAME_EVERYWHERE = [
    {"id": "other"},
    {"type": "fact"},
    {"slice": "HR"},
    {"weight": 2.0},
    {"must_pass": True},
    {"meta": {"author": "x"}},
]
KEYS = ("text_key", "evidence_key", "full_key")


@pytest.mark.parametrize("change", SAME_EVERYWHERE)
def test_what_no_stage_reads_is_in_no_key(change: dict[str, object]) -> None:
    other = replace(BASE, **change)  # type: ignore[arg-type]
    assert [getattr(other, key) for key in KEYS] == [getattr(BASE, key) for key in KEYS]


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"text": "How short?"}, set(KEYS)),
        ({"references": ("15 days",)}, {"full_key"}),
        ({"references": ("fifteen days", "15 days")}, {"full_key"}),
        ({"answerable": False}, {"full_key"}),
        ({"evidence": ()}, {"evidence_key", "full_key"}),
        ({"evidence": (Span("d", "15 days", 3, 10, group=1),)}, {"evidence_key", "full_key"}),
        ({"documents": ("d",)}, {"evidence_key", "full_key"}),
        ({"filter": {"year": ("2024",)}}, {"text_key", "full_key"}),
    ],
)
def test_a_key_changes_with_what_its_stage_reads(change: dict[str, object], changed: set[str]) -> None:
    other = replace(BASE, **change)  # type: ignore[arg-type]
    assert {key for key in KEYS if getattr(other, key) != getattr(BASE, key)} == changed


def test_a_filter_admits_documents_that_carry_one_of_its_values_in_each_column() -> None:
    question = Question("q", "?", filter={"year": ("2023", "2024"), "team": ("HR",)})
    assert question.admits({"year": "2024", "team": "HR", "more": "x"})
    for meta in ({"year": "2022", "team": "HR"}, {"year": "2024"}, {}):
        assert not question.admits(meta)
    assert Question("q", "?").admits({})
    assert Question("q", "?", filter={"team": ("",)}).admits({}), "an absent column is empty"


def test_without_a_share_everything_is_development() -> None:
    whole = made(20, 0.0)
    assert whole.development == whole.questions_
    assert whole.open_sealed(Journal()) == ()


@settings(max_examples=30)
@given(st.integers(0, 60), st.floats(0.0, 0.9))
def test_development_and_sealed_part_the_set_in_its_order(count: int, share: float) -> None:
    whole = made(count, share)
    sealed, seen = names(whole.open_sealed(Journal())), names(whole.development)
    assert not set(sealed) & set(seen)
    assert whole.count == count == len(sealed) + len(seen)
    for part in (sealed, seen):
        assert part == [name for name in names(whole.questions_) if name in set(part)]


def test_the_door_writes_before_it_opens() -> None:
    whole = made(50)
    journal = Journal()
    sealed = whole.open_sealed(journal)
    assert 5 < len(sealed) < 25
    assert journal.entries == [("holdout_opened", {"eval_set": "set", "lineage": "line", "questions": len(sealed)})]

    class Refuses(Journal):
        def append(self, kind: str, payload: Mapping[str, object]) -> int:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        whole.open_sealed(Refuses())


def test_an_added_question_moves_no_other_and_a_larger_share_takes_none_back() -> None:
    whole = made(80)
    more = replace(whole, questions_=(*whole.questions_, asked(99)))
    seen = set(names(whole.development))
    assert seen == set(names(more.development)) - {"q99"}
    assert set(names(made(80, 0.6).development)) < seen
    assert seen != set(names(replace(whole, lineage="another").development))


def test_questions_on_one_document_are_sealed_together() -> None:
    questions = tuple(asked(number, f"d{number // 4}") for number in range(80))
    whole = EvalSet("set", 1, "", (), questions, 0.4, "line")
    sealed = {item.documents for item in whole.open_sealed(Journal())}
    assert sealed and not sealed & {item.documents for item in whole.development}
    by_span = tuple(replace(item, documents=(), evidence=(Span(item.documents[0]),)) for item in questions)
    assert names(replace(whole, questions_=by_span).development) == names(whole.development)


def test_named_questions_are_sealed_exactly() -> None:
    whole = made(10, 0.0).with_holdout(0.2, ["q3", "q7"])
    assert [item.id for item in whole.open_sealed(Journal())] == ["q3", "q7"]
    assert made(10, 0.0).with_holdout(0.5, []).development == whole.questions_, "none named, none sealed"


@pytest.mark.parametrize("share", [-0.1, 0.91, 2.0])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(EvalSetError, match=r"holdout: the share must lie in 0\.\.0\.9.*for example 0\.3"):
        made(3, 0.0).with_holdout(share)


def test_of_equal_texts_the_first_question_stays() -> None:
    questions = [Question("a", "x"), Question("b", "y"), Question("c", "x")]
    assert [item.id for item in unique_texts(questions)] == ["a", "b"]

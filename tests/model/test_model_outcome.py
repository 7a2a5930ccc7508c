"""Outcomes: what is final, what is missing, what adds up, and how a cell is written."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragscout.model.cells import decode, encode
from ragscout.model.outcome import (
    CANDIDATE_KINDS,
    KINDS,
    MEASUREMENT_KINDS,
    Answer,
    Evidence,
    Failure,
    Hit,
    Message,
    PlacedSpan,
    Prompt,
    Query,
    Ranking,
    Score,
    Usage,
)

TEXTS = st.text(max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 10**9)
FAILURES = st.builds(Failure, st.sampled_from(("candidate", "measurement")), st.sampled_from(KINDS), TEXTS)
SPANS = st.builds(PlacedSpan, TEXTS, COUNTS, COUNTS, st.integers(0, 3), st.sampled_from(("offset", "quote", "fuzzy")))
RANKINGS = st.builds(Ranking, st.lists(st.builds(Hit, COUNTS, FINITE), max_size=4).map(tuple))
VALUES = {
    "query": st.builds(Query, st.lists(TEXTS, max_size=3).map(tuple)),
    "dense": RANKINGS,
    "lexical": RANKINGS,
    "fuse": RANKINGS,
    "rerank": RANKINGS,
    "prompt": st.builds(
        Prompt,
        st.lists(st.builds(Message, st.sampled_from(("system", "user", "assistant")), TEXTS), max_size=3).map(tuple),
        st.lists(COUNTS, max_size=3).map(tuple),
        st.sampled_from(("en", "ko")),
    ),
    "generate": st.builds(Answer, TEXTS, TEXTS, st.lists(COUNTS, max_size=3).map(tuple)),
    "evidence": st.builds(Evidence, st.lists(SPANS, max_size=3).map(tuple), st.lists(TEXTS, max_size=2).map(tuple)),
    "measure": st.dictionaries(
        TEXTS, st.one_of(FAILURES, st.builds(Score, FINITE, st.dictionaries(TEXTS, TEXTS, max_size=2))), max_size=3
    ),
}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_is_a_finite_number(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Score(value)


def test_outcomes_cannot_be_changed() -> None:
    for outcome in (Score(1.0), Failure("candidate", "refused"), Usage(), Answer("x"), Ranking(())):
        name = dataclasses.fields(outcome)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(outcome, name, None)


def test_every_kind_of_failure_belongs_to_one_side() -> None:
    assert not set(CANDIDATE_KINDS) & set(MEASUREMENT_KINDS)
    assert len(set(KINDS)) == len(KINDS)


def test_usage_adds_up_and_an_unknown_price_stays_unknown() -> None:
    one, two = Usage(10, 2, 0.5, 0.25, 1), Usage(1, 1, 0.25, 0.5, 2)
    assert one + two == Usage(11, 3, 0.75, 0.75, 3)
    assert sum([one, two], Usage()) == one + two
    assert (one + Usage(money=None)).money is None and (Usage(money=None) + one).money is None
    assert (one + Usage(money=None)).input_tokens == 10, "tokens are counted whatever they cost"


@pytest.mark.parametrize("stage", VALUES)
@given(data=st.data())
def test_what_is_stored_is_read_back_equal(stage: str, data: st.DataObject) -> None:
    """Through JSON text, as a shard holds it."""
    for outcome in (data.draw(VALUES[stage]), data.draw(FAILURES)):
        stored = json.loads(json.dumps(encode(stage, outcome), ensure_ascii=False, allow_nan=False))
        assert decode(stage, stored) == outcome


def test_a_failure_is_marked_as_one_and_a_plain_score_stays_short() -> None:
    assert set(encode("generate", Failure("candidate", "refused", "No."))) == {"failure"}
    assert encode("measure", {"bleu": Score(0.5)}) == {"scores": {"bleu": {"v": 0.5}}}
    assert encode("measure", {"j": Score(1.0, {"level": "5"})})["scores"]["j"]["d"] == {"level": "5"}


def test_a_value_of_another_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="hits"):
        decode("rerank", encode("generate", Answer("text")))

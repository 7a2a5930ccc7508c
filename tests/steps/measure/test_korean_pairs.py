"""Korean answers to Latin references, and words that end like a copula."""

from __future__ import annotations

import pytest

from ragscout.model.step import make
from ragscout.providers.tokenize import kiwi_available
from ragscout.steps.measure.base import AnswerPair
from ragscout.steps.measure.squad import normalised


def score(metric: str, answer: str, reference: str) -> float:
    step = make("measure", metric)
    return float(step.score(AnswerPair(answer=answer, references=(reference,), question="?"))[metric].value)  # type: ignore[attr-defined]


@pytest.mark.parametrize("metric", ["exact_match", "token_f1", "rouge1", "rougeL", "answer_in_text"])
@pytest.mark.parametrize(
    ("answer", "reference"), [("API입니다.", "API"), ("Excel이에요", "Excel"), ("KTX입니다", "KTX")]
)
def test_a_latin_reference_is_found_in_a_korean_answer(metric: str, answer: str, reference: str) -> None:
    assert score(metric, answer, reference) == 1


def test_bleu_sees_a_latin_word_in_a_korean_answer() -> None:
    assert score("bleu", "API입니다.", "API") > 0


@pytest.mark.skipif(not kiwi_available(), reason="needs the extra korean")
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("게임", "게임"),
        ("책임", "책임"),
        ("필요", "필요"),
        ("사이다", "사이다"),
        ("아니요", "아니요"),
        ("25일임", "25일"),
        ("책임임", "책임"),
        ("서윤재이다.", "서윤재"),
        ("15일이요.", "15일"),
        ("15일입니다.", "15일"),
    ],
)
def test_a_word_that_ends_like_a_copula_stays_whole(text: str, left: str) -> None:
    assert normalised(text, "ko") == left

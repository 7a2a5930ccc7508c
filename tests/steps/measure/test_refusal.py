"""Refusals are recognised in both languages, and answers that merely contain a negation are not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from measure_fakes import Runtime, run

from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Score
from ragscout.model.step import make
from ragscout.steps.measure.refusal import is_refusal

CASES = Path(__file__).parent / "cases"
REFUSALS = (CASES / "refusals.txt").read_text("utf-8").splitlines()
ANSWERS = (CASES / "answers.txt").read_text("utf-8").splitlines()


def test_there_are_enough_cases():
    assert len(REFUSALS) >= 100 and len(ANSWERS) >= 40


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal(text):
    assert is_refusal(text)
    assert is_refusal(f"**{text.upper()}**\n")


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer(text):
    assert not is_refusal(text)


@pytest.mark.parametrize("part", ["rules", "kept"])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_negative_answers_hedges_and_partial_answers_are_no_refusals(lang, part):
    """Sentences of the part ``kept`` had no part in writing the rules."""
    lines = (CASES / "refusal_sentences.jsonl").read_text("utf-8").splitlines()
    found = [item for item in map(json.loads, lines) if (item["lang"], item["part"]) == (lang, part)]
    assert len(found) >= 45
    said = {item["text"] for item in found if is_refusal(item["text"])}
    wanted = {item["text"] for item in found if item["refusal"]}
    assert len(said & wanted) >= 0.97 * len(said), sorted(said - wanted)
    assert len(said & wanted) >= 0.97 * len(wanted), sorted(wanted - said)


def test_long_and_odd_texts_take_bounded_time():
    started = time.process_time()
    for text in ("the context " * 9000, "no information " * 7000, "없습니다 " * 20000, "a" * 100_000, "\ud800", ""):
        is_refusal(text)
    assert time.process_time() - started < 5


def figures(question: Question, answer: Answer | Failure) -> dict[str, object]:
    found = {}
    for name in ("refusal", "false_refusal", "bleu"):
        found.update(run(make("measure", name), Runtime(), [question], generate=[answer])[0])
    return found


def test_a_refusal_of_an_unanswerable_question_is_right():
    question = Question("u", "누가 창업했나요?", answerable=False)
    found = figures(question, Answer("문서에 없습니다."))
    assert found["refusal"] == Score(1.0)
    assert found["false_refusal"].kind == "unsuitable"
    assert (found["bleu"].whose, found["bleu"].kind) == ("measurement", "no_reference")
    assert figures(question, Answer("김한빛입니다."))["refusal"] == Score(0.0)
    assert figures(question, Failure("candidate", "refused", "The model refused."))["refusal"] == Score(1.0)


def test_a_refusal_of_an_answerable_question_is_the_candidates_failure():
    question = Question("a", "What is the limit?", ("25 days",))
    found = figures(question, Answer("I don't know."))
    assert found["false_refusal"] == Score(1.0)
    assert (found["bleu"].whose, found["bleu"].kind) == ("candidate", "refused")
    assert figures(question, Answer("25 days"))["false_refusal"] == Score(0.0)


def test_a_reference_that_reads_like_a_refusal_is_matched():
    question = Question("a", "Is the founder named?", ("The document does not mention the founder.",))
    answer = Answer("The document does not mention the founder.")
    assert run(make("measure", "bleu"), Runtime(), [question], generate=[answer]) == [{"bleu": Score(1.0)}]

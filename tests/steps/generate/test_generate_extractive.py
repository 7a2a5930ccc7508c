"""The extractive answerer: the honest floor."""

from __future__ import annotations

import pytest

from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Message, Prompt
from ragscout.model.step import make
from ragscout.model.values import Chunks, Passages
from ragscout.steps.generate.extractive import NOT_FOUND, best_sentence
from ragscout.steps.measure.refusal import is_refusal
from ragscout.testing.generation import CHUNKS, QUESTIONS, GenerateKit
from ragscout.testing.steps import FakeRuntime, run


class TestConformance(GenerateKit):
    cases = (("extractive", {}), ("extractive", {"max_chars": 20}))


def answer(question: str, passages: list[str], language: str = "en", **parameters: object) -> Answer:
    chunks = Chunks(("d",) * len(passages), (0,) * len(passages), tuple(map(len, passages)), tuple(passages))
    context = Passages.of(chunks, range(len(passages)))
    prompt = Prompt((Message("user", question),), tuple(range(len(passages))), language)
    step = make("generate", "extractive", parameters)
    (found,) = run(step, FakeRuntime(), [Question("1", question)], context=[context], prompt=[prompt])
    assert isinstance(found, Answer)
    return found


@pytest.mark.parametrize(
    ("number", "rows", "expected"),
    [
        (0, (1, 0), "Every employee gets 15 days of annual leave."),
        (1, (3, 2), "연차휴가는 입사하고 1년이 지나면 15일이 생깁니다."),
        (2, (0, 1, 4), "Core hours are 10:00 to 16:00."),
        (3, (2, 3), "재택근무는 팀장의 승인을 받아 주 2회까지 할 수 있습니다."),
    ],
)
def test_the_sentence_that_answers(number: int, rows: tuple[int, ...], expected: str) -> None:
    places = tuple(range(len(rows)))
    prompt = Prompt((Message("user", "x"),), places, "en")
    step = make("generate", "extractive")
    (found,) = run(step, FakeRuntime(), [QUESTIONS[number]], context=[Passages.of(CHUNKS, rows)], prompt=[prompt])
    assert found == Answer(expected, "stop", places)


@pytest.mark.parametrize(("language", "question"), [("en", "Zebra quagga?"), ("ko", "얼룩말은 어디에 사나요?")])
def test_it_refuses_when_nothing_fits(language: str, question: str) -> None:
    for passages in (["The office opens at nine in the morning."], []):
        found = answer(question, passages, language)
        assert found.text == NOT_FOUND.value[language]
        assert is_refusal(found.text)


def test_asking_words_are_no_reason() -> None:
    found = answer("How many of them are there in the cellar?", ["How it was and why they did that there, who knows."])
    assert found.text == NOT_FOUND.value["en"]


def test_headings_are_no_answers_when_there_is_better() -> None:
    assert best_sentence(
        "How is a backup restored?", ["# Backup restore\n\nA backup is restored with pg_restore."]
    ) == ("A backup is restored with pg_restore.")
    assert best_sentence("backup", ["Backup"]) == "Backup"


def test_ties_go_to_the_better_passage_and_the_earlier_sentence() -> None:
    twice = ["The red house stands here. The red house stands there.", "The red house stands nowhere."]
    assert best_sentence("Where is the red house?", twice) == "The red house stands here."
    assert best_sentence("Where is the red house?", twice[::-1]) == "The red house stands nowhere."


def test_overlapping_chunks_count_a_sentence_once() -> None:
    one = "Vacuum removes dead rows. Analyze collects statistics about tables."
    assert best_sentence("What does vacuum remove?", [one, one, one]) == "Vacuum removes dead rows."


def test_a_long_sentence_is_cut_at_a_word_and_says_so() -> None:
    found = answer("alpha", ["alpha " + "beta " * 200], max_chars=42)
    assert len(found.text) <= 42
    assert (found.text.split()[-1], found.finish) == ("beta", "length")
    joined = answer("연차", ["연차" + "가나다라" * 60], "ko", max_chars=20)
    assert joined.text

"""The fact score: its features, its weights, and that no label judges a question of its own set."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ragscout.model.outcome import Answer, Failure, Score
from ragscout.steps.measure.base import AnswerPair
from ragscout.steps.measure.fact.fact import CHANCE, CORRECTNESS, Fact
from ragscout.steps.measure.fact.features import FEATURES, compare
from ragscout.steps.measure.fact.quantities import quantities
from ragscout.steps.measure.fact.weights import WEIGHTS, weights_for
from ragscout.steps.measure.tokens import clean

ROOT = Path(__file__).parents[3]
STUDY = ROOT / "experiments" / "studies" / "fact-score" / "fit.py"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fact_score_fit", STUDY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def labelled(study: ModuleType) -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    return study.read(study.LABELS)


def judged(question: str, references: Sequence[str], answer: str) -> tuple[float, dict[str, str]]:
    scores = Fact().score(AnswerPair(answer, tuple(references), question))
    outcome, chance = scores[CORRECTNESS], scores[CHANCE]
    assert isinstance(outcome, Score) and isinstance(chance, Score)
    assert outcome.value == float(chance.value > 0.5)
    return chance.value, dict(outcome.detail)


@pytest.mark.parametrize(
    ("question", "reference", "right", "wrong"),
    [
        ("How long is the warranty?", "The warranty lasts 24 months.", "It is two years.", "It is 36 months."),
        ("When does the shop open?", "It opens at 9:00.", "At nine in the morning.", "At 10:00."),
        ("Who signs the contract?", "Ms Barrow signs it.", "It is signed by Ms Barrow.", "It is signed by Mr Kessler."),
        ("Is parking free?", "No, guests pay for parking.", "No.", "Yes, parking is free."),
        ("보증 기간은 얼마인가요?", "보증 기간은 2년입니다.", "24개월입니다.", "36개월입니다."),
        ("회의는 몇 시에 시작하나요?", "오후 3시에 시작합니다.", "15:00에 시작합니다.", "오후 5시에 시작합니다."),
        ("반품 배송비는 무료인가요?", "아니요, 고객이 부담합니다.", "아니요.", "네, 무료입니다."),
    ],
)
def test_the_same_fact_in_other_words_beats_another_fact_in_the_same_words(
    question: str, reference: str, right: str, wrong: str
) -> None:
    good, bad = judged(question, [reference], right)[0], judged(question, [reference], wrong)[0]
    assert good > 0.5 > bad


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for 48 hours", [("time", 172800.0)]),
        ("two days", [("time", 172800.0)]),
        ("twenty-five people", [("person", 25.0)]),
        ("1.5만 원", [("won", 15000.0)]),
        ("사흘", [("time", 259200.0)]),
        ("두 번", [("times", 2.0)]),
        ("4 pm", [("clock", 16.0)]),
        ("four in the afternoon", [("clock", 16.0)]),
        ("오후 4시 반", [("clock", 16.5)]),
        ("noon", [("clock", 12.0)]),
        ("-5 %", [("%", -5.0)]),
        ("16MB", [("mb", 16.0)]),
        ("한 주에 3일", [("time", 259200.0)]),
        ("one of them", []),
    ],
)
def test_quantities_are_read_on_one_scale(text: str, expected: list[tuple[str, float]]) -> None:
    assert [one.amount for one in quantities(text)] == expected


@pytest.mark.parametrize(
    ("feature", "question", "reference", "answer"),
    [
        ("unit_conflict", "How long is it?", "four weeks after seven years", "seven weeks after four years"),
        ("number_conflict", "How many days?", "25 days", "20 days"),
        ("number_echo", "What changes after 3 years?", "One gets 18 days.", "After 3 years it changes."),
        ("name_conflict", "Who is it?", "It is Anna Barrow.", "That would be Kessler."),
        ("polarity_conflict", "Is it allowed?", "No.", "Yes."),
        (
            "swapped",
            "What is empty?",
            "quoted text means empty, null means missing",
            "null means empty, quoted text means missing",
        ),
        ("negation_differs", "What happens?", "Orders are shipped.", "Orders are not shipped."),
        ("echo", "What is the limit of leave days?", "25", "The limit of leave days"),
    ],
)
def test_each_warning_feature_sees_its_kind_and_nothing_in_the_reference_itself(
    feature: str, question: str, reference: str, answer: str
) -> None:
    assert compare(question, [reference], answer).values[feature] > 0
    if feature != "echo":
        assert compare(question, [reference], reference).values[feature] == 0


def test_every_feature_is_a_share_documented_and_computed() -> None:
    values = compare("질문은 무엇인가요?", ["답은 3일입니다."], "삼 일이 아니라 4 days, Kessler").values
    assert set(values) == {item.name for item in FEATURES}
    assert all(0 <= value <= 1 for value in values.values())
    assert all(item.help for item in FEATURES)


def test_an_acronym_of_the_reference_and_a_unit_are_no_other_name() -> None:
    reference = "The write-ahead log has segments of 16 megabytes, as Anna says."
    assert compare("How large is it?", [reference], "A WAL segment is 16 MB.").values["name_conflict"] == 0


def test_the_reasons_say_which_number_stands_against_which() -> None:
    chance, detail = judged("How many days?", ["25 days"], "20 days")
    assert chance < 0.25
    assert any("20 days against 25 days" in text for name, text in detail.items() if name.startswith("reason"))


def test_an_unsure_answer_is_marked_for_labelling(
    labelled: tuple[list[dict[str, Any]], np.ndarray, np.ndarray],
) -> None:
    marked = 0
    for row in labelled[0][:200]:
        references = [clean(str(text)) for text in row["refs"]]  # type: ignore[attr-defined]
        chance, detail = judged(clean(str(row["question"])), references, clean(str(row["answer"])))
        assert ("unsure" in detail) == (0.25 < chance < 0.75)
        marked += "unsure" in detail
    assert 0 < marked < 60


def test_a_refusal_and_an_empty_answer_count_against_the_candidate(question_of) -> None:  # type: ignore[no-untyped-def]
    question = question_of("Is parking free?", "No, guests pay.")
    answers: list[Answer | Failure | None] = [Answer("I do not know."), Answer("  "), None]
    outcomes = [asyncio.run(run_one(question, answer)) for answer in answers]
    kinds = [(item.whose, item.kind) for item in outcomes]
    assert kinds == [("candidate", "refused"), ("candidate", "empty"), ("measurement", "unsuitable")]


async def run_one(question, answer):  # type: ignore[no-untyped-def]
    from ragscout.steps.measure.outside.evaluate_module import LocalRuntime

    (scores,) = await Fact().run(LocalRuntime(), [question], generate=[answer])  # type: ignore[arg-type]
    return scores[CORRECTNESS]


def test_equal_answers_to_two_questions_are_judged_apart(question_of) -> None:  # type: ignore[no-untyped-def]
    from ragscout.steps.measure.outside.evaluate_module import LocalRuntime

    questions = [
        question_of("What changes after 3 years of service?", "3 days more", name="a"),
        question_of("How much more leave is there?", "3 days more", name="b"),
    ]
    answers = [Answer("after 3 years")] * 2
    first, second = asyncio.run(Fact().run(LocalRuntime(), questions, generate=answers))  # type: ignore[arg-type]
    assert first[CHANCE] != second[CHANCE]  # type: ignore[index]


@pytest.fixture
def question_of():  # type: ignore[no-untyped-def]
    from ragscout.model.evalset import Question

    return lambda text, reference, name="q": Question(id=name, text=text, references=(reference,))


def test_a_question_of_a_labelled_set_is_judged_without_its_labels(
    labelled: tuple[list[dict[str, Any]], np.ndarray, np.ndarray],
) -> None:
    for row in labelled[0]:
        assert weights_for(clean(str(row["question"]))).without == row["set"]
    for name in ("handbook-en", "handbook-ko", "postgres-en", "libreoffice-ko"):
        lines = (ROOT / "eval_sets" / name / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        assert {weights_for(clean(json.loads(line)["question"])).without for line in lines} == {name}
    assert weights_for("A question that nobody labelled?").without == ""


def test_the_packaged_weights_are_those_that_the_labels_give(
    study: ModuleType, labelled: tuple[list[dict[str, Any]], np.ndarray, np.ndarray]
) -> None:
    rows, table, right = labelled
    packaged = json.loads(WEIGHTS.text)["without"]
    assert set(packaged) == {"", *(str(row["set"]) for row in rows)}
    for name, weights in packaged.items():
        kept = np.array([row["set"] != name for row in rows])
        fitted = study.fit(table[kept], right[kept])
        for feature, value in fitted["weights"].items():
            assert weights["weights"][feature] == pytest.approx(value, abs=0.02), (name, feature)
        assert weights["intercept"] == pytest.approx(fitted["intercept"], abs=0.02)


def test_weights_keep_the_sign_that_their_feature_may_have() -> None:
    for weights in json.loads(WEIGHTS.text)["without"].values():
        for feature in FEATURES:
            assert weights["weights"][feature.name] * feature.sign >= 0


@pytest.mark.parametrize("language", ["en", "ko"])
def test_on_sets_whose_labels_were_kept_back_it_judges_as_the_documentation_says(
    study: ModuleType, labelled: tuple[list[dict[str, Any]], np.ndarray, np.ndarray], language: str
) -> None:
    rows, table, right = labelled
    unseen = study.unseen(rows, table, right)
    hand = np.array([row["lang"] == language and row["group"] == "hand" for row in rows])
    rest = np.array([row["lang"] == language and (row["group"] in study.REAL or language == "ko") for row in rows])
    assert study.auc(unseen[hand], right[hand]) >= 0.90
    assert study.kappa(unseen[hand] > 0.5, right[hand] == 1) >= 0.66
    assert study.auc(unseen[rest], right[rest]) >= 0.95
    assert study.kappa(unseen[rest] > 0.5, right[rest] == 1) >= 0.75


@pytest.mark.parametrize(
    "piece", ["answer to ", "not ", "1,", "Aa ", "a_", "--a", "한 ", "네", " ", "reply to the reply to"]
)
def test_texts_that_hurt_patterns_take_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        started = time.process_time()
        for feature in (lambda: compare(text, [text[:300]], text), lambda: quantities(text + "!")):
            feature()
        return time.process_time() - started

    seconds(500)
    assert seconds(20_000) < 30 * max(seconds(2_000), 0.01)

"""Canaries are made of an evaluation set's own questions and unmask judges that cannot judge."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import pytest

from ragscout.model.errors import SpecError
from ragscout.model.evalset import Question, Span
from ragscout.model.metric import Figure, MeasureStep, MetricInputs
from ragscout.model.outcome import Answer, Score, Scores, Unfilled
from ragscout.model.runtime import Runtime
from ragscout.plan.canaries import FEWEST_WRONG, RIGHT, WRONG, CanaryTest, canaries, judge_canaries
from ragscout.steps.measure.fact.fact import CORRECTNESS, Fact
from ragscout.steps.measure.outside.evaluate_module import LocalRuntime
from ragscout.sweep import Sweep

SETS = Path(__file__).parents[2] / "eval_sets"


def questions_of(name: str) -> list[Question]:
    rows = map(json.loads, (SETS / name / "questions.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Question(
            row["id"],
            row["question"],
            tuple(row["references"]),
            evidence=tuple(Span(item["document"], item["quote"]) for item in row.get("evidence", ())),
        )
        for row in rows
    ]


class Judging(MeasureStep):
    """A judge that says what it is told to say of every answer."""

    name = "judging"

    def __init__(self, says: Any) -> None:
        self.says = says

    def figures(self) -> tuple[Figure, ...]:
        return (Figure("judging", pass_level=0.75),)

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        answers = given.get("generate") or []
        found: list[Scores | Unfilled] = []
        for question, answer in zip(questions, answers, strict=True):
            assert isinstance(answer, Answer)
            found.append({"judging": Score(self.says(question, answer.text))})
        return found


def judged_by(says: Any, name: str = "handbook-en") -> CanaryTest:
    runtime: Any = LocalRuntime()
    found = asyncio.run(judge_canaries(Judging(says), "judging", canaries(questions_of(name)), runtime))
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["handbook-en", "handbook-ko", "postgres-en", "libreoffice-ko"])
def test_a_bundled_set_gives_canaries_of_every_kind_and_fact_passes_on_them(name: str) -> None:
    made = canaries(questions_of(name))
    kinds = Counter((item.right, item.kind) for item in made)
    assert sum(item.right for item in made) <= RIGHT and sum(not item.right for item in made) <= WRONG
    assert {(True, "short"), (False, "number"), (False, "other"), (False, "near")} <= set(kinds)
    runtime: Any = LocalRuntime()
    found = asyncio.run(judge_canaries(Fact(), CORRECTNESS, made, runtime))
    assert found is not None and found.enough and found.passed


def test_wrong_canaries_hold_no_reference_and_right_ones_are_other_texts_than_their_key() -> None:
    for item in canaries(questions_of("postgres-en")):
        keys = [reference.casefold().strip(" .") for reference in item.question.references]
        if item.kind in ("other", "near"):
            assert not any(key in item.answer.casefold() for key in keys)
        if item.kind == "short":
            assert item.answer not in item.question.references


def test_the_order_of_the_questions_changes_nothing() -> None:
    rows = questions_of("handbook-ko")
    shuffled = list(rows)
    random.Random(4).shuffle(shuffled)
    assert canaries(rows) == canaries(shuffled)


@pytest.mark.parametrize(
    ("says", "fit"),
    [
        (lambda question, answer: 1.0, False),  # passes everything
        (lambda question, answer: 0.0, False),  # passes nothing: false pass 0, but it tells nothing apart
        (lambda question, answer: float(len(answer) > 40), False),  # likes long answers
        (lambda question, answer: float(bool(set(answer.split()) & set(question.text.split()))), False),  # echoes
    ],
)
def test_judges_that_cannot_judge_fail(says: Any, fit: bool) -> None:
    assert judged_by(says).passed is fit


def test_a_judge_that_knows_passes_and_a_passed_wrong_answer_is_shown() -> None:
    made = canaries(questions_of("handbook-en"))
    right = {(item.question.text, item.answer) for item in made if item.right}
    assert judged_by(lambda question, answer: float((question.text, answer) in right)) == CanaryTest(0.0, 1.0, 16, 24)
    unfit = judged_by(lambda question, answer: 1.0)
    assert any(item.answer in unfit.example for item in made if not item.right)


def test_too_few_canaries_say_nothing() -> None:
    few = questions_of("handbook-en")[:2]
    made = canaries(few)
    runtime: Any = LocalRuntime()
    found = asyncio.run(judge_canaries(Judging(lambda question, answer: 1.0), "judging", made, runtime))
    assert found is not None and not found.enough and found.passed


def test_a_set_without_evidence_and_with_one_reference_each_is_still_tested() -> None:
    plain = [Question(item.id, item.text, item.references[:1]) for item in questions_of("handbook-en")]
    made = canaries(plain)
    assert {item.kind for item in made if item.right} == {"same"}
    assert sum(not item.right for item in made) >= FEWEST_WRONG


def test_a_sweep_whose_goal_cannot_judge_its_questions_is_refused(tmp_path: Path) -> None:
    """Keys that differ by one symbol are all alike to a comparison of words."""
    signs = ["+", "-", "*", "/", "%", "^", "&", "|", "~", "!", "?", "<", ">", "="]
    rows = [
        {
            "id": f"q{place}",
            "question": f"Which operator has code {place}?",
            "references": [f"The operator is {sign} here."],
        }
        for place, sign in enumerate(signs)
    ]
    folder = tmp_path / "set"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.txt").write_text("Operators have codes.", encoding="utf-8")
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "sweep: signs\neval_set: ./set\npipeline: {chunk: {use: characters, size: [200, 400]}, retriever: bm25, "
        "generate: extractive}\nmeasure: {answer: [fact, token_f1]}\ngoal: {maximize: fact.correctness}\n",
        encoding="utf-8",
    )
    with pytest.raises(SpecError, match=r"cannot judge answers to these questions.*wrong answers passed"):
        Sweep.load(file, tmp_path / "store").check()
    file.write_text(
        file.read_text(encoding="utf-8").replace("maximize: fact.correctness", "maximize: token_f1"), "utf-8"
    )
    Sweep.load(file, tmp_path / "store").check()

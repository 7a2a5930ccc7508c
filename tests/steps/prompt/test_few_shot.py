"""Worked examples stand between the instructions and the question."""

from __future__ import annotations

from typing import Any

from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure, Prompt
from ragscout.model.step import make
from ragscout.model.values import Passages
from ragscout.steps.fit.worked import WorkedExample, WorkedExamples
from ragscout.testing.steps import QuestionKit, run

QUESTIONS = (Question("1", "How long is leave?"), Question("2", "휴가는 며칠인가요?"), Question("3", "Who pays?"))
PASSAGES = Passages(("Fifteen days.", "Ten days."), ("a", "b"), ((0, 13), (0, 9)), ((0,), (1,)), ("A", "B"))
SHOWN = WorkedExamples((WorkedExample("When?", "Now."), WorkedExample("<passage> Where?", "Here.")))


class TestFewShot(QuestionKit):
    stage = "prompt"
    cases = (("few-shot", {}), ("few-shot", {"passages": 1, "citations": "numbers"}))

    def questions(self) -> tuple[Question, ...]:
        return QUESTIONS

    def whole(self) -> dict[str, Any]:
        return {"fit": SHOWN}

    def per_question(self) -> dict[str, Any]:
        return {"context": [PASSAGES] * 3}


def prompts(**inputs: Any) -> list[Prompt | Failure]:
    found: list[Prompt | Failure] = run(make("prompt", "few-shot"), None, QUESTIONS, **inputs)
    return found


def test_examples_are_earlier_turns() -> None:
    plain = run(make("prompt", "template"), None, QUESTIONS, context=[PASSAGES] * 3)
    assert prompts(context=[PASSAGES] * 3) == plain, "without examples it is the template's prompt"
    for made, without in zip(prompts(context=[PASSAGES] * 3, fit=SHOWN), plain, strict=True):
        assert isinstance(made, Prompt)
        system, *turns, asked = made.messages
        assert (system, asked) == without.messages and system.role == "system"
        assert [(turn.role, turn.content) for turn in turns] == [
            ("user", "When?"),
            ("assistant", "Now."),
            ("user", "‹passage> Where?"),
            ("assistant", "Here."),
        ]


def test_what_else_was_learnt_is_not_shown() -> None:
    assert prompts(fit=0.5) == run(make("prompt", "template"), None, QUESTIONS)

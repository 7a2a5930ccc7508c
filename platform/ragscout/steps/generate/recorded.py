"""Answers that a system outside gave before: they stand on the board as a row, and are judged like every other."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Usage
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.text import normalise


@dataclass(frozen=True)
class _Line:
    answer: str
    seconds: float
    money: float | None


@step("generate", "recorded", version=1)
class Recorded(Step):
    """Give back the recorded answer of each question, with the seconds and the money it is said to have taken.

    ``text`` holds JSON lines with ``question`` (its text), ``answer``, and optionally ``seconds`` and ``cost``, as
    ``ragscout answers import`` writes them. No stage before it takes part.
    """

    uses: ClassVar[tuple[str, ...]] = ()
    text: str = field(default="", metadata={"help": "the answers (a file's content), one JSON object a line"})
    title: str = field(default="", metadata={"help": "name of the file, for people", "key": False})

    def __post_init__(self) -> None:
        _lines(self.text)

    def label(self) -> str:
        """Short text for people: the file's name stands for the answers."""
        return f"{self.name}({self.title})" if self.title else self.name

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
    ) -> list[Answer | Failure]:
        """Return the recorded answers; a question without one is the system's failure, so that gaps raise no mean."""
        known = _lines(self.text)
        return [_answer(known.get(question.text)) for question in questions]

    def spent(self, question: Question) -> Usage | None:
        """Return what the recorded answer took, ``None`` for a question without one."""
        line = _lines(self.text).get(question.text)
        return None if line is None else Usage(seconds=line.seconds, money=line.money)


def _answer(line: _Line | None) -> Answer | Failure:
    if line is None:
        return Failure("candidate", "empty", "The recorded answers hold none for this question.")
    if not line.answer:
        return Failure("candidate", "empty", "The recorded answer is empty.")
    return Answer(line.answer)


@functools.lru_cache(maxsize=16)
def _lines(text: str) -> Mapping[str, _Line]:
    """Question text to what was recorded.

    Raises:
        ValueError: a line that is not such an object, or two answers to one question.
    """
    found: dict[str, _Line] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        made = _line(line, number)
        question = normalise(str(made["question"]))
        if question in found:
            raise ValueError(
                f"text: line {number} answers a question a second time; got {question[:60]!r}. Remove one."
            )
        money = made.get("cost")
        found[question] = _Line(
            normalise(str(made["answer"])).strip(),
            float(made.get("seconds") or 0.0),
            None if money is None else float(money),
        )
    return found


def _line(line: str, number: int) -> dict[str, Any]:
    remedy = "Write the file with ragscout answers import."
    try:
        made = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"text: line {number} is not JSON; got {line[:40]!r}. {remedy}") from None
    if not isinstance(made, dict) or not {"question", "answer"} <= set(made):
        raise ValueError(f"text: line {number} has no question and answer; got {line[:40]!r}. {remedy}")
    for name in ("seconds", "cost"):
        value = made.get(name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9
        ):
            raise ValueError(f"text: line {number}: {name} must be a number from 0 on; got {value!r}. {remedy}")
    return made

"""Worked examples: questions with an accepted answer, as a prompt shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkedExample:
    """One question with its accepted answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class WorkedExamples:
    """Worked examples in the order in which they are shown."""

    examples: tuple[WorkedExample, ...]

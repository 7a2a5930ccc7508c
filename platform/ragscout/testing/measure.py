"""Conformance kit of metrics: what every measure step must do.

A test inherits ``MetricKit`` and gives two fixtures: ``metric`` (a measure step) and ``runtime`` (with a memo in
memory; for a judge, a chat that answers). The values a metric reads are those of ``example``.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from typing import Any

from ragscout.model.cells import decode, encode
from ragscout.model.evalset import Question, Span
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.outcome import (
    KINDS,
    Answer,
    Evidence,
    Failure,
    Hit,
    Message,
    PlacedSpan,
    Prompt,
    Ranking,
    Score,
    Unfilled,
)
from ragscout.model.runtime import Runtime
from ragscout.model.values import Chunks, Passages
from ragscout.testing.packaged import undeclared

_TEXTS = (
    "Annual leave never exceeds 25 days, whatever the length of service.",
    "연차휴가는 근속 기간과 관계없이 최대 25일을 넘지 않습니다.",
    "Core hours are 10:00 to 16:00.",
    "재택근무는 팀장의 승인을 받아 주 2회까지 할 수 있습니다.",
)
ODD_ANSWERS = (
    "",
    "   \n\t ",
    "...!?",
    "🙂🎉",
    "\ud800 lone \udfff",
    "25",
    "휴가 leave 休暇 отпуск 25일",
    "leave " * 20_000,
    "가" * 100_000,
    "I do not know.",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "a\x00b",
)
"""Answers that must give a score or a ``Failure``: empty, punctuation, emoji, surrogates, scripts, very long."""


def example() -> tuple[list[Question], dict[str, Any]]:
    """Questions of both languages with every input a metric may read, aligned."""
    questions = [
        Question(
            id=f"q{row}",
            text="휴가는 최대 며칠인가요?" if row % 2 else "What is the limit?",
            references=(text, "25"),
            evidence=(Span("d", text, 100 * row, 100 * row + len(text)),),
            documents=("d",),
        )
        for row, text in enumerate(_TEXTS)
    ]
    questions.append(Question(id="u", text="Who founded it?", answerable=False))
    questions.append(Question(id="n", text="No reference?"))
    chunks = Chunks(
        document=("d",) * 4,
        start=tuple(100 * row for row in range(4)),
        end=tuple(100 * row + len(text) for row, text in enumerate(_TEXTS)),
        text=_TEXTS,
    )
    evidence = [Evidence((PlacedSpan("d", 100 * row, 100 * row + len(text), 0),)) for row, text in enumerate(_TEXTS)]
    ranking = Ranking(tuple(Hit(row, 1.0 - row / 10) for row in range(4)))
    prompt = Prompt((Message("user", "?"),), (0, 1))
    inputs = {
        "chunk": chunks,
        "evidence": [*evidence, Evidence(), Evidence()],
        "rerank": [ranking] * len(questions),
        "context": [Passages.of(chunks, range(4))] * len(questions),
        "prompt": [prompt] * len(questions),
        "generate": [Answer(_TEXTS[row % 4], passages=(0, 1)) for row in range(len(questions))],
    }
    return questions, inputs


class MetricKit:
    """Inherit and give the fixtures ``metric`` and ``runtime``."""

    def test_names_the_wording_that_it_reads(self, metric: MeasureStep) -> None:
        """Rubrics and word lists that the code can read are named in ``packaged``, and so in the key."""
        assert undeclared(type(metric)) == []
        assert set(metric.packaged_texts()) <= set(type(metric).packaged)

    def test_figures_are_declared(self, metric: MeasureStep) -> None:
        """Names are distinct, ranges finite and in order, the floor inside."""
        figures = metric.figures()
        assert figures and len({figure.name for figure in figures}) == len(figures)
        for figure in figures:
            assert math.isfinite(figure.low) and math.isfinite(figure.high) and figure.low < figure.high
            assert figure.low <= figure.floor <= figure.high
        assert metric.signature() and "\n" not in metric.signature()

    def test_every_figure_has_an_outcome(self, metric: MeasureStep, runtime: Runtime) -> None:
        """One outcome per declared figure and question, inside the range."""
        questions, inputs = example()
        for outcome in self.scores(metric, runtime, questions, inputs):
            self.check(metric.figures(), outcome)

    def test_a_batch_changes_nothing(self, metric: MeasureStep, runtime: Runtime) -> None:
        """A question scores alone what it scores in any batch and order."""
        questions, inputs = example()
        whole = self.scores(metric, runtime, questions, inputs)
        order = list(range(len(questions)))
        random.Random(7).shuffle(order)
        for size in (1, 2, len(order)):
            for begin in range(0, len(order), size):
                rows = order[begin : begin + size]
                part = {name: _rows(value, rows) for name, value in inputs.items()}
                found = self.scores(metric, runtime, [questions[row] for row in rows], part)
                assert found == [whole[row] for row in rows]

    def test_outcomes_survive_the_store(self, metric: MeasureStep, runtime: Runtime) -> None:
        """What is written as a cell is read back equal."""
        questions, inputs = example()
        for outcome in self.scores(metric, runtime, questions, inputs):
            assert not isinstance(outcome, Unfilled)
            assert decode("measure", encode("measure", outcome)) == outcome

    def test_odd_answers(self, metric: MeasureStep, runtime: Runtime) -> None:
        """Whatever the answer is, there is a score in range or a failure of a known kind."""
        questions, inputs = example()
        for answer in ODD_ANSWERS:
            odd = {**inputs, "generate": [Answer(answer, passages=(0, 1))] * len(questions)}
            for outcome in self.scores(metric, runtime, questions, odd):
                self.check(metric.figures(), outcome)

    def test_a_failed_candidate_is_passed_on(self, metric: MeasureStep, runtime: Runtime) -> None:
        """A candidate's failure before the metric is its outcome, and counts against the candidate."""
        stage = "generate" if "generate" in metric.uses else "rerank"
        questions, inputs = example()
        failure = Failure("candidate", "context_overflow", "The prompt did not fit.")
        failed = {**inputs, stage: [failure] * len(questions)}
        for question, outcome in zip(questions, self.scores(metric, runtime, questions, failed), strict=True):
            if question.references and question.answerable:
                assert {item for item in outcome.values() if isinstance(item, Score)} == set()
                if metric.name != "refusal":
                    assert set(outcome.values()) == {failure}

    def scores(
        self, metric: MeasureStep, runtime: Runtime, questions: Sequence[Question], inputs: dict[str, Any]
    ) -> list[Any]:
        """Outcomes of the metric given only what it declares to use."""
        used = {name: value for name, value in inputs.items() if name in metric.uses}
        found = asyncio.run(metric.run(runtime, questions, **used))
        assert len(found) == len(questions)
        return list(found)

    def check(self, figures: Sequence[Figure], outcome: Any) -> None:
        """Assert that an outcome has exactly the figures, each a score in range or a known failure."""
        assert set(outcome) == {figure.name for figure in figures}
        for figure in figures:
            item = outcome[figure.name]
            if isinstance(item, Failure):
                assert item.kind in KINDS and item.detail
            else:
                assert figure.low <= item.value <= figure.high


def _rows(value: Any, rows: Sequence[int]) -> Any:
    return [value[row] for row in rows] if isinstance(value, list) else value

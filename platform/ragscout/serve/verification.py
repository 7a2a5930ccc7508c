"""Does a bundle still answer as it did when it was measured? It is asked the development questions again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragscout.model.config import Node
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Answer, Failure, Ranking, Score, Scores
from ragscout.model.step import chat_models
from ragscout.serve.pipeline import Pipeline, Traced
from ragscout.serve.recorded import RecordedAnswers, measure_nodes

TOLERANCE = 1e-6
"""Scores this near are equal: another machine's arithmetic may differ in the last bits."""

SHOWN = 10


@dataclass(frozen=True)
class AnswerDifference:
    """One outcome that is not as recorded. ``what`` is ``answer``, ``ranking`` or the name of a figure."""

    question: str
    what: str
    recorded: str
    now: str


@dataclass(frozen=True)
class FigureCheck:
    """A figure's scores then and now: how many are equal, the means over what was scored."""

    equal: int
    different: int
    recorded_mean: float | None
    now_mean: float | None


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found. ``same`` is true when every compared outcome is as recorded (and there was one).

    ``answers_equal``/``rankings_equal``: of ``answers``/``rankings`` that were recorded. ``skipped``: figure to why its
    scores were not computed again. ``notes``: other versions of libraries than when it was measured.
    """

    bundle: str
    asked: int
    of: int
    answers: int
    answers_equal: int
    rankings: int
    rankings_equal: int
    figures: Mapping[str, FigureCheck]
    differences: tuple[AnswerDifference, ...]
    skipped: Mapping[str, str]
    notes: tuple[str, ...] = ()
    same: bool = False

    def lines(self) -> list[str]:
        """Return the report for people, line by line."""
        found = [f"{self.bundle}: {self.asked} of {self.of} recorded questions asked again."]
        if self.rankings:
            found.append(f"rankings  {self.rankings_equal} of {self.rankings} equal")
        if self.answers:
            found.append(f"answers   {self.answers_equal} of {self.answers} equal")
        for name, check in self.figures.items():
            found.append(
                f"{name}: {check.equal} of {check.equal + check.different} scores equal; "
                f"mean {_number(check.recorded_mean)} recorded, {_number(check.now_mean)} now"
            )
        found += [f"{name}: not computed again, {why}" for name, why in self.skipped.items()]
        found += [
            f"  {item.question} {item.what}: recorded {item.recorded}; now {item.now}"
            for item in self.differences[:SHOWN]
        ]
        if len(self.differences) > SHOWN:
            found.append(f"  and {len(self.differences) - SHOWN} more differences")
        found += [f"note: {note}" for note in self.notes]
        found.append("The bundle answers as measured." if self.same else "The bundle does not answer as measured.")
        return found


@dataclass
class _Tally:
    recorded: list[float] = field(default_factory=list)
    now: list[float] = field(default_factory=list)
    equal: int = 0
    different: int = 0


def verify(
    path: str | Path, *, limit: int | None = None, ask_models: bool = False, allow: Sequence[str] = ()
) -> VerifyReport:
    """Ask a bundle its development questions again and compare answers, rankings and scores.

    Args:
        path: folder or archive.
        limit: only the first so many questions.
        ask_models: also compute the metrics that ask a model (a judge), which may cost money.
        allow: see ``Pipeline.load``.

    Raises:
        BundleError: not a bundle, or one without questions.
        ModelCallError: a model that the bundle needs does not answer.
    """
    with Pipeline.load(path, strict=False, allow=allow) as pipeline:
        bundle = pipeline.bundle
        assert bundle is not None
        rows = bundle.questions()
        chosen = rows if limit is None else rows[: max(0, limit)]
        nodes = measure_nodes(pipeline.configuration, bundle.metrics)
        check = _Check(pipeline, nodes, ask_models)
        for row in chosen:
            check.add(row)
        return check.report(bundle.name, len(chosen), len(rows), bundle.differences)


class _Check:
    def __init__(self, pipeline: Pipeline, nodes: Sequence[Node], ask_models: bool) -> None:
        self._pipeline = pipeline
        self._nodes: list[Node] = []
        self._skipped: dict[str, str] = {}
        for node in nodes:
            step = node.step
            assert isinstance(step, MeasureStep)
            if chat_models(step) and not ask_models:
                self._skipped |= {figure.name: "it asks a model" for figure in step.figures()}
            else:
                self._nodes.append(node)
        self._tallies: dict[str, _Tally] = {}
        self._differences: list[AnswerDifference] = []
        self._answers, self._rankings = [0, 0], [0, 0]

    def add(self, row: RecordedAnswers) -> None:
        """Ask one question again."""
        expected, name = row.expected, row.question.id
        traced = self._pipeline.trace(row.question)
        if expected.ranking is not None:
            ranking = traced.ranking
            now = tuple(hit.chunk for hit in ranking.hits) if isinstance(ranking, Ranking) else ()
            self._compare(self._rankings, name, "ranking", str(list(expected.ranking)), str(list(now)))
        if expected.answer is not None:
            last = traced.outcomes[self._pipeline.configuration.last.stage]
            self._compare(self._answers, name, "answer", _words(expected.answer), _words(last))
        if expected.scores is not None:
            self._scores(row, traced, expected.scores)

    def report(self, name: str, asked: int, of: int, notes: tuple[str, ...]) -> VerifyReport:
        """Return what was found so far."""
        figures = {
            figure: FigureCheck(tally.equal, tally.different, _mean(tally.recorded), _mean(tally.now))
            for figure, tally in self._tallies.items()
        }
        compared = self._answers[0] + self._rankings[0] + sum(item.equal + item.different for item in figures.values())
        return VerifyReport(
            name,
            asked,
            of,
            answers=self._answers[0],
            answers_equal=self._answers[1],
            rankings=self._rankings[0],
            rankings_equal=self._rankings[1],
            figures=figures,
            differences=tuple(self._differences),
            skipped=self._skipped,
            notes=notes,
            same=bool(compared) and not self._differences,
        )

    def _scores(self, row: RecordedAnswers, traced: Traced, recorded: Scores) -> None:
        inputs = {**traced.outcomes, "evidence": row.expected.evidence}
        for node in self._nodes:
            if row.expected.evidence is None and node.input("evidence") is not None:
                continue
            now: Scores = self._pipeline.measure(node, row.question, inputs)
            for figure, outcome in now.items():
                if figure in recorded:
                    self._score(row.question.id, figure, recorded[figure], outcome)

    def _score(self, question: str, figure: str, then: Score | Failure, now: Score | Failure) -> None:
        tally = self._tallies.setdefault(figure, _Tally())
        for values, outcome in ((tally.recorded, then), (tally.now, now)):
            if isinstance(outcome, Score):
                values.append(outcome.value)
        if _equal(then, now):
            tally.equal += 1
        else:
            tally.different += 1
            self._differences.append(AnswerDifference(question, figure, _words(then), _words(now)))

    def _compare(self, counts: list[int], question: str, what: str, then: str, now: str) -> None:
        counts[0] += 1
        if then == now:
            counts[1] += 1
        else:
            self._differences.append(AnswerDifference(question, what, then, now))


def _equal(then: Score | Failure, now: Score | Failure) -> bool:
    if isinstance(then, Score) and isinstance(now, Score):
        return math.isclose(then.value, now.value, abs_tol=TOLERANCE, rel_tol=0.0)
    return isinstance(then, Failure) and isinstance(now, Failure) and (then.whose, then.kind) == (now.whose, now.kind)


def _words(outcome: Any) -> str:
    if isinstance(outcome, Answer):
        return outcome.text
    if isinstance(outcome, Score):
        return _number(outcome.value)
    return f"[{outcome.kind}]" if isinstance(outcome, Failure) else str(outcome)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"

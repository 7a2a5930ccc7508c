"""The judges of a sweep against the labels of its evaluation set: what board and reports are made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragscout.judges.labels import Label
from ragscout.judges.ppi import Calibration
from ragscout.judges.report import Report, matched, report
from ragscout.judges.sample import Answered, Given, Item, nothing_given, population
from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep
from ragscout.model.results.calibration import Scale
from ragscout.model.runtime import ChatModel
from ragscout.model.stages import identifying
from ragscout.model.step import chat_models
from ragscout.steps.measure.judge.judge import Judge


@dataclass(frozen=True)
class Judged:
    """One judge figure of a sweep."""

    figure: str
    criterion: str
    judge: Judge

    @property
    def scale(self) -> Scale:
        """The judge's scale."""
        return Scale(self.judge.levels, self.judge.pass_level)

    @property
    def name(self) -> str:
        """The judge for people: its connection, else its model."""
        return self.judge.model.label or self.judge.model.model


def judged_figures(metrics: Sequence[MeasureStep]) -> list[Judged]:
    """Every figure that a chat model gives, in the order of the sweep file."""
    return [
        Judged(figure.name, figure.name.partition(".")[2], metric)
        for metric in metrics
        if isinstance(metric, Judge)
        for figure in metric.figures()
    ]


def wrote_itself(judge: Judge, configurations: Sequence[Configuration]) -> frozenset[str]:
    """Keys of the configurations whose answers the judge's own model wrote."""
    return frozenset(item.key for item in configurations if _writer(item) == judge.model)


def _writer(configuration: Configuration) -> ChatModel | None:
    step = configuration.steps.get(identifying())
    return None if step is None else next(iter(chat_models(step)), None)


def reported(judged: Judged, items: Sequence[Item], labels: Sequence[Label]) -> Report:
    """Return the calibration of one of the sweep's judges."""
    mine = [label for label in labels if label.criterion == judged.criterion]
    details: list[Mapping[str, str]] = [item.detail for item in items]
    return report(judged.figure, judged.name, judged.scale, matched(items, mine), mine, details)


def calibrations(
    metrics: Sequence[MeasureStep],
    rows: Sequence[Answered],
    questions: Sequence[Question],
    labels: Sequence[Label],
    given: Given,
) -> Iterator[Calibration]:
    """Yield what the board says of each judge figure; without labels nothing is looked through. ``given``: the passages
    of an answer, asked for criteria that read them."""
    for judged in judged_figures(metrics):
        mine = [label for label in labels if label.criterion == judged.criterion]
        read = given if judged.judge.reads_passages(judged.criterion) else nothing_given
        items = population(rows, questions, judged.figure, read) if mine else []
        own = wrote_itself(judged.judge, [configuration for configuration, _, _ in rows])
        made = reported(judged, items, mine)
        yield Calibration(made.standing(candidate=bool(own)), tuple(matched(items, mine)), own)

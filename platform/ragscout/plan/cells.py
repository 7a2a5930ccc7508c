"""Reads what a sweep measured back from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragscout.engine.worker import question_key
from ragscout.model.cells import decode
from ragscout.model.config import Configuration, Node
from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Answer, Failure, Score, Scores, Usage
from ragscout.plan.setup import Prepared
from ragscout.store.store import Store

_MISSING = Usage()


class CellReader:
    """Scores, answers and usage by configuration and question. Cells never change, so what was read is kept."""

    def __init__(self, store: Store, prepared: Prepared) -> None:
        """Args: prepared = the sweep whose metrics are read."""
        self._store, self._prepared = store, prepared
        self._seen: dict[tuple[str, str], tuple[Any, Usage]] = {}

    def scores(
        self, configuration: Configuration, names: Sequence[str], failed: Mapping[str, str]
    ) -> dict[str, Scores]:
        """Question id to figure name to outcome, for the questions whose cells are all there.

        ``failed``: nodes that cannot be computed; their figures are the measurement's failure with the cause.
        """
        questions = self._prepared.pick(names)
        found: dict[str, dict[str, Score | Failure]] = {question.id: {} for question in questions}
        whole = {question.id: True for question in questions}
        for node in self._prepared.measures(configuration):
            assert isinstance(node.step, MeasureStep)
            cells = self._read(node, questions)
            # cells that are there count, even if the metric broke once: it may have been mended since
            broken = Failure("measurement", "metric_failed", failed.get(node.key, ""))
            lost: Scores = {figure.name: broken for figure in node.step.figures()} if node.key in failed else {}
            for question in questions:
                found[question.id] |= cells[question.id][0] if question.id in cells else lost
                whole[question.id] &= question.id in cells or bool(lost)
        weighted = self._prepared.weighted
        for scores in found.values() if weighted is not None else ():
            if weighted is not None and (outcome := weighted.outcome(scores)) is not None:
                scores[weighted.figure().name] = outcome
        return {name: scores for name, scores in found.items() if whole[name]}

    def usage(self, configuration: Configuration, names: Sequence[str]) -> dict[str, Usage]:
        """What each question took along the configuration's own path, judging left out."""
        cells = self._read(configuration.last, self._prepared.pick(names))
        return {name: cells[name][1] if name in cells else _MISSING for name in names}

    def answers(self, configuration: Configuration, names: Sequence[str]) -> dict[str, str]:
        """Texts of the answers; a failure is shown in words."""
        if not configuration.generates:
            return {}
        cells = self._read(configuration.last, self._prepared.pick(names))
        return {name: _words(value) for name, (value, _) in cells.items()}

    def value(self, node: Node, question: Question) -> Any:
        """Value of one cell, ``None`` when it is open."""
        return self._read(node, [question]).get(question.id, (None, _MISSING))[0]

    def _read(self, node: Node, questions: Sequence[Question]) -> dict[str, tuple[Any, Usage]]:
        keys = {question.id: question_key(node.stage, question) for question in questions}
        open_ = sorted({key for key in keys.values() if (node.key, key) not in self._seen})
        if open_:
            for key, cell in self._store.read_cells(node.key, open_).items():
                self._seen[node.key, key] = (decode(node.stage, cell.data), cell.path)
        return {name: self._seen[node.key, key] for name, key in keys.items() if (node.key, key) in self._seen}


def _words(value: Any) -> str:
    if isinstance(value, Answer):
        return value.text
    return f"[{value.kind}] {value.detail}" if isinstance(value, Failure) else str(value)

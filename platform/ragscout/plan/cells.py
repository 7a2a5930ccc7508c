"""Reads what a sweep measured back from the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ragscout.engine.worker import cell_key
from ragscout.model.cells import decode
from ragscout.model.config import Configuration, Node
from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Answer, Failure, Score, Scores, Usage
from ragscout.plan.cell_columns import METRIC_FAILED, CellColumns
from ragscout.plan.outcome_table import OutcomeTable, UsageTable
from ragscout.plan.setup import Setup
from ragscout.store.store import Store


class CellReader:
    """Scores, answers and usage by configuration and question. Cells never change, so what was read is kept."""

    def __init__(self, store: Store, prepared: Setup) -> None:
        """Args: prepared = the sweep whose metrics are read."""
        self._store, self._prepared = store, prepared
        self._columns = CellColumns(store, prepared.questions)
        self._seen: dict[tuple[str, str], tuple[Any, Usage]] = {}

    def load(self, asked: Iterable[tuple[Configuration, Collection[str]]]) -> None:
        """Read at once what is not known yet of some configurations and the questions that they were asked."""
        measured: dict[Node, Collection[str]] = {}
        used: dict[Node, Collection[str]] = {}
        for configuration, names in asked:
            used[configuration.last] = names
            for node in self._prepared.measures(configuration):
                known = measured.setdefault(node, names)
                if known is not names and known != names:
                    measured[node] = {*known, *names}
        self._columns.load_scores(measured)
        self._columns.load_usage(used)

    def table(
        self, configuration: Configuration, names: Sequence[str], failed: Mapping[str, str]
    ) -> tuple[Mapping[str, Scores], int, bool]:
        """Return the same as ``scores`` from what ``load`` read, in columns where that is possible: outcomes are made
        when they are asked for. With it, how many cells are there, and whether that is all of them."""
        nodes = self._prepared.measures(configuration)
        asked, columns, cells = self._columns.joined(nodes, names, {node.key for node in nodes} & failed.keys())
        complete = cells == len(nodes) * len(names)
        if self._prepared.weighted is not None:
            return self.scores(configuration, names, failed), cells, complete

        def load() -> dict[str, Scores]:
            return self.scores(configuration, asked, failed)

        return OutcomeTable(self._columns.places, asked, columns, self._columns.kinds, load), cells, complete

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
            cells = self._scores(node, questions)
            # cells that are there count, even if the metric broke once: it may have been mended since
            broken = Failure("measurement", METRIC_FAILED, failed.get(node.key, ""))
            lost: Scores = {figure.name: broken for figure in node.step.figures()} if node.key in failed else {}
            for question in questions:
                found[question.id] |= cells.get(question.id, lost)
                whole[question.id] &= question.id in cells or bool(lost)
        weighted = self._prepared.weighted
        for scores in found.values() if weighted is not None else ():
            if weighted is not None and (outcome := weighted.outcome(scores)) is not None:
                scores[weighted.figure().name] = outcome
        return {name: scores for name, scores in found.items() if whole[name]}

    def usage(self, configuration: Configuration, names: Sequence[str]) -> UsageTable:
        """Return what each question took along the configuration's own path, judging left out; nothing where no cell
        is."""
        self._columns.load_usage({configuration.last: names})
        return self._columns.usage(configuration.last, names)

    def answers(self, configuration: Configuration, names: Sequence[str]) -> dict[str, str]:
        """Texts of the answers; a failure is shown in words."""
        if not configuration.generates:
            return {}
        cells = self._read(configuration.last, self._prepared.pick(names))
        return {name: _words(value) for name, (value, _) in cells.items()}

    def value(self, node: Node, question: Question) -> Any:
        """Value of one cell, ``None`` when it is open."""
        return self._read(node, [question]).get(question.id, (None, None))[0]

    def _scores(self, node: Node, questions: Sequence[Question]) -> dict[str, Scores]:
        """Outcomes of a measure node as they are in the store. They are not kept, but their columns are."""
        keys = {question.id: cell_key(node, question) for question in questions}
        cells = {key: cell.data for key, cell in self._store.read_cells(node.key, sorted({*keys.values()})).items()}
        self._columns.add_scores(node, cells.items())
        made = {key: decode(node.stage, data) for key, data in cells.items()}
        return {name: made[key] for name, key in keys.items() if key in made}

    def _read(self, node: Node, questions: Sequence[Question]) -> dict[str, tuple[Any, Usage]]:
        keys = {question.id: cell_key(node, question) for question in questions}
        open_ = sorted({key for key in keys.values() if (node.key, key) not in self._seen})
        if open_:
            for key, cell in self._store.read_cells(node.key, open_).items():
                self._seen[node.key, key] = (decode(node.stage, cell.data), cell.path)
        return {name: self._seen[node.key, key] for name, key in keys.items() if (node.key, key) in self._seen}


def _words(value: Any) -> str:
    if isinstance(value, Answer):
        return value.text
    return f"[{value.kind}] {value.detail}" if isinstance(value, Failure) else str(value)

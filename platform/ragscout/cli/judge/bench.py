"""What the verbs of ``ragscout judge`` share: a sweep's answers, its labels, the criterion that is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragscout.judges.asking import GivenPassages
from ragscout.model.errors import EvalSetError, UnknownNameError
from ragscout.model.results.journal import JudgeLabelled

if TYPE_CHECKING:
    from ragscout.judges.labels import Label, Labels
    from ragscout.judges.sample import Answered, Item
    from ragscout.judges.sweep import Judged
    from ragscout.sweep import Sweep

MOST_ANSWERS = 2_000
"""Configurations whose answers are looked for when the sweep file was changed since it ran."""


@dataclass(frozen=True)
class Bench:
    """A sweep with its answers. ``judged``: the sweep's judge on the criterion, ``None`` when it has none;
    ``passages``: what the answers were given."""

    sweep: Sweep
    criterion: str
    judged: Judged | None
    items: list[Item]
    book: Labels
    passages: GivenPassages

    @property
    def labels(self) -> list[Label]:
        """People's labels on the criterion for the answers of this sweep."""
        here = {item.key for item in self.items}
        return [label for label in self.book.all(self.criterion) if label.item in here]

    def keep(self, labels: Sequence[Label]) -> None:
        """Keep labels; the sweep's journal notes that there are new ones, so that recorders look again."""
        if labels:
            self.book.add(labels)
            if self.sweep.journal.entries():
                self.sweep.journal.append(JudgeLabelled(self.criterion, len(labels)))

    @property
    def levels(self) -> int:
        """Levels of the criterion's scale."""
        return self.judged.scale.levels if self.judged else 5

    @property
    def definition(self) -> str | Mapping[str, str]:
        """The criterion as a judge takes it."""
        if self.judged is not None:
            for item in self.judged.judge.criteria:
                if not isinstance(item, str) and self.criterion in item:
                    return {self.criterion: item[self.criterion]}
        return self.criterion


def open_bench(file: Path, store: str | None, criterion: str) -> Bench:
    """Read a sweep file and everything that was answered for it.

    Raises:
        UnknownNameError: the criterion is neither built in nor one of the sweep's.
        EvalSetError: nothing was answered yet.
    """
    from ragscout.judges.labels import Labels
    from ragscout.judges.sample import nothing_given, population
    from ragscout.judges.sweep import judged_figures
    from ragscout.steps.measure.judge.prompt import BUILT_IN
    from ragscout.sweep import Sweep

    sweep = Sweep.load(file, store)
    found = judged_figures(sweep.prepared.metrics)
    goal = next((item for item in found if item.figure == sweep.prepared.goal.metric), None)
    if criterion:
        judged = next((item for item in found if item.criterion == criterion), None)
        if judged is None and criterion not in BUILT_IN:
            known = dict.fromkeys([*(item.criterion for item in found), *BUILT_IN])
            raise UnknownNameError(str(file), "criterion", criterion, known)
    else:
        judged = goal or next(iter(found), None)
    name = criterion or (judged.criterion if judged else "correctness")
    passages = GivenPassages(sweep.prepared, sweep.store)
    reads = judged.judge.reads_passages(name) if judged else name == "faithfulness"
    figure = judged.figure if judged else f"judge.{name}"
    items = population(_answered(sweep), sweep.prepared.questions, figure, passages.of if reads else nothing_given)
    if not items:
        raise EvalSetError(
            f"{file}: there is no answer to label in the store; got 0. Run `ragscout sweep {file}` first, at least "
            "for a while."
        )
    return Bench(sweep, name, judged, items, Labels(sweep.store.ledger, sweep.prepared.eval_set), passages)


def _answered(sweep: Sweep) -> list[Answered]:
    """Return what the sweep measured; for a file that was changed since, the answers its configurations have in the
    store."""
    from ragscout.model.outcome import Answer
    from ragscout.plan.cells import CellReader

    rows: list[Answered] = [(row.configuration, row.scores, row.answers) for row in sweep.view.rows()]
    if any(answers for _, _, answers in rows):
        return rows
    cells = CellReader(sweep.store, sweep.prepared)
    found: list[Answered] = []
    for configuration in sweep.prepared.space.configurations[:MOST_ANSWERS]:
        if configuration.generates:
            values = {item.id: cells.value(configuration.last, item) for item in sweep.prepared.questions}
            answers = {name: value.text for name, value in values.items() if isinstance(value, Answer)}
            found.append((configuration, {name: {} for name in answers}, answers))
    return found

"""What every report is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ragscout.board.effects import Effects
from ragscout.board.question_weights import weights_of
from ragscout.model.config import Configuration
from ragscout.model.results.board import BoardLanguage
from ragscout.record.recorder import RecordedRow, Snapshot
from ragscout.report.why import Passages, Why, why


def no_passages(_configuration: object, _question: object) -> tuple[()]:
    """For places that cannot read the store."""
    return ()


@dataclass(frozen=True)
class ReportMaterial:
    """A snapshot with what the snapshot does not hold. ``space``: every configuration of the sweep; ``limits``: the
    goal's ``within:`` by name; ``facts``: further names and versions, shown as they are; ``audit``: sections that
    other parts add, title and lines."""

    snapshot: Snapshot
    space: Sequence[Configuration]
    language: BoardLanguage = "en"
    limits: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    passages: Passages = no_passages

    @cached_property
    def rows(self) -> dict[str, RecordedRow]:
        """Measured rows by key."""
        return {row.configuration.key: row for row in self.snapshot.rows}

    @cached_property
    def effects(self) -> Effects:
        """What the knobs did, over the configurations that generate (over all, where none does)."""
        generating = [item for item in self.space if item.generates]
        return Effects(
            generating or list(self.space),
            {key: row.scores for key, row in self.rows.items()},
            [question.id for question in self.snapshot.eval_set.development],
            self.snapshot.board.goal,
            weights_of(self.snapshot.eval_set.development),
        )

    @cached_property
    def why(self) -> Why | None:
        """The explanation of the recommended row."""
        best = self.snapshot.board.recommended()
        if best is None or best.key not in self.rows:
            return None
        return why(self.snapshot, self.space, best.key, self.passages, self.effects)


MaterialOf = Callable[[Snapshot], ReportMaterial]

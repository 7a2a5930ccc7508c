"""What a recorder gets and must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ragscout.model.config import Configuration
from ragscout.model.evalset import EvalSet
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Board, BoardLanguage


@dataclass(frozen=True)
class RecordedRow:
    """A configuration with every score it has: question id to figure name to outcome."""

    configuration: Configuration
    scores: Mapping[str, Mapping[str, Score | Failure]]
    answers: Mapping[str, str]
    """Question id to the answer's text (or to the failure in words)."""


@dataclass(frozen=True)
class Snapshot:
    """State of a sweep at one point of its journal. ``sequence`` grows with the journal; equal sequence, equal
    content. ``spec``: the sweep file in canonical form, as YAML. ``headline``: what the board says in one sentence, by
    language. ``closed``: nothing more will be measured.
    ``attachments``: pages beside the board, by file name."""

    sweep: str
    name: str
    sequence: int
    spec: str
    eval_set: EvalSet
    board: Board
    headline: Mapping[BoardLanguage, str]
    rows: Sequence[RecordedRow]
    figures: Sequence[Figure]
    signatures: Mapping[str, str]
    goal: str
    closed: bool
    attachments: Mapping[str, bytes] = field(default_factory=dict)


class Recorder(Protocol):
    """Writes snapshots somewhere. ``update`` is idempotent and may skip snapshots: what it leaves behind depends on
    the last one only, so a place that was down for an hour, or deleted, is whole again after the next call."""

    def update(self, snapshot: Snapshot) -> None:
        """Bring the place up to date. Trouble of the place is logged, never raised: it must not stop a sweep."""
        ...

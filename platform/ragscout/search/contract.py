"""What a proposer is asked and told: the contract of every search method.

``ask`` gives requests for a round, ``tell`` takes the measured blocks of that round in request order, ``finals`` gives
what must still be measured before a winner is named. A proposer's state is a pure function of (space, seed, history of
rounds): ``ask`` of round r draws from a generator seeded by (sweep seed, r), so replaying the journal with ``restore``
gives the same next request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ragscout.model.config import Configuration
from ragscout.model.outcome import Failure, Score, Usage
from ragscout.model.results.board import Note


@dataclass(frozen=True)
class Request:
    """Questions (ids, in order) asked of one configuration. ``reason`` is shown to people: ``retrieval``,
    ``baseline``, ``start``, ``search``, ``continue``, ``final``."""

    configuration: Configuration
    questions: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Block:
    """What came back: per question id, per figure name, a score or a failure. Only complete blocks are told.

    ``usage``: money, tokens and seconds along the configuration's own path for these questions. ``failed``: why the
    whole configuration cannot run, empty when it can.
    """

    configuration: Configuration
    scores: Mapping[str, Mapping[str, Score | Failure]]
    usage: Usage
    failed: str = ""


class Proposer(Protocol):
    """Chooses which questions to ask of which configurations, and sees every score."""

    def ask(self, n: int) -> Sequence[Request]:
        """At most ``n`` requests of the next round; empty when the search is over."""
        ...

    def tell(self, blocks: Sequence[Block]) -> None:
        """Blocks of the round, in request order."""
        ...

    def restore(self, requests: Sequence[Request], blocks: Sequence[Block]) -> None:
        """Replay one journalled round without asking anew."""
        ...

    def know(self, blocks: Sequence[Block], free: bool = True) -> None:
        """Take what earlier sweeps measured, before the first round of answers; ``free``: outside the limit."""
        ...

    def notes(self) -> Sequence[Note]:
        """Return what the board must say about how the search went."""
        ...

    def allow(self, answers: int) -> None:
        """From here on at most so many further answers are asked."""
        ...

    def finals(self) -> Sequence[Request]:
        """Return what is still to be measured for the configurations that may win, baselines and reference included."""
        ...

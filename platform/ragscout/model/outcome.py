"""What a computation gives: a value, a ``Score``, a ``Failure`` or nothing yet (``Unfilled``).

A stored outcome is final. ``Unfilled`` is never stored: the cell stays open and is asked again at resume.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ragscout.model.key import keyed

Whose = Literal["candidate", "measurement"]


@dataclass(frozen=True)
class Failure:
    """A final outcome that is not a value.

    ``whose='candidate'``: scores the metric's declared floor. ``whose='measurement'``: missing, out of that mean.
    ``kind`` is one of the short words in ``KINDS``; ``detail`` is one sentence for people, free of secrets.
    """

    whose: Whose
    kind: str
    detail: str = ""


CANDIDATE_KINDS = ("refused", "filtered", "unparsable", "empty", "cut", "context_overflow", "step_error")
MEASUREMENT_KINDS = (
    "judge_failed",
    "judge_cut",
    "metric_failed",
    "no_reference",
    "no_evidence",
    "unplaced",
    "no_model",
    "unsuitable",
    "learnt_from",
)
KINDS = CANDIDATE_KINDS + MEASUREMENT_KINDS


UnfilledKind = Literal["endpoint", "budget", "network", "cancelled", "step", "store", "machine", "missing", "worker"]
"""What stood in the way: a model's endpoint, the budget, the network, a cancelled request, another open cell, the
store, this machine (disk, memory, files), something that is not installed here, a worker that died."""


@dataclass(frozen=True)
class Unfilled:
    """Infrastructure or budget stood in the way (429, time-out, disk full, budget spent). Never stored.

    ``detail`` is one sentence for people with the cause and the remedy, free of secrets.
    """

    kind: UnfilledKind
    detail: str = ""


@dataclass(frozen=True)
class Score:
    """A finite number inside the metric's declared range. ``detail`` holds small explanations (a judge's level)."""

    value: float
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"a score must be finite, got {self.value}; return a Failure instead")


@dataclass(frozen=True)
class Usage:
    """What some work took. ``money`` is in the connection's currency, ``None`` when the price is unknown.

    Tokens are counted by the endpoint; seconds are wall-clock of the work itself, never of waiting for a cache.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    money: float | None = 0.0
    calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        money = None if self.money is None or other.money is None else self.money + other.money
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
            money,
            self.calls + other.calls,
        )


@dataclass(frozen=True)
class Hit:
    """One retrieved chunk: its row in the chunk value and the retriever's score (higher is better)."""

    chunk: int
    score: float


@dataclass(frozen=True)
class Ranking:
    """Hits, best first; ties are broken by chunk order."""

    hits: tuple[Hit, ...]


Side = Literal["dense", "lexical", "both"]
"""Retrievers that a query text is for."""


@dataclass(frozen=True)
class Query:
    """The texts really sent to the retrievers (one, unless a query step expands).

    ``side``: for each text the retrievers it is for; empty: all texts are for both. ``passage``: for each text whether
    it reads like a passage (a hypothetical answer) and not like a question, so that an encoder takes it for one; empty:
    all are questions.
    """

    texts: tuple[str, ...]
    side: tuple[Side, ...] = ()
    passage: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        for name, column in (("side", self.side), ("passage", self.passage)):
            if column and len(column) != len(self.texts):
                raise ValueError(f"query: {name} has {len(column)} entries for {len(self.texts)} texts.")

    def of(self, side: Literal["dense", "lexical"]) -> tuple[tuple[str, bool], ...]:
        """Return the texts for one side, each with whether it reads like a passage."""
        sides = self.side or ("both",) * len(self.texts)
        likes = self.passage or (False,) * len(self.texts)
        rows = zip(self.texts, sides, likes, strict=True)
        return tuple((text, like) for text, which, like in rows if which in (side, "both"))


@keyed("Message")
@dataclass(frozen=True)
class Message:
    """One chat message. ``role`` is ``system``, ``user`` or ``assistant``."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt. ``passages``: which of the question's ``Passages`` went into it, by position, in the order
    shown."""

    messages: tuple[Message, ...]
    passages: tuple[int, ...] = ()
    language: str = "en"


@dataclass(frozen=True)
class Answer:
    """An answer text. ``passages``: which of the question's ``Passages`` it was given, by position."""

    text: str
    finish: str = "stop"
    passages: tuple[int, ...] = ()


@dataclass(frozen=True)
class PlacedSpan:
    """Where one piece of evidence lies in this corpus. ``how``: offset, quote or fuzzy; ``ratio`` 0..1 for fuzzy.

    ``group``: spans of one group are alternatives, every group is needed.
    """

    document: str
    start: int
    end: int
    group: int
    how: Literal["offset", "quote", "fuzzy"] = "offset"
    ratio: float = 1.0


@dataclass(frozen=True)
class Evidence:
    """A question's evidence placed in one corpus; ``unplaced`` lists the quotes that could not be found."""

    spans: tuple[PlacedSpan, ...] = ()
    unplaced: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


Scores = Mapping[str, Score | Failure]
"""Value of a measure cell: figure name (``bleu``, ``recall@5``) to its outcome."""

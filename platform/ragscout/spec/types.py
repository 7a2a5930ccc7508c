"""The sweep file, typed. Everything is plain and comparable, nothing here touches the registry's classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ragscout.spec.connection import Connection
from ragscout.spec.document import SpecDocument


@dataclass(frozen=True)
class StageEntry:
    """One alternative of a stage as written: the step's name and its parameters. A parameter that is a list means
    alternatives, unless the step's field is a list itself. ``path`` is where it stands, for messages."""

    use: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    path: str = field(default="", compare=False)


@dataclass(frozen=True)
class Include:
    """A row that is always measured. ``stages``: stage name to its one entry; the rest is as in the pipeline."""

    name: str
    reference: bool
    stages: Mapping[str, StageEntry]
    path: str = field(default="", compare=False)


@dataclass(frozen=True)
class Measure:
    """Metrics by family, as entries (``recall@5`` is ``recall`` with ``k: 5``)."""

    retrieval: tuple[StageEntry, ...] = ()
    answer: tuple[StageEntry, ...] = ()


@dataclass(frozen=True)
class GoalSpec:
    """``metric``: the figure to improve; ``minimize`` where the file says that less of it is better. ``within``: upper
    limits by name (``usd_per_1k``, ``p50_seconds``, ``p95_seconds``, ``tokens``, ``context_tokens``, ``complexity``).
    ``require``: figures the recommended row must reach for exit status 0. ``weights``: figure to its weight where the
    goal is a weighted one (``metric`` is then ``weighted``)."""

    metric: str
    within: Mapping[str, float] = field(default_factory=dict)
    require: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    minimize: bool = False


@dataclass(frozen=True)
class SearchSpec:
    """The proposer's name and its parameters."""

    use: str = "auto"
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Budget:
    """Upper limits; ``None`` is no limit. ``answers``: answers asked of candidates, recorded or not, and so the same
    at every run; ``calls``: candidate answers really requested; ``llm_calls``: requests to chat models of any kind;
    ``tokens``: that go in and out of chat models; ``usd``: money; ``minutes``: the clock. All but ``answers`` hold for
    the confirmation on the hold-out and the latency probe too."""

    usd: float | None = None
    calls: int | None = None
    answers: int | None = None
    minutes: float | None = None
    llm_calls: int | None = None
    tokens: int | None = None


BUDGET = tuple(Budget.__dataclass_fields__)
"""Names of the limits, in the order of the file."""


@dataclass(frozen=True)
class ProbeSpec:
    """The latency probe: ``questions`` that the rows which matter answer one by one (0: no probe), and again
    ``concurrency`` at a time where that is above 1."""

    questions: int = 10
    concurrency: int = 1


@dataclass(frozen=True)
class SweepSpec:
    """A sweep file after parsing. ``notes`` says aloud what was chosen because it was not written; ``base`` is the
    folder that relative paths start from; ``document`` knows the place of every value."""

    sweep: str
    eval_set: str
    pipeline: Mapping[str, tuple[StageEntry, ...]]
    connections: Mapping[str, Connection]
    include: tuple[Include, ...]
    measure: Measure
    goal: GoalSpec
    search: SearchSpec
    budget: Budget
    network: Literal["offline"] | tuple[str, ...]
    holdout: float | None
    seed: int
    probe: ProbeSpec = ProbeSpec()
    notes: tuple[str, ...] = field(default=(), compare=False)
    base: Path = field(default=Path(), compare=False, repr=False)
    document: SpecDocument = field(default=SpecDocument("", {}), compare=False, repr=False)

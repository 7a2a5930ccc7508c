"""The leaderboard as plain values. ``search.board.build_board`` makes it, ``search.render`` shows it.

Every number a person sees, in the terminal, MLflow, a file or a page, is read from here, so all of them agree.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragscout.model.metric import Figure
from ragscout.model.results.calibration import CORRECTED, Standing
from ragscout.model.results.corpus_sample import CorpusSample
from ragscout.model.results.reason import Reason
from ragscout.words import Language, Values, Words

Mark = Literal[
    "leader",
    "recommended",
    "reference",
    "baseline",
    "partial",
    "unscored",
    "failed",
    "cannot_win",
    "must_pass",
    "own_judge",
    "over_limit",
]
BoardLanguage = Language


@dataclass(frozen=True)
class Goal:
    """The figure a sweep optimises. ``floor`` is what a candidate's failure scores; ``low``..``high`` its range,
    ``None`` where it has no end; scores at or above ``pass_level`` count as right."""

    metric: str
    higher: bool = True
    floor: float = 0.0
    low: float | None = 0.0
    high: float | None = 1.0
    pass_level: float | None = None

    @classmethod
    def of(cls, figure: Figure) -> Goal:
        """Return the goal of optimising a declared figure in its better direction."""
        low, high = (end if math.isfinite(end) else None for end in (figure.low, figure.high))
        return cls(figure.name, figure.higher_is_better, figure.floor, low, high, figure.pass_level)

    @property
    def unit(self) -> bool:
        """Whether scores are shares 0..1, shown as points of 100."""
        return (self.low, self.high) == (0.0, 1.0)

    @property
    def middle(self) -> float | None:
        """Middle of the range, ``None`` without two ends."""
        return None if self.low is None or self.high is None else (self.low + self.high) / 2

    @property
    def point(self) -> float:
        """One hundredth of the range; 0 when the range has no end."""
        return 0.0 if self.low is None or self.high is None else (self.high - self.low) / 100

    @property
    def sign(self) -> int:
        """1 when more is better, else -1."""
        return 1 if self.higher else -1


@dataclass(frozen=True)
class FigureStat:
    """One figure of one row. ``mean`` is ``None`` when nothing was scored.

    ``low``/``high``: 95 % interval. ``scored`` of ``asked`` questions have a value; ``failures`` counts outcomes that
    are failures by kind (a candidate's score the floor and are inside the mean, a measurement's are missing).
    ``missing``: share 0..1 of asked questions without a value. ``worst``/``best``: the mean if every missing score
    were the worst or the best possible one, given above 2 % missing.
    """

    mean: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    failures: Mapping[str, int] = field(default_factory=dict)
    missing: float = 0.0
    worst: float | None = None
    best: float | None = None


@dataclass(frozen=True)
class Paired:
    """This row minus another on the ``n`` questions both were scored on, with a 95 % interval. ``low``/``high``
    against the leader hold for all rows together; ``p`` is two-sided, ``p_holm`` corrected for the whole table."""

    difference: float
    low: float | None
    high: float | None
    n: int
    p: float
    p_holm: float
    wins: int
    losses: int
    method: str


@dataclass(frozen=True)
class GroupStat:
    """The goal's mean on a group of questions (answerable, unanswerable, a slice). ``versus_reference``: the row minus
    the reference there, Holm over the row's groups; known for leader and recommended row only."""

    group: str
    mean: float | None
    scored: int
    asked: int
    versus_reference: Paired | None = None

    def loses(self, higher: bool) -> bool:
        """Whether the row is worse than the reference on these questions (Holm p below 5 %)."""
        paired = self.versus_reference
        return paired is not None and paired.p_holm < 0.05 and (paired.difference < 0) == higher


@dataclass(frozen=True)
class RowCost:
    """What one row takes. ``per_1000`` is money in the board's currency for 1,000 questions, ``None`` when a price is
    unknown; seconds and tokens are means per question along the configuration's own path."""

    per_1000: float | None
    seconds: float
    input_tokens: float
    output_tokens: float


@dataclass(frozen=True)
class Latency:
    """What the latency probe saw: ``n`` questions one by one through the exported pipeline, nothing remembered.

    Seconds per question: median, 95th percentile and its 95 % interval (``None`` where so few questions give no end),
    ``stages`` the median by stage. ``at_once`` questions together took ``p50_at_once`` and ``p95_at_once``.
    ``first_token``: median seconds until the first token, ``None`` where it was not measured. ``failed``: questions
    that got no answer.
    """

    n: int
    p50: float | None
    p95: float | None
    p95_low: float | None = None
    p95_high: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    at_once: int = 1
    p50_at_once: float | None = None
    p95_at_once: float | None = None
    first_token: float | None = None
    failed: int = 0


@dataclass(frozen=True)
class Confirmed:
    """A row on the sealed hold-out: the goal's figure, how many were right, the difference to the reference."""

    figure: FigureStat
    right: int | None = None
    versus_reference: Paired | None = None


@dataclass(frozen=True)
class Holdout:
    """The sealed questions of the sweep. ``opened``: whether they were asked; ``asked``: how many of them; ``used_by``:
    earlier sweeps of the lineage that opened theirs; ``seen``: how many of the sealed questions an earlier sweep had
    among its development questions; ``why``: why they stayed sealed, ``None`` otherwise."""

    questions: int
    opened: bool = False
    asked: int = 0
    used_by: tuple[str, ...] = ()
    seen: int = 0
    why: Reason | None = None


@dataclass(frozen=True)
class Row:
    """One configuration on the board.

    ``rank`` counts from 1; ``estimate`` is the mean corrected for which questions were asked, on the goal's scale,
    ``None`` when nothing was measured. ``adjusted``: the posterior mean, which rows are ordered by (see
    ``search.board``), ``adjusted_sd`` its sd, ``None`` where too little was measured. ``right``:
    questions at or above the goal's pass level, ``None`` where the figure has none. ``complexity``: model calls per
    question + distinct models and services + stages beyond the simplest.
    """

    rank: int
    key: str
    name: str
    knobs: Mapping[str, str]
    roles: tuple[str, ...]
    marks: tuple[Mark, ...]
    answered: int
    estimate: float | None
    adjusted: float | None
    figures: Mapping[str, FigureStat]
    right: int | None
    cost: RowCost
    complexity: float
    versus_reference: Paired | None = None
    versus_leader: Paired | None = None
    in_winner_set: bool = False
    groups: tuple[GroupStat, ...] = ()
    failed: str = ""
    latency: Latency | None = None
    confirmed: Confirmed | None = None
    adjusted_sd: float | None = None
    crossfit: FigureStat | None = None
    """Of the leader: the goal on questions that had no part in choosing it (chosen on the others)."""
    near: float | None = None
    """Posterior probability of being within 3 % of the best configuration; of finished sweeps whose factor model passed
    its check."""

    def has(self, mark: Mark) -> bool:
        """Whether the row carries a mark."""
        return mark in self.marks


@dataclass(frozen=True)
class Note:
    """A statement about the whole board as data. ``kind`` is a stable word for programs; the sentence is the
    catalogue's ``note.KIND``, filled with ``values``."""

    kind: str
    values: Values = field(default_factory=dict)

    def text(self, language: BoardLanguage) -> str:
        """Return the sentence in a language."""
        return Words(language).text(f"note.{self.kind}", self.values)


@dataclass(frozen=True)
class Board:
    """The leaderboard of a sweep: rows in order, retrieval-only rows as a second table, notes in words.

    ``questions``: how many development questions there are; ``configurations``: how many the space has; ``knobs``:
    names of the knobs that differ between rows;
    ``figures``: names of the figures in display order; ``currency``: of money, empty when none is known; ``judges``:
    how far each judge among the figures is trusted.
    """

    sweep: str
    eval_set: str
    goal: Goal
    questions: int
    rows: tuple[Row, ...]
    configurations: int = 0
    retrieval: tuple[Row, ...] = ()
    figures: tuple[str, ...] = ()
    retrieval_figures: tuple[str, ...] = ()
    knobs: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    currency: str = ""
    ended: Reason | None = None
    """The limit that ended the search, ``None`` when none did."""
    within: Mapping[str, float] = field(default_factory=dict)
    """Upper limits that a row must keep to lead, by name."""
    holdout: Holdout | None = None
    judges: tuple[Standing, ...] = ()
    lower_is_better: tuple[str, ...] = ()
    """Figures whose smallest mean ranks first."""
    sample: CorpusSample | None = None
    """What a corpus sample said of retrieval, ``None`` where there was none."""

    def standing(self, figure: str) -> Standing | None:
        """How far the judge behind a figure is trusted, ``None`` for figures that are no judge's."""
        return next((item for item in self.judges if item.figure == figure), None)

    def worn(self, figure: str, language: BoardLanguage = "en") -> str:
        """Return a figure's name with the badge of its judge, for wherever its score is shown."""
        standing = self.standing(figure.removesuffix(CORRECTED))
        badge = standing.badge(language) if standing is not None else ""
        return f"{figure} [{badge}]" if badge else figure

    @property
    def ranked_by(self) -> str:
        """The figure that rows are ordered by: the goal, or its corrected scores where people's labels say so."""
        standing = self.standing(self.goal.metric)
        return self.goal.metric + (CORRECTED if standing is not None and standing.ranks else "")

    def leader(self) -> Row | None:
        """Return the row with the highest posterior mean, ``None`` when nothing was measured."""
        return self._marked("leader")

    def recommended(self) -> Row | None:
        """Return the cheapest, then simplest, member of the winner set within one point of the leader."""
        return self._marked("recommended")

    @property
    def had_a_choice(self) -> bool:
        """Whether more than one row has scores and keeps the limits; else no score is flattered by a choice."""
        return (
            sum(row.adjusted is not None and not (row.has("failed") or row.has("over_limit")) for row in self.rows) > 1
        )

    def reference(self) -> Row | None:
        """Return the row the user compares with, if one was named."""
        return self._marked("reference")

    def winner_set(self) -> tuple[Row, ...]:
        """Rows that cannot be told apart from the leader, the leader included."""
        return tuple(row for row in self.rows if row.in_winner_set)

    def find(self, name: str) -> tuple[Row, ...]:
        """Rows with this name, rank (``1`` or ``#1``) or start of a key."""
        wanted = name.strip()
        return tuple(
            row
            for row in (*self.rows, *self.retrieval)
            if wanted in (row.name, str(row.rank), f"#{row.rank}") or (len(wanted) >= 6 and row.key.startswith(wanted))
        )

    def to_json(self) -> bytes:
        """Canonical UTF-8 bytes: sorted keys, no clocks; equal boards give equal bytes."""
        plain = _adapter().dump_python(self, mode="json")
        return (json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()

    def to_compact_json(self) -> bytes:
        """Return the same content in a form for programs, made and read in a fraction of the time."""
        data: bytes = _adapter().dump_json(self)
        return data

    @classmethod
    def from_json(cls, data: bytes | str) -> Board:
        """Inverse of ``to_json`` and of ``to_compact_json``."""
        board: Board = _adapter().validate_json(data)
        return board

    def _marked(self, mark: Mark) -> Row | None:
        return next((row for row in self.rows if mark in row.marks), None)


@functools.cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Board)

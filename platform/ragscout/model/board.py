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

Mark = Literal["leader", "recommended", "reference", "baseline", "partial", "failed", "cannot_win", "must_pass"]
BoardLanguage = Literal["en", "ko"]


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
        """The goal of optimising a declared figure in its better direction."""
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
    """The goal's mean on a group of questions (answerable, unanswerable, a slice)."""

    group: str
    mean: float | None
    scored: int
    asked: int


@dataclass(frozen=True)
class Cost:
    """What one row takes. ``per_1000`` is money in the board's currency for 1,000 questions, ``None`` when a price is
    unknown; seconds and tokens are means per question along the configuration's own path."""

    per_1000: float | None
    seconds: float
    input_tokens: float
    output_tokens: float


@dataclass(frozen=True)
class Row:
    """One configuration on the board.

    ``rank`` counts from 1; ``estimate`` is the number rows are ordered by (see ``search.board``), on the goal's scale,
    ``None`` when nothing was measured. ``adjusted``: the mean corrected for which questions were asked. ``right``:
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
    cost: Cost
    complexity: float
    versus_reference: Paired | None = None
    versus_leader: Paired | None = None
    in_winner_set: bool = False
    groups: tuple[GroupStat, ...] = ()
    failed: str = ""

    def has(self, mark: Mark) -> bool:
        """Whether the row carries a mark."""
        return mark in self.marks


@dataclass(frozen=True)
class Note:
    """One sentence about the whole board, in both languages. ``kind`` is a stable word for programs."""

    kind: str
    en: str
    ko: str

    def text(self, language: BoardLanguage) -> str:
        """The sentence in a language."""
        return self.ko if language == "ko" else self.en


@dataclass(frozen=True)
class Board:
    """The leaderboard of a sweep: rows in order, retrieval-only rows as a second table, notes in words.

    ``questions``: how many development questions there are; ``configurations``: how many the space has; ``knobs``:
    names of the knobs that differ between rows;
    ``figures``: names of the figures in display order; ``currency``: of money, empty when none is known.
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
    ended: str = ""

    def leader(self) -> Row | None:
        """The row with the highest estimate, ``None`` when nothing was measured."""
        return self._marked("leader")

    def recommended(self) -> Row | None:
        """The cheapest, then simplest, member of the winner set within one point of the leader."""
        return self._marked("recommended")

    def reference(self) -> Row | None:
        """The row the user compares with, if one was named."""
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

    def headline(self, language: BoardLanguage = "en") -> str:
        """What the sweep says, in one sentence."""
        return _headline_ko(self) if language == "ko" else _headline_en(self)

    def to_json(self) -> bytes:
        """Canonical UTF-8 bytes: sorted keys, no clocks; equal boards give equal bytes."""
        plain = _adapter().dump_python(self, mode="json")
        return (json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes | str) -> Board:
        """Inverse of ``to_json``."""
        board: Board = _adapter().validate_json(data)
        return board

    def _marked(self, mark: Mark) -> Row | None:
        return next((row for row in self.rows if mark in row.marks), None)


@functools.cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Board)


def _quoted(board: Board, row: Row) -> tuple[str, str]:
    """Score and interval of a row, as per cent where the goal is a share."""
    stat = row.figures.get(board.goal.metric)
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return "–", ""
    if board.goal.unit:
        return f"{stat.mean * 100:.0f} %", f"{stat.low * 100:.0f}–{stat.high * 100:.0f}"
    return f"{stat.mean:.3g}", f"{stat.low:.3g}–{stat.high:.3g}"


def _headline_en(board: Board) -> str:
    row = board.recommended()
    if row is None:
        return "No configuration could be measured, so nothing is recommended."
    score, interval = _quoted(board, row)
    stat = row.figures[board.goal.metric]
    right = f"{row.right} of {stat.scored} right, " if row.right is not None else ""
    parts = [f"Recommended {row.name}: {right}{board.goal.metric} {score} (95 %: {interval})"]
    parts += _reference_part(board, row, "reference {name}: {score}; difference {d} points ({low} to {high}, n {n})")
    if row.cost.per_1000 is not None and row.cost.per_1000 > 0:
        parts.append(f"{row.cost.per_1000:.2f} {board.currency} per 1,000 questions".replace("  ", " "))
    parts.append(f"{row.cost.seconds:.2g} s per question")
    others = [item.name for item in board.winner_set() if item.key != row.key]
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        parts.append(f"not separable from {', '.join(others[:3])}{more}")
    full = sum(1 for item in board.rows if item.answered >= board.questions)
    partly = sum(1 for item in board.rows if 0 < item.answered < board.questions)
    parts.append(f"{full} of {board.configurations} configurations measured fully, {partly} partly")
    return "; ".join(parts) + "."


def _headline_ko(board: Board) -> str:
    row = board.recommended()
    if row is None:
        return "측정된 구성이 없어 추천할 수 없습니다."
    score, interval = _quoted(board, row)
    stat = row.figures[board.goal.metric]
    right = f"{stat.scored}문항 중 {row.right}개 정답, " if row.right is not None else ""
    parts = [f"추천 {row.name}: {right}{board.goal.metric} {score} (95 %: {interval})"]
    parts += _reference_part(board, row, "기준 {name}: {score}; 차이 {d}점 ({low}~{high}, n {n})")
    if row.cost.per_1000 is not None and row.cost.per_1000 > 0:
        parts.append(f"1,000문항당 {row.cost.per_1000:.2f} {board.currency}".rstrip())
    parts.append(f"문항당 {row.cost.seconds:.2g}초")
    others = [item.name for item in board.winner_set() if item.key != row.key]
    if others:
        more = f" 외 {len(others) - 3}개" if len(others) > 3 else ""
        parts.append(f"구별되지 않는 구성: {', '.join(others[:3])}{more}")
    full = sum(1 for item in board.rows if item.answered >= board.questions)
    partly = sum(1 for item in board.rows if 0 < item.answered < board.questions)
    parts.append(f"전체 {board.configurations}개 구성 중 {full}개 전부 측정, {partly}개 일부 측정")
    return "; ".join(parts) + "."


def _reference_part(board: Board, row: Row, form: str) -> list[str]:
    reference = board.reference()
    paired = row.versus_reference
    if reference is None or paired is None or reference.key == row.key:
        return []
    score, _ = _quoted(board, reference)
    unit = board.goal.unit
    difference, low, high = (
        "–" if value is None else f"{value * 100:+.0f}" if unit else f"{value:+.3g}"
        for value in (paired.difference, paired.low, paired.high)
    )
    return [form.format(name=reference.name, score=score, d=difference, low=low, high=high, n=paired.n)]

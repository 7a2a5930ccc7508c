"""The leaderboard as a spreadsheet: every row with every number at full precision, as csv and xlsx."""

from __future__ import annotations

from collections.abc import Mapping

from ragscout.board.words.headline import headline
from ragscout.data.write.sheets import SheetPage, csv_table, workbook
from ragscout.model.results.board import Board, BoardLanguage, Mark, Row
from ragscout.words import Words

SYMBOLS: Mapping[Mark, str] = {
    "leader": "★",
    "recommended": "✔",
    "reference": "R",
    "baseline": "B",
    "partial": "…",
    "unscored": "–",
    "cannot_win": "?",
    "must_pass": "!",
    "failed": "✗",
    "over_limit": "↑",
    "own_judge": "≈",
}


def sheet(board: Board, language: BoardLanguage = "en") -> tuple[list[str], list[list[object]]]:
    """Header and lines of plain values, ``None`` for what is not known; one column for each end of an interval."""
    knobs = list(board.knobs)
    groups = list(dict.fromkeys(group.group for row in board.rows for group in row.groups))
    header = ["rank", "marks", "name", "key", "answered", "questions", "estimate", "adjusted", "adjusted_sd"]
    header += ["right", *knobs]
    header += [f"{name}{end}" for name in board.figures for end in ("", ".low", ".high", ".scored", ".asked")]
    header += ["difference_to_reference", "reference_low", "reference_high", "reference_p_holm"]
    header += ["difference_to_leader", "leader_low", "leader_high", "leader_p_holm", "in_winner_set"]
    header += ["cost_per_1000", "seconds", "input_tokens", "output_tokens", "complexity", "failed"]
    header += [
        "p50_seconds",
        "p95_seconds",
        "holdout",
        "holdout_low",
        "holdout_high",
        "holdout_scored",
        "p_within_3",
        *groups,
    ]
    return header, [_line(board, row, knobs, groups, language) for row in board.rows]


def _line(board: Board, row: Row, knobs: list[str], groups: list[str], language: BoardLanguage) -> list[object]:
    words = Words(language)
    marks = ", ".join(words(f"mark.{mark}") for mark in row.marks)
    values: list[object] = [row.rank, marks, row.name, row.key, row.answered, board.questions]
    values += [row.estimate, row.adjusted, row.adjusted_sd, row.right, *(row.knobs.get(knob) for knob in knobs)]
    for name in board.figures:
        stat = row.figures.get(name)
        values += [None] * 5 if stat is None else [stat.mean, stat.low, stat.high, stat.scored, stat.asked]
    for paired in (row.versus_reference, row.versus_leader):
        values += [None] * 4 if paired is None else [paired.difference, paired.low, paired.high, paired.p_holm]
    values += [row.in_winner_set, row.cost.per_1000, row.cost.seconds]
    values += [row.cost.input_tokens, row.cost.output_tokens, row.complexity, row.failed]
    values += [None] * 2 if row.latency is None else [row.latency.p50, row.latency.p95]
    sealed = row.confirmed.figure if row.confirmed is not None else None
    values += [None] * 4 if sealed is None else [sealed.mean, sealed.low, sealed.high, sealed.scored]
    means = {group.group: group.mean for group in row.groups}
    return [*values, row.near, *(means.get(group) for group in groups)]


def render_csv(board: Board, *, language: BoardLanguage = "en") -> str:
    """``sheet`` as csv. Text that a spreadsheet would take for a formula is prefixed with an apostrophe."""
    header, lines = sheet(board, language)
    return csv_table([header, *lines], line_end="\n")


def render_xlsx(board: Board, *, language: BoardLanguage = "en") -> bytes:
    """``sheet`` as a workbook with the headline and the notes on a second sheet."""
    header, lines = sheet(board, language)
    notes = [[text] for text in (headline(board, language), *(note.text(language) for note in board.notes))]
    return workbook([SheetPage("board", [header, *lines], frozen="D2"), SheetPage("notes", notes)])

"""The leaderboard as text: terminal and Markdown, which show the same cells, and how a page writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.board.show.sheet import SYMBOLS, render_csv, render_xlsx
from ragscout.board.words.corpus_sample import print_sample, sample_markdown
from ragscout.board.words.headline import headline
from ragscout.model import markdown
from ragscout.model.markdown import escape
from ragscout.model.results.amounts import seconds
from ragscout.model.results.board import Board, BoardLanguage, FigureStat, GroupStat, Mark, Paired, Row
from ragscout.model.results.calibration import CORRECTED
from ragscout.words import Words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = 20
"""Rows of the short table."""
_FIXED = frozenset(
    [
        "mark",
        "rank",
        "name",
        "n",
        "right",
        "reference",
        "leader",
        "cost",
        "seconds",
        "holdout",
        "p50",
        "p95",
        "tokens",
        "complexity",
        "slices",
        "raw",
        "near",
        "set",
        "holm",
        "adjusted",
        "key",
    ]
)
"""Columns that are no figures: their headings are the catalogue's ``head.NAME``."""
_LEFT = ("mark", "name", "key", "slices")
SEALED, LOSES = " †", "▼"
_PALE: tuple[Mark, ...] = ("partial", "unscored", "failed")
"""Marks of rows that are shown paler: none of them can be recommended as it is."""
SLICES = 3
"""Slices that a cell shows."""
WARNING = "⚠"
"""Beside the name of a judge's figure that people's labels do not confirm."""


def columns(board: Board, everything: bool = False, retrieval: bool = False) -> list[str]:
    """Names of the columns: fixed ones, and figures by their own names."""
    rows = board.retrieval if retrieval else board.rows
    figures = list(board.retrieval_figures if retrieval else board.figures)
    if retrieval:
        return ["rank", "name", "n", *figures, "seconds", *(["key"] if everything else [])]
    goal = [board.goal.metric] if board.goal.metric in figures else []
    counted = board.goal.pass_level is not None
    partly = any(row.answered < board.questions for row in rows)
    confirmed, probed = any(row.confirmed for row in rows), any(row.latency for row in rows)
    names = ["mark", "rank", "name"]
    names += ["n"] if everything or partly or not counted else []
    names += ["right"] if counted else []
    names += goal
    names += [name for name in figures if name == board.goal.metric + CORRECTED]
    names += ["reference"] if any(row.versus_reference for row in rows) else []
    names += ["cost"] if any(row.cost.per_1000 for row in rows) else []
    names += ["p95"] if probed else ["seconds"]
    names += ["complexity"]
    names += ["slices"] if any(_sliced(row) for row in rows) else []
    if not everything:
        return names
    names += ["raw", "holdout"] if confirmed else []
    names += ["adjusted"]
    names += ["leader"] if any(row.versus_leader for row in rows) else []
    names += ["near"] if any(row.near is not None for row in rows) else []
    names += ["holm", "set", *(name for name in figures if name not in names)]
    names += ["p50", "seconds"] if probed else []
    return [*names, "tokens", "key"]


def cells(board: Board, row: Row, names: list[str], language: BoardLanguage = "en") -> list[str]:
    """Return a row's cells as text, in the order of ``columns``. The goal is the figure to quote: the sealed questions'
    where they were opened (marked ``†``), else the development questions'."""
    words = Words(language)
    fixed = {
        "mark": "".join(SYMBOLS[mark] for mark in row.marks),
        "rank": str(row.rank),
        "name": row.name,
        "n": f"{row.answered}/{board.questions}",
        "right": _right(board, row),
        "reference": _difference(board, row.versus_reference, words),
        "leader": _difference(board, row.versus_leader, words),
        "cost": "–" if row.cost.per_1000 is None else f"{row.cost.per_1000:.2f} {board.currency}".strip(),
        "raw": figure_cell(row.figures.get(board.goal.metric), True),
        "holdout": "–" if row.confirmed is None else figure_cell(row.confirmed.figure, True),
        "p50": words.value(None if row.latency is None else seconds(row.latency.p50)),
        "p95": _p95(row, words),
        "seconds": words.value(seconds(row.cost.seconds) if row.answered else None),
        "tokens": f"{row.cost.input_tokens + row.cost.output_tokens:.0f}",
        "complexity": f"{row.complexity:g}",
        "slices": _slices(board, row),
        "set": words("board.yes") if row.in_winner_set else words("board.no"),
        "holm": "–" if row.versus_leader is None else f"{row.versus_leader.p_holm:.3f}",
        "near": "–" if row.near is None else f"{row.near:.2f}",
        "adjusted": _adjusted(row),
        "key": row.key[:12],
    }
    return [fixed[name] if name in fixed else _figure(board, row, name) for name in names]


def _figure(board: Board, row: Row, name: str) -> str:
    """Return the goal with its interval; another figure with its own rank among the rows that answered everything."""
    if name == board.goal.metric and row.confirmed is not None:
        return figure_cell(row.confirmed.figure, True) + SEALED
    text = figure_cell(row.figures.get(name), name in (board.goal.metric, board.goal.metric + CORRECTED))
    place = own_rank(board, row, name)
    return text if place is None or name == board.goal.metric else f"{text} #{place}"


def own_rank(board: Board, row: Row, name: str) -> int | None:
    """Return a row's rank by one figure alone among the rows that answered every question; equal means share a rank."""
    stat = row.figures.get(name)
    if stat is None or stat.mean is None or row.answered < board.questions or row not in board.rows:
        return None
    sign = -1 if name in board.lower_is_better else 1
    means = [
        other.figures[name].mean for other in board.rows if other.answered >= board.questions and name in other.figures
    ]
    return 1 + sum(mean is not None and mean * sign > stat.mean * sign for mean in means)


def _sliced(row: Row) -> list[GroupStat]:
    return [group for group in row.groups if group.group.startswith("slice:") and group.mean is not None]


def _slices(board: Board, row: Row) -> str:
    """Return the weakest slices first, ``▼`` where the row is significantly worse than the reference."""
    sign = board.goal.sign
    found = sorted(_sliced(row), key=lambda group: ((group.mean or 0.0) * sign, group.group))
    shown = [
        f"{group.group.removeprefix('slice:')} {group.mean:.2f}{LOSES if group.loses(board.goal.higher) else ''}"
        for group in found[:SLICES]
    ]
    return (" · ".join(shown) + (" …" if len(found) > SLICES else "")) or "–"


def figure_cell(stat: FigureStat | None, interval: bool = False) -> str:
    """``0.812``, with its interval for the goal; ``0.812 (17/20)`` when scores are missing; ``–`` without any."""
    if stat is None or stat.mean is None:
        return "–"
    text = f"{stat.mean:.3f}" if abs(stat.mean) < 100 else f"{stat.mean:.0f}"
    if interval and stat.low is not None and stat.high is not None:
        text += f" [{stat.low:.2f}, {stat.high:.2f}]"
    return text + (f" ({stat.scored}/{stat.asked})" if stat.scored < stat.asked else "")


def _right(board: Board, row: Row) -> str:
    if row.confirmed is not None and row.confirmed.right is not None:
        return f"{row.confirmed.right}/{row.confirmed.figure.scored}{SEALED}"
    stat = row.figures.get(board.goal.metric)
    return "–" if row.right is None or stat is None else f"{row.right}/{stat.scored}"


def _adjusted(row: Row) -> str:
    """Posterior mean and sd."""
    text = "–" if row.adjusted is None else f"{row.adjusted:.3f}"
    return text if row.adjusted_sd is None else f"{text} ± {row.adjusted_sd:.3f}"


def _difference(board: Board, paired: Paired | None, words: Words) -> str:
    if paired is None:
        return words.value(None)
    scale, digits = (100, 0) if board.goal.unit else (1, 3)
    text = f"{paired.difference * scale:+.{digits}f}"
    if paired.low is None or paired.high is None:
        return text
    ends = (f"{end * scale:+.{digits}f}" for end in (paired.low, paired.high))
    return f"{text} ({words('amount.between', low=next(ends), high=next(ends))})"


def _p95(row: Row, words: Words) -> str:
    """Return the probed 95th percentile with its interval, or with how few questions it rests on; what failed."""
    latency = row.latency
    if latency is None or latency.p95 is None:
        return words("board.probe_failed") if latency is not None and latency.failed else words.value(None)
    if latency.p95_low is None or latency.p95_high is None:
        return f"{words.value(seconds(latency.p95))} (n {latency.n})"
    low, high = (words.value(seconds(end)) for end in (latency.p95_low, latency.p95_high))
    return f"{words.value(seconds(latency.p95))} ({low}–{high})"


def headings(names: list[str], language: BoardLanguage = "en", board: Board | None = None) -> list[str]:
    """Headings of the columns; figures keep their own names, and a judge that people do not confirm its warning."""
    return [_heading(name, language, board) for name in names]


def _heading(name: str, language: BoardLanguage, board: Board | None) -> str:
    if name in _FIXED:
        return Words(language)(f"head.{name}")
    standing = board.standing(name) if board is not None else None
    return f"{name} {WARNING}" if standing is not None and standing.badge() else name


def visible(board: Board, everything: bool = False) -> tuple[Row, ...]:
    """Rows of the short table: the first ones, and always those with a mark of their own."""
    if everything or len(board.rows) <= SHOWN:
        return board.rows
    kept = ("leader", "recommended", "reference", "baseline")
    return tuple(row for row in board.rows if row.rank <= SHOWN or any(row.has(mark) for mark in kept))  # type: ignore[arg-type]


def legend(board: Board, language: BoardLanguage = "en") -> str:
    """Return what the marks on this board mean."""
    words = Words(language)
    used = [mark for mark in SYMBOLS if any(mark in row.marks for row in board.rows)]
    parts = [f"{SYMBOLS[mark]} {words(f'mark.{mark}')}" for mark in used]
    parts += [f"{SEALED.strip()} {words('board.sealed')}"] if any(row.confirmed for row in board.rows) else []
    worse = any(group.loses(board.goal.higher) for row in board.rows for group in _sliced(row))
    parts += [f"{LOSES} {words('board.loses')}"] if worse else []
    badges = [(item.figure, item.badge(language)) for item in board.judges]
    return "  ".join([*parts, *(f"{WARNING} {figure}: {badge}" for figure, badge in badges if badge)])


def render_terminal(
    board: Board, console: Console, *, everything: bool = False, language: BoardLanguage = "en"
) -> None:
    """Headline, table, notes and retrieval table; widths count wide characters as two columns."""
    from rich.text import Text

    words = Words(language)
    console.print(Text(headline(board, language), style="bold"))
    names = columns(board)
    shown = visible(board, everything)
    console.print(_table(board, shown, names, language, f"{board.sweep} · {board.eval_set}"))
    # in a terminal one wide table loses its names: what is left over stands in tables of its own
    others = columns(board, True) if everything else board.figures
    others = [name for name in others if name not in names]
    for part in _fitting(board, shown, others, language, console.width):
        console.print(_table(board, shown, ["rank", "name", *part], language, words("board.others")))
    if len(shown) < len(board.rows):
        console.print(Text(words("board.hidden", n=len(board.rows) - len(shown)), style="dim"))
    console.print(Text(legend(board, language), style="dim"))
    for note in board.notes:
        console.print(Text(f"· {note.text(language)}"))
    if board.retrieval:
        rows = board.retrieval if everything else board.retrieval[:SHOWN]
        names = columns(board, everything, retrieval=True)
        console.print(_table(board, rows, names, language, words("board.retrieval")))
    print_sample(board, console, language, None if everything else SHOWN)


def _fitting(
    board: Board, rows: tuple[Row, ...], names: list[str], language: BoardLanguage, width: int
) -> list[list[str]]:
    """Columns in groups that fit the terminal beside rank and name."""
    from rich.cells import cell_len

    gap = 3
    room = width - max((cell_len(row.name) for row in rows), default=0) - 3 * gap
    parts: list[list[str]] = []
    left = 0
    for name in names:
        texts = [*headings([name], language, board), *(cells(board, row, [name], language)[0] for row in rows)]
        need = max(map(cell_len, texts)) + gap
        if not parts or need > left:
            parts.append([])
            left = room
        parts[-1].append(name)
        left -= need
    return parts


def _table(board: Board, rows: tuple[Row, ...], names: list[str], language: BoardLanguage, title: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name, head in zip(names, headings(names, language, board), strict=True):
        left = name in _LEFT
        table.add_column(Text(head), justify="left" if left else "right", overflow="fold", no_wrap=name != "name")
    for row in rows:
        style = "bold" if row.has("recommended") else "dim" if any(row.has(mark) for mark in _PALE) else ""
        table.add_row(*(Text(cell) for cell in cells(board, row, names, language)), style=style)
    return table


def render_markdown(board: Board, *, everything: bool = True, language: BoardLanguage = "en") -> str:
    """Headline, table, legend and notes as Markdown; ends with a newline."""
    parts = [f"**{escape(headline(board, language))}**", ""]
    names = columns(board, everything)
    parts += _markdown_table(board, visible(board, everything), names, language)
    parts += ["", escape(legend(board, language)), ""]
    parts += [f"- {escape(note.text(language))}" for note in board.notes]
    if board.retrieval:
        names = columns(board, everything, retrieval=True)
        parts += ["", f"### {Words(language)('board.retrieval')}", ""]
        parts += _markdown_table(board, board.retrieval, names, language)
    parts += sample_markdown(board, language)
    return "\n".join(parts) + "\n"


def _markdown_table(board: Board, rows: tuple[Row, ...], names: list[str], language: BoardLanguage) -> list[str]:
    lines = (cells(board, row, names, language) for row in rows)
    return markdown.table(headings(names, language, board), lines, [name in _LEFT for name in names])


__all__ = [
    "SYMBOLS",
    "cells",
    "columns",
    "figure_cell",
    "headings",
    "legend",
    "own_rank",
    "render_csv",
    "render_markdown",
    "render_terminal",
    "render_xlsx",
    "visible",
]

"""The leaderboard as text: terminal and Markdown, which show the same cells, and how a page writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.board.show.sheet import MARKS, render_csv, render_xlsx, safe
from ragscout.board.words.corpus_sample import print_sample, sample_markdown
from ragscout.board.words.headline import headline
from ragscout.model.board import Board, BoardLanguage, FigureStat, GroupStat, Paired, Row
from ragscout.model.calibration import CORRECTED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = 20
"""Rows of the short table."""
HEADS = {
    "en": {
        "mark": "", "rank": "#", "name": "configuration", "n": "n/N", "right": "right", "reference": "vs reference",
        "leader": "vs leader", "cost": "per 1,000", "seconds": "s/question", "holdout": "hold-out", "p50": "p50 s",
        "p95": "p95 s", "tokens": "tokens",
        "complexity": "complexity", "slices": "slices", "raw": "development", "sealed": "on sealed questions",
        "loses": "worse than the reference", "near": "P(within 3 %)", "set": "winner set", "holm": "Holm p",
        "adjusted": "adjusted",
        "yes": "yes", "no": "no", "key": "key", "retrieval": "Retrieval only", "others": "Further figures",
        "hidden": "{n} more rows: show all",
    },
    "ko": {
        "mark": "", "rank": "#", "name": "구성", "n": "n/N", "right": "정답", "reference": "기준 대비",
        "leader": "선두 대비", "cost": "1,000문항 비용", "seconds": "초/문항", "holdout": "봉인 문항", "p50": "p50 초",
        "p95": "p95 초", "tokens": "토큰",
        "complexity": "복잡도", "slices": "구분", "raw": "개발 문항", "sealed": "봉인 문항 기준",
        "loses": "기준보다 나쁨", "near": "P(3 % 이내)", "set": "승자 집합", "holm": "Holm p", "adjusted": "보정",
        "yes": "예", "no": "아니오", "key": "키", "retrieval": "검색만", "others": "다른 지표",
        "hidden": "{n}개 행 더 있음: 모두 보기",
    },
}  # fmt: skip
_LEFT = ("mark", "name", "key", "slices")
SEALED, LOSES = " †", "▼"
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
    """A row's cells as text, in the order of ``columns``. The goal is the figure to quote: the sealed questions' where
    they were opened (marked ``†``), else the development questions'."""
    words = HEADS[language]
    fixed = {
        "mark": "".join(MARKS[mark][0] for mark in row.marks),
        "rank": str(row.rank),
        "name": row.name,
        "n": f"{row.answered}/{board.questions}",
        "right": _right(board, row),
        "reference": _difference(board, row.versus_reference, language),
        "leader": _difference(board, row.versus_leader, language),
        "cost": "–" if row.cost.per_1000 is None else f"{row.cost.per_1000:.2f} {board.currency}".strip(),
        "raw": figure_cell(row.figures.get(board.goal.metric), True),
        "holdout": "–" if row.confirmed is None else figure_cell(row.confirmed.figure, True),
        "p50": "–" if row.latency is None or row.latency.p50 is None else f"{row.latency.p50:.2f}",
        "p95": _p95(row, language),
        "seconds": f"{row.cost.seconds:.2f}",
        "tokens": f"{row.cost.input_tokens + row.cost.output_tokens:.0f}",
        "complexity": f"{row.complexity:g}",
        "slices": _slices(board, row),
        "set": words["yes"] if row.in_winner_set else words["no"],
        "holm": "–" if row.versus_leader is None else f"{row.versus_leader.p_holm:.3f}",
        "near": "–" if row.near is None else f"{row.near:.2f}",
        "adjusted": _adjusted(row),
        "key": row.key[:12],
    }
    return [fixed[name] if name in fixed else _figure(board, row, name) for name in names]


def _figure(board: Board, row: Row, name: str) -> str:
    """The goal with its interval; another figure with its own rank among the rows that answered everything."""
    if name == board.goal.metric and row.confirmed is not None:
        return figure_cell(row.confirmed.figure, True) + SEALED
    text = figure_cell(row.figures.get(name), name in (board.goal.metric, board.goal.metric + CORRECTED))
    place = own_rank(board, row, name)
    return text if place is None or name == board.goal.metric else f"{text} #{place}"


def own_rank(board: Board, row: Row, name: str) -> int | None:
    """A row's rank by one figure alone among the rows that answered every question; equal means share a rank."""
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
    """The weakest slices first, ``▼`` where the row is significantly worse than the reference."""
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


def _difference(board: Board, paired: Paired | None, language: BoardLanguage = "en") -> str:
    if paired is None:
        return "–"
    scale, digits = (100, 0) if board.goal.unit else (1, 3)
    text = f"{paired.difference * scale:+.{digits}f}"
    if paired.low is None or paired.high is None:
        return text
    to = "~" if language == "ko" else " to "
    return f"{text} ({paired.low * scale:+.{digits}f}{to}{paired.high * scale:+.{digits}f})"


def _p95(row: Row, language: BoardLanguage) -> str:
    """The probed 95th percentile with what the interval and so few questions leave open; what failed."""
    found = row.latency
    if found is None:
        return "–"
    if found.p95 is None:
        return "–" if not found.failed else "실패" if language == "ko" else "failed"
    high = "" if found.p95_high is None else f"{found.p95_high:.2f}"
    low = "" if found.p95_low is None else f"{found.p95_low:.2f}"
    return f"{found.p95:.2f} ({low}–{high})" if low or high else f"{found.p95:.2f} (n {found.n})"


def headings(names: list[str], language: BoardLanguage = "en", board: Board | None = None) -> list[str]:
    """Headings of the columns; figures keep their own names, and a judge that people do not confirm its warning."""
    return [_heading(name, language, board) for name in names]


def _heading(name: str, language: BoardLanguage, board: Board | None) -> str:
    if name in HEADS[language]:
        return HEADS[language][name]
    standing = board.standing(name) if board is not None else None
    return f"{name} {WARNING}" if standing is not None and standing.badge() else name


def visible(board: Board, everything: bool = False) -> tuple[Row, ...]:
    """Rows of the short table: the first ones, and always those with a mark of their own."""
    if everything or len(board.rows) <= SHOWN:
        return board.rows
    kept = ("leader", "recommended", "reference", "baseline")
    return tuple(row for row in board.rows if row.rank <= SHOWN or any(row.has(mark) for mark in kept))  # type: ignore[arg-type]


def legend(board: Board, language: BoardLanguage = "en") -> str:
    """What the marks on this board mean."""
    used = [mark for mark in MARKS if any(mark in row.marks for row in board.rows)]
    parts = [f"{MARKS[mark][0]} {MARKS[mark][2 if language == 'ko' else 1]}" for mark in used]
    parts += [f"{SEALED.strip()} {HEADS[language]['sealed']}"] if any(row.confirmed for row in board.rows) else []
    worse = any(group.loses(board.goal.higher) for row in board.rows for group in _sliced(row))
    parts += [f"{LOSES} {HEADS[language]['loses']}"] if worse else []
    badges = [(item.figure, item.badge(language)) for item in board.judges]
    return "  ".join([*parts, *(f"{WARNING} {figure}: {badge}" for figure, badge in badges if badge)])


def render_terminal(
    board: Board, console: Console, *, everything: bool = False, language: BoardLanguage = "en"
) -> None:
    """Headline, table, notes and retrieval table; widths count wide characters as two columns."""
    from rich.text import Text

    console.print(Text(headline(board, language), style="bold"))
    names = columns(board)
    shown = visible(board, everything)
    console.print(_table(board, shown, names, language, f"{board.sweep} · {board.eval_set}"))
    # in a terminal one wide table loses its names: what is left over stands in tables of its own
    others = columns(board, True) if everything else board.figures
    others = [name for name in others if name not in names]
    for part in _fitting(board, shown, others, language, console.width):
        console.print(_table(board, shown, ["rank", "name", *part], language, HEADS[language]["others"]))
    if len(shown) < len(board.rows):
        console.print(Text(HEADS[language]["hidden"].format(n=len(board.rows) - len(shown)), style="dim"))
    console.print(Text(legend(board, language), style="dim"))
    for note in board.notes:
        console.print(Text(f"· {note.text(language)}"))
    if board.retrieval:
        rows = board.retrieval if everything else board.retrieval[:SHOWN]
        names = columns(board, everything, retrieval=True)
        console.print(_table(board, rows, names, language, HEADS[language]["retrieval"]))
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
        style = "bold" if row.has("recommended") else "dim" if row.has("partial") or row.has("failed") else ""
        table.add_row(*(Text(cell) for cell in cells(board, row, names, language)), style=style)
    return table


def render_markdown(board: Board, *, everything: bool = True, language: BoardLanguage = "en") -> str:
    """Headline, table, legend and notes as Markdown; ends with a newline."""
    parts = [f"**{_escape(headline(board, language))}**", ""]
    names = columns(board, everything)
    parts += _markdown_table(board, visible(board, everything), names, language)
    parts += ["", _escape(legend(board, language)), ""]
    parts += [f"- {_escape(note.text(language))}" for note in board.notes]
    if board.retrieval:
        names = columns(board, everything, retrieval=True)
        parts += ["", f"### {HEADS[language]['retrieval']}", ""]
        parts += _markdown_table(board, board.retrieval, names, language)
    parts += sample_markdown(board, language, _escape)
    return "\n".join(parts) + "\n"


def _markdown_table(board: Board, rows: tuple[Row, ...], names: list[str], language: BoardLanguage) -> list[str]:
    lines = ["| " + " | ".join(map(_escape, headings(names, language, board))) + " |"]
    lines.append("|" + "|".join(":--" if name in _LEFT else "--:" for name in names) + "|")
    return lines + [
        "| " + " | ".join(_escape(cell) for cell in cells(board, row, names, language)) + " |" for row in rows
    ]


def _escape(text: str) -> str:
    for char in "\\|*_`<[":
        text = text.replace(char, "\\" + char)
    return text.replace("\n", " ")


__all__ = [
    "HEADS",
    "MARKS",
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
    "safe",
    "visible",
]

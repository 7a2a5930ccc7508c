"""The leaderboard as text: terminal, Markdown, CSV. All three show the same cells."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ragscout.model.board import Board, BoardLanguage, FigureStat, Paired, Row
from ragscout.model.calibration import CORRECTED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = 20
"""Rows of the short table."""
MARKS: dict[str, tuple[str, str, str]] = {
    "leader": ("★", "leader", "선두"),
    "recommended": ("✔", "recommended", "추천"),
    "reference": ("R", "reference", "기준"),
    "baseline": ("B", "baseline", "기준선"),
    "partial": ("…", "partly measured", "일부 측정"),
    "cannot_win": ("?", "too many scores missing", "점수 누락"),
    "must_pass": ("!", "fails a must-pass question", "필수 문항 실패"),
    "failed": ("✗", "failed", "실패"),
    "own_judge": ("≈", "judged by the model that wrote it", "답변 모델이 곧 심사 모델"),
}
HEADS = {
    "en": {
        "mark": "", "rank": "#", "name": "configuration", "n": "n/N", "right": "right", "reference": "vs reference",
        "leader": "vs leader", "cost": "per 1,000", "seconds": "s/question", "tokens": "tokens",
        "complexity": "complexity", "set": "winner set", "holm": "Holm p", "adjusted": "adjusted",
        "yes": "yes", "no": "no", "key": "key", "retrieval": "Retrieval only", "hidden": "{n} more rows: show all",
    },
    "ko": {
        "mark": "", "rank": "#", "name": "구성", "n": "n/N", "right": "정답", "reference": "기준 대비",
        "leader": "선두 대비", "cost": "1,000문항 비용", "seconds": "초/문항", "tokens": "토큰",
        "complexity": "복잡도", "set": "승자 집합", "holm": "Holm p", "adjusted": "보정",
        "yes": "예", "no": "아니오", "key": "키", "retrieval": "검색만", "hidden": "{n}개 행 더 있음: 모두 보기",
    },
}  # fmt: skip
_LEFT = ("mark", "name", "key")
WARNING = "⚠"
"""Beside the name of a judge's figure that people's labels do not confirm."""


def columns(board: Board, everything: bool = False, retrieval: bool = False) -> list[str]:
    """Names of the columns: fixed ones, and figures by their own names."""
    rows = board.retrieval if retrieval else board.rows
    figures = list(board.retrieval_figures if retrieval else board.figures)
    if retrieval:
        return ["rank", "name", "n", *figures, "seconds", *(["key"] if everything else [])]
    goal = [board.goal.metric] if board.goal.metric in figures else []
    names = ["mark", "rank", "name", "n"]
    names += ["right"] if board.goal.pass_level is not None else []
    names += goal
    names += [name for name in figures if name == board.goal.metric + CORRECTED]
    names += ["reference"] if any(row.versus_reference for row in rows) else []
    names += ["leader"] if everything and any(row.versus_leader for row in rows) else []
    names += [name for name in figures if name not in names]
    names += ["cost"] if any(row.cost.per_1000 for row in rows) else []
    names += ["seconds", "complexity"]
    return names + (["tokens", "adjusted", "holm", "set", "key"] if everything else [])


def cells(board: Board, row: Row, names: list[str], language: BoardLanguage = "en") -> list[str]:
    """A row's cells as text, in the order of ``columns``."""
    words = HEADS[language]
    fixed = {
        "mark": "".join(MARKS[mark][0] for mark in row.marks),
        "rank": str(row.rank),
        "name": row.name,
        "n": f"{row.answered}/{board.questions}",
        "right": _right(board, row),
        "reference": _difference(board, row.versus_reference),
        "leader": _difference(board, row.versus_leader),
        "cost": "–" if row.cost.per_1000 is None else f"{row.cost.per_1000:.2f} {board.currency}".strip(),
        "seconds": f"{row.cost.seconds:.2f}",
        "tokens": f"{row.cost.input_tokens + row.cost.output_tokens:.0f}",
        "complexity": f"{row.complexity:g}",
        "set": words["yes"] if row.in_winner_set else words["no"],
        "holm": "–" if row.versus_leader is None else f"{row.versus_leader.p_holm:.3f}",
        "adjusted": "–" if row.adjusted is None else f"{row.adjusted:.3f}",
        "key": row.key[:12],
    }
    return [
        fixed[name]
        if name in fixed
        else figure_cell(row.figures.get(name), name in (board.goal.metric, board.goal.metric + CORRECTED))
        for name in names
    ]


def figure_cell(stat: FigureStat | None, interval: bool = False) -> str:
    """``0.812``, with its interval for the goal; ``0.812 (17/20)`` when scores are missing; ``–`` without any."""
    if stat is None or stat.mean is None:
        return "–"
    text = f"{stat.mean:.3f}" if abs(stat.mean) < 100 else f"{stat.mean:.0f}"
    if interval and stat.low is not None and stat.high is not None:
        text += f" [{stat.low:.2f}, {stat.high:.2f}]"
    return text + (f" ({stat.scored}/{stat.asked})" if stat.scored < stat.asked else "")


def _right(board: Board, row: Row) -> str:
    stat = row.figures.get(board.goal.metric)
    return "–" if row.right is None or stat is None else f"{row.right}/{stat.scored}"


def _difference(board: Board, paired: Paired | None) -> str:
    if paired is None:
        return "–"
    scale, digits = (100, 0) if board.goal.unit else (1, 3)
    text = f"{paired.difference * scale:+.{digits}f}"
    if paired.low is None or paired.high is None:
        return text
    return f"{text} ({paired.low * scale:+.{digits}f} to {paired.high * scale:+.{digits}f})"


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
    badges = [(item.figure, item.badge(language)) for item in board.judges]
    return "  ".join([*parts, *(f"{WARNING} {figure}: {badge}" for figure, badge in badges if badge)])


def render_terminal(
    board: Board, console: Console, *, everything: bool = False, language: BoardLanguage = "en"
) -> None:
    """Headline, table, notes and retrieval table; widths count wide characters as two columns."""
    from rich.text import Text

    console.print(Text(board.headline(language), style="bold"))
    names = columns(board, everything)
    shown = visible(board, everything)
    console.print(_table(board, shown, names, language, f"{board.sweep} · {board.eval_set}"))
    if len(shown) < len(board.rows):
        console.print(Text(HEADS[language]["hidden"].format(n=len(board.rows) - len(shown)), style="dim"))
    console.print(Text(legend(board, language), style="dim"))
    for note in board.notes:
        console.print(Text(f"· {note.text(language)}"))
    if board.retrieval:
        rows = board.retrieval if everything else board.retrieval[:SHOWN]
        names = columns(board, everything, retrieval=True)
        console.print(_table(board, rows, names, language, HEADS[language]["retrieval"]))


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
    parts = [f"**{_escape(board.headline(language))}**", ""]
    names = columns(board, everything)
    parts += _markdown_table(board, visible(board, everything), names, language)
    parts += ["", _escape(legend(board, language)), ""]
    parts += [f"- {_escape(note.text(language))}" for note in board.notes]
    if board.retrieval:
        names = columns(board, everything, retrieval=True)
        parts += ["", f"### {HEADS[language]['retrieval']}", ""]
        parts += _markdown_table(board, board.retrieval, names, language)
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


def render_csv(board: Board, *, language: BoardLanguage = "en") -> str:
    """Every row with every column, numbers at full precision, one column for each end of an interval.

    Text cells that a spreadsheet would take for a formula are prefixed with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    knobs = list(board.knobs)
    figures = [f"{name}{end}" for name in board.figures for end in ("", ".low", ".high", ".scored", ".asked")]
    fixed = ["rank", "marks", "name", "key", "answered", "questions", "estimate", "right"]
    pairs = ["difference_to_reference", "reference_low", "reference_high", "reference_p_holm"]
    pairs += ["difference_to_leader", "leader_low", "leader_high", "leader_p_holm", "in_winner_set"]
    cost = ["cost_per_1000", "seconds", "input_tokens", "output_tokens", "complexity", "failed"]
    writer.writerow([safe(name) for name in (*fixed, *knobs, *figures, *pairs, *cost)])
    for row in board.rows:
        marks = " ".join(MARKS[mark][2 if language == "ko" else 1] for mark in row.marks)
        values: list[object] = [
            row.rank,
            marks,
            row.name,
            row.key,
            row.answered,
            board.questions,
            row.estimate,
            row.right,
        ]
        values += [row.knobs.get(knob) for knob in knobs]
        for name in board.figures:
            stat = row.figures.get(name)
            values += [None] * 5 if stat is None else [stat.mean, stat.low, stat.high, stat.scored, stat.asked]
        for paired in (row.versus_reference, row.versus_leader):
            values += [None] * 4 if paired is None else [paired.difference, paired.low, paired.high, paired.p_holm]
        values += [row.in_winner_set, row.cost.per_1000, row.cost.seconds]
        values += [row.cost.input_tokens, row.cost.output_tokens, row.complexity, row.failed]
        writer.writerow([safe(value) for value in values])
    return out.getvalue()


def safe(value: object) -> str:
    """A spreadsheet cell: numbers as they are, empty for ``None``, text never starting a formula."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text

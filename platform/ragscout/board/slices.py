"""A board by groups of questions: by language (cross-language questions apart), slice, type, or answerable or not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from ragscout.board.metric_values import figure_stat
from ragscout.model import markdown
from ragscout.model.evalset import Question
from ragscout.model.markdown import escape
from ragscout.model.metric import Figure
from ragscout.model.results.board import Board, BoardLanguage, FigureStat
from ragscout.model.results.measured import Measured
from ragscout.model.text import language
from ragscout.words import Words

By = Literal["language", "slice", "type", "answerable"]
GROUPINGS: tuple[str, ...] = get_args(By)
NONE = "–"
"""Group of the questions that say nothing."""
_NAMED = frozenset(("ko", "en", "other", "answerable", "unanswerable"))
"""Groups that have a name in the catalogue."""


@dataclass(frozen=True)
class SliceRow:
    """A row of the board: ``groups`` maps a group to its figures."""

    rank: int
    key: str
    name: str
    groups: Mapping[str, Mapping[str, FigureStat]]


@dataclass(frozen=True)
class Slices:
    """``groups``: group to its number of questions, the largest first; ``goal``: the figure that tables show;
    ``best``: group to the name of the row with the best mean of the goal there."""

    by: str
    goal: str
    groups: Mapping[str, int]
    rows: tuple[SliceRow, ...]
    best: Mapping[str, str]

    def to_json(self) -> bytes:
        """Canonical UTF-8 bytes."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
        return (text + "\n").encode()


def group_of(question: Question, by: By) -> str:
    """Return the group a question belongs to.

    By language it is the question's language, or ``ko>en`` (question Korean, text English) where none of its evidence
    is in the question's language; without quoted evidence the references stand for it.
    """
    if by == "slice":
        return question.slice or NONE
    if by == "type":
        return question.type or NONE
    if by == "answerable":
        return "answerable" if question.answerable else "unanswerable"
    asked = language(question.text)
    texts = [span.quote for span in question.evidence if span.quote] or list(question.references)
    found = Counter(language(text) for text in texts)
    found.pop("other", None)
    if asked == "other" or not found or asked in found:
        return asked
    return f"{asked}>{found.most_common(1)[0][0]}"


def slices(
    board: Board, measured: Sequence[Measured], questions: Sequence[Question], figures: Sequence[Figure], by: By
) -> Slices:
    """Every row of the board on every group.

    Args:
        board: rows are shown in its order.
        measured: what was measured of them.
        questions: the development questions.
        figures: shown figures.
        by: what makes a group.
    """
    members: dict[str, list[Question]] = {}
    for question in questions:
        members.setdefault(group_of(question, by), []).append(question)
    groups = dict(sorted(members.items(), key=lambda item: (-len(item[1]), item[0])))
    found = {item.configuration.key: item for item in measured}
    rows = []
    for row in board.rows:
        item = found[row.key]
        made: dict[str, dict[str, FigureStat]] = {}
        for group, asked in groups.items():
            stats = {
                figure.name: figure_stat(figure, item, [q for q in asked if q.id in item.scores]) for figure in figures
            }
            made[group] = {name: stat for name, stat in stats.items() if stat is not None}
        rows.append(SliceRow(row.rank, row.key, row.name, made))
    goal = board.goal
    best = {}
    for group in groups:
        means = [(stat.mean, row) for row in rows if (stat := row.groups[group].get(goal.metric)) is not None]
        known = [(mean * goal.sign, -row.rank, row.name) for mean, row in means if mean is not None]
        if known:
            best[group] = max(known)[2]
    return Slices(by, goal.metric, {group: len(asked) for group, asked in groups.items()}, tuple(rows), best)


def group_name(group: str, lang: BoardLanguage) -> str:
    """Return a group as people read it."""
    asked, crossed, text = group.partition(">")
    words = Words(lang)
    if crossed:
        return words("slices.crossed", asked=group_name(asked, lang), text=group_name(text, lang))
    return words(f"group.{group}") if group in _NAMED else group


def table(found: Slices, lang: BoardLanguage, figure: str = "") -> tuple[list[str], list[list[str]]]:
    """Headings and rows of a figure (the goal by default): mean, 95 % interval, scored of asked where some are
    missing; ``★`` marks the best row of a group for the goal."""
    words, shown = Words(lang), figure or found.goal
    heads = [words("head.rank"), words("head.name")]
    heads += [f"{group_name(group, lang)} (n {count})" for group, count in found.groups.items()]
    lines = []
    for row in found.rows:
        cells = [str(row.rank), row.name]
        for group in found.groups:
            star = "★ " if shown == found.goal and found.best.get(group) == row.name else ""
            cells.append(star + _cell(row.groups[group].get(shown)))
        lines.append(cells)
    return heads, lines


def render_markdown(found: Slices, lang: BoardLanguage, figures: Sequence[str]) -> str:
    """One table for each figure; ends with a newline."""
    lines = []
    for name in figures:
        heads, rows = table(found, lang, name)
        lines += ["", f"## {escape(name)}", ""]
        lines += markdown.table(heads, rows, [place == 1 for place in range(len(heads))])
    return "\n".join(lines[1:]) + "\n"


def _cell(stat: FigureStat | None) -> str:
    if stat is None or stat.mean is None:
        return "–"
    text = f"{stat.mean:.3f}"
    if stat.low is not None and stat.high is not None:
        text += f" [{stat.low:.2f}, {stat.high:.2f}]"
    return text + (f" ({stat.scored}/{stat.asked})" if stat.scored < stat.asked else "")

"""A sweep in Markdown, in the language of its questions: the description of the parent run and the board's page."""

from __future__ import annotations

import re
from collections import Counter

from ragscout.model.board import Board, BoardLanguage, FigureStat, Row
from ragscout.model.evalset import EvalSet
from ragscout.model.text import language
from ragscout.record.recorder import Snapshot

_WORDS = {
    "en": {
        "leader": "Leader",
        "recommended": "Recommended",
        "reference": "Reference",
        "same": "the recommended configuration is also the leader",
        "ahead": "The leader is {d} points ahead of the recommended one (95 %: {low} to {high}, n {n}, {method})",
        "against": "Recommended minus reference: {d} points (95 %: {low} to {high}, n {n}, p {p:.2g})",
        "tied": "{n} configurations cannot be told apart from the leader",
        "goal": "Goal",
        "eval_set": "Evaluation set",
        "sort": (
            "Sort the run table by `{metric}`: it holds fully measured configurations only. The others have "
            "`partial.{metric}`, a mean over fewer questions."
        ),
        "open": "The sweep is not finished.",
        "retrieval": "Retrieval",
    },
    "ko": {
        "leader": "선두",
        "recommended": "추천",
        "reference": "기준",
        "same": "추천 구성이 곧 선두입니다",
        "ahead": "선두가 추천 구성보다 {d}점 앞섭니다 (95 %: {low}~{high}, n {n}, {method})",
        "against": "추천 구성과 기준의 차이: {d}점 (95 %: {low}~{high}, n {n}, p {p:.2g})",
        "tied": "선두와 구별되지 않는 구성: {n}개",
        "goal": "목표",
        "eval_set": "평가 세트",
        "sort": (
            "실행 표를 `{metric}` 기준으로 정렬하세요. 전체 문항을 측정한 구성만 이 열에 값이 있습니다. 나머지는 일부 "
            "문항의 평균인 `partial.{metric}`에 기록됩니다."
        ),
        "open": "탐색이 끝나지 않았습니다.",
        "retrieval": "검색",
    },
}


_TITLES = {
    "en": ("rank", "configuration", "marks", "answered", "95 %", "cost per 1,000", "s per question"),
    "ko": ("순위", "구성", "표시", "문항", "95 %", "1,000문항당 비용", "문항당 초"),
}


def field_name(name: str) -> str:
    """A metric or parameter name as MLflow takes it: ``recall@5`` becomes ``recall_5``; letters of any script,
    digits, ``_ - .`` and spaces stay."""
    return re.sub(r"[^\w\-. ]", "_", name)[:250]


def of_language(eval_set: EvalSet) -> BoardLanguage:
    """``ko`` when most development questions are Korean, else ``en``."""
    found = Counter(language(question.text) for question in eval_set.development)
    return "ko" if found["ko"] * 2 > sum(found.values()) else "en"


def description(snapshot: Snapshot) -> str:
    """Who leads, what is recommended, by how much and how sure, with the board's notes."""
    board, lang = snapshot.board, of_language(snapshot.eval_set)
    words = _WORDS[lang]
    metric = field_name(board.goal.metric)
    lines = [f"**{_escape(snapshot.headline[lang])}**", ""]
    leader, recommended, reference = board.leader(), board.recommended(), board.reference()
    for mark, row in (("leader", leader), ("recommended", recommended), ("reference", reference)):
        if row is not None:
            stat = row.figures.get(board.goal.metric)
            shown = f" – {metric} {_mean(stat)}{_interval(stat)}" if stat is not None else ""
            lines.append(f"- {words[mark]}: **{_escape(row.name)}**{shown}, {row.answered}/{board.questions}")
    if leader is not None and recommended is not None:
        lines += _sure(board, leader, recommended, lang)
    lines += ["", f"{words['goal']}: `{metric}` · {words['eval_set']}: `{board.eval_set}`", ""]
    lines.append(words["sort"].format(metric=field_name(board.ranked_by)))
    lines += [f"- {_escape(note.text(lang))}" for note in board.notes]
    if not snapshot.closed:
        lines += ["", words["open"]]
    return "\n".join(lines) + "\n"


def page(snapshot: Snapshot, lang: BoardLanguage) -> str:
    """The board as a Markdown page: the headline, the table, retrieval beside it, the notes."""
    board, words = snapshot.board, _WORDS[lang]
    lines = [f"# {_escape(board.sweep)}", "", _escape(snapshot.headline[lang]), ""]
    lines += _table(board, board.rows, board.figures, lang)
    if board.retrieval:
        lines += ["", f"## {words['retrieval']}", ""]
        lines += _table(board, board.retrieval, board.retrieval_figures, lang)
    if board.notes:
        lines += ["", *(f"- {_escape(note.text(lang))}" for note in board.notes)]
    return "\n".join(lines) + "\n"


def _sure(board: Board, leader: Row, recommended: Row, lang: BoardLanguage) -> list[str]:
    words, lines = _WORDS[lang], []
    if leader.key == recommended.key:
        lines.append(f"- {words['same']}")
    elif (paired := recommended.versus_leader) is not None:
        low, high = (paired.low, paired.high)
        lines.append(
            "- "
            + words["ahead"].format(
                d=_points(board, -paired.difference),
                low=_points(board, None if high is None else -high),
                high=_points(board, None if low is None else -low),
                n=paired.n,
                method=paired.method,
            )
        )
    if (paired := recommended.versus_reference) is not None:
        lines.append(
            "- "
            + words["against"].format(
                d=_points(board, paired.difference),
                low=_points(board, paired.low),
                high=_points(board, paired.high),
                n=paired.n,
                p=paired.p,
            )
        )
    if len(board.winner_set()) > 1:
        lines.append("- " + words["tied"].format(n=len(board.winner_set()) - 1))
    return lines


def _table(board: Board, rows: tuple[Row, ...], figures: tuple[str, ...], lang: BoardLanguage) -> list[str]:
    names = [name for name in figures if any(name in row.figures for row in rows)]
    rank, name, marks, answered, interval, cost, seconds = _TITLES[lang]
    titles = [rank, name, marks, answered]
    for figure in names:
        titles += [_escape(board.worn(figure, lang))] + [interval] * (figure == board.goal.metric)
    titles += [f"{cost} {board.currency}".rstrip(), seconds]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for row in rows:
        cells = [str(row.rank), _escape(row.name), ", ".join(row.marks), f"{row.answered}/{board.questions}"]
        for figure in names:
            stat = row.figures.get(figure)
            cells.append(_mean(stat))
            if figure == board.goal.metric:
                cells.append(_interval(stat).strip(" ()"))
        cells.append("–" if row.cost.per_1000 is None else f"{row.cost.per_1000:.2f}")
        cells.append(f"{row.cost.seconds:.2g}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _mean(stat: FigureStat | None) -> str:
    return "–" if stat is None or stat.mean is None else f"{stat.mean:.3f}"


def _interval(stat: FigureStat | None) -> str:
    if stat is None or stat.low is None or stat.high is None:
        return ""
    return f" ({stat.low:.3f}–{stat.high:.3f})"


def _points(board: Board, value: float | None) -> str:
    """A difference in points where the goal is a share, else in the goal's own unit."""
    if value is None:
        return "–"
    return f"{value * 100:+.1f}" if (board.goal.low, board.goal.high) == (0.0, 1.0) else f"{value:+.3g}"


def _escape(text: str) -> str:
    """Text of others inside Markdown: one line, no table bars and no markup."""
    flat = " ".join(text.split())
    return "".join(f"\\{char}" if char in "|*_`<[#\\" else char for char in flat)

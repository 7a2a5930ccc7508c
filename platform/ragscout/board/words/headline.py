"""The sentence above the board, in English and Korean."""

from __future__ import annotations

from collections.abc import Mapping

from ragscout.model.board import Board, BoardLanguage, FigureStat, Row
from ragscout.model.calibration import CORRECTED

_FORMS: dict[BoardLanguage, dict[str, str]] = {
    "en": {
        "recommended": "Recommended {name}: {right}{metric} {score} (95 %: {interval}){judged}",
        "right": "{right} of {of} right, ",
        "sealed right": "on sealed questions {right}",
        "reference": "reference {name}: {right}{score}; difference {d} ({low} to {high}, n {n})",
        "points": " points",
        "cost": "{cost:.2f} {currency} per 1,000 questions",
        "p95": "p95 {:.2g} s",
        "seconds": "{:.2g} s per question",
        "rivals": "not separable from {names}",
        "more": " and {more} more",
        "measured": "{full} of {all} configurations measured fully, {partly} partly",
        "trust": "judge agrees with people: {} {:.2f} (n {})",
        "quote": "quote this figure: these questions had no part in the choice",
        "care": "quote the figure with care: the same questions chose the row",
        "only": "quote this figure: there was no other row to choose from",
        "unscored": "No configuration has a score of {metric}, so nothing is recommended.",
        "nothing": "No configuration could be measured, so nothing is recommended.",
        "slice": "warning: worse than the reference on {group} ({d}, {low} to {high}, n {n})",
    },
    "ko": {
        "recommended": "추천 {name}: {right}{metric} {score} (95 %: {interval}){judged}",
        "right": "{of}문항 중 {right}개 정답, ",
        "sealed right": "봉인 문항 기준 {right}",
        "reference": "기준 {name}: {right}{score}; 차이 {d} ({low}~{high}, n {n})",
        "points": "점",
        "cost": "1,000문항당 {cost:.2f} {currency}",
        "p95": "p95 {:.2g}초",
        "seconds": "문항당 {:.2g}초",
        "rivals": "구별되지 않는 구성: {names}",
        "more": " 외 {more}개",
        "measured": "전체 {all}개 구성 중 {full}개 전부 측정, {partly}개 일부 측정",
        "trust": "심사 모델과 사람의 일치도: {} {:.2f} (n {})",
        "quote": "이 수치를 인용하십시오: 선택에 쓰이지 않은 문항입니다",
        "care": "수치를 인용할 때 주의: 같은 문항으로 고른 결과입니다",
        "only": "이 수치를 인용하십시오: 고를 다른 구성이 없었습니다",
        "unscored": "{metric} 점수가 있는 구성이 없어 추천할 수 없습니다.",
        "nothing": "측정된 구성이 없어 추천할 수 없습니다.",
        "slice": "주의: {group}에서 기준보다 나쁨 ({d}, {low}~{high}, n {n})",
    },
}


def headlines(board: Board) -> dict[BoardLanguage, str]:
    """Say what a sweep found in one sentence, in every language."""
    return {"en": headline(board, "en"), "ko": headline(board, "ko")}


def headline(board: Board, language: BoardLanguage = "en") -> str:
    """Say what a sweep found in one sentence; every number is one of the board's."""
    row = board.recommended()
    if row is None:
        return _nothing(board, language)
    form = _FORMS[language]
    score, interval = _quoted(board, row)
    right = _right(board, row, form)
    right = form["sealed right"].format(right=right) if row.confirmed is not None else right
    said = judged(board, row, language)
    metric = board.goal.metric
    parts = [
        form["recommended"].format(
            name=row.name, right=right, metric=metric, score=score, interval=interval, judged=said
        )
    ]
    parts += _reference_part(board, row, form)
    if row.cost.per_1000 is not None and row.cost.per_1000 > 0:
        cost = form["cost"].format(cost=row.cost.per_1000, currency=board.currency)
        parts.append(" ".join(cost.split()))
    parts.append(_seconds(row, form["p95"], form["seconds"]))
    others = [item.name for item in board.winner_set() if item.key != row.key]
    if others:
        more = form["more"].format(more=len(others) - 3) if len(others) > 3 else ""
        parts.append(form["rivals"].format(names=", ".join(others[:3])) + more)
    full = sum(1 for item in board.rows if item.answered >= board.questions)
    partly = sum(1 for item in board.rows if 0 < item.answered < board.questions)
    parts.append(form["measured"].format(full=full, all=board.configurations, partly=partly))
    parts += _trust(board, form["trust"])
    parts.append(form["quote" if row.confirmed is not None else "care" if board.had_a_choice else "only"])
    parts += _lost_slices(board, row, form["slice"], form["points"])
    return "; ".join(parts) + "."


def quoted(board: Board, row: Row) -> FigureStat | None:
    """The goal's figure to quote of a row: on the hold-out where it was opened, else on the development questions."""
    return row.confirmed.figure if row.confirmed is not None else row.figures.get(board.goal.metric)


def _quoted(board: Board, row: Row) -> tuple[str, str]:
    """Score and interval of a row, as per cent where the goal is a share."""
    stat = quoted(board, row)
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return "–", ""
    if board.goal.unit:
        return f"{stat.mean * 100:.0f} %", f"{stat.low * 100:.0f}–{stat.high * 100:.0f}"
    return f"{stat.mean:.3g}", f"{stat.low:.3g}–{stat.high:.3g}"


def judged(board: Board, row: Row, language: BoardLanguage) -> str:
    """What the headline adds to a judge's score: the badge, and the score that people's labels give."""
    standing = board.standing(board.goal.metric)
    if standing is None:
        return ""
    badge = standing.badge(language)
    shown = f" [{badge}]" if badge else ""
    stat = row.figures.get(board.goal.metric + CORRECTED)
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return shown
    scale, unit = (100, " %") if board.goal.unit else (1, "")
    mean, low, high = (f"{value * scale:.3g}" for value in (stat.mean, stat.low, stat.high))
    if language == "ko":
        return f"{shown}, 라벨 {standing.labels}개로 보정 {mean}{unit} (95 %: {low}–{high})"
    return f"{shown}, corrected by {standing.labels} labels {mean}{unit} (95 %: {low}–{high})"


def _nothing(board: Board, language: BoardLanguage) -> str:
    infeasible = next((note for note in board.notes if note.kind == "infeasible"), None)
    if infeasible is not None:
        return infeasible.text(language)
    answered = any(row.answered for row in board.rows)
    return _FORMS[language]["unscored" if answered else "nothing"].format(metric=board.goal.metric)


def _right(board: Board, row: Row, form: Mapping[str, str]) -> str:
    """How many answers are right, empty where the goal has no pass level."""
    stat, number = quoted(board, row), row.confirmed.right if row.confirmed is not None else row.right
    return form["right"].format(right=number, of=stat.scored) if number is not None and stat is not None else ""


def _seconds(row: Row, probed: str, charged: str) -> str:
    if row.latency is not None and row.latency.p95 is not None:
        return probed.format(row.latency.p95)
    return charged.format(row.cost.seconds)


def _reference_part(board: Board, row: Row, form: Mapping[str, str]) -> list[str]:
    reference = board.reference()
    paired = row.confirmed.versus_reference if row.confirmed is not None else row.versus_reference
    if reference is None or paired is None or reference.key == row.key:
        return []
    score, _ = _quoted(board, reference)
    low, high = _shown(board, paired.low), _shown(board, paired.high)
    said = form["reference"].format(
        name=reference.name,
        right=_right(board, reference, form),
        score=score,
        d=_shown(board, paired.difference) + (form["points"] if board.goal.unit else ""),
        low=low,
        high=high,
        n=paired.n,
    )
    return [said]


def _shown(board: Board, value: float | None) -> str:
    """A difference, in points where the goal is a share."""
    return "–" if value is None else f"{value * 100:+.0f}" if board.goal.unit else f"{value:+.3g}"


def _lost_slices(board: Board, row: Row, form: str, unit: str) -> list[str]:
    """Groups of questions on which the row is significantly worse than the reference."""
    found = []
    for group in row.groups:
        paired = group.versus_reference
        if paired is not None and group.loses(board.goal.higher):
            difference = _shown(board, paired.difference) + (unit if board.goal.unit else "")
            ends = _shown(board, paired.low), _shown(board, paired.high)
            name = group.group.removeprefix("slice:")
            found.append(form.format(group=name, d=difference, low=ends[0], high=ends[1], n=paired.n))
    return found


def _trust(board: Board, form: str) -> list[str]:
    """How far a validated judge agrees with people; one that is not wears its badge at the score."""
    standing = board.standing(board.goal.metric)
    if standing is None or standing.state != "calibrated" or standing.agreement is None:
        return []
    return [form.format(standing.coefficient, standing.agreement, standing.labels)]

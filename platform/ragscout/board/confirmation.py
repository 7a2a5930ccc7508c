"""Rows on the sealed hold-out, and which figure to quote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragscout.board.metric_values import clusters_of, figure_stat
from ragscout.board.question_weights import shares, weighted_stat, weights_of
from ragscout.board.words.reasons import reason_words
from ragscout.model.board import Board, Confirmed, FigureStat, Goal, Note, Paired, Row
from ragscout.model.evalset import Question
from ragscout.model.measured import Measured, goal_value
from ragscout.model.metric import Figure
from ragscout.stats.paired import compare_paired, holm
from ragscout.stats.rounding import rounded

SMALL_SET = 100
"""Below this many questions the optimism of a best score is told in points (simulated: 3 to 5)."""


@dataclass(frozen=True)
class Opened:
    """The hold-out after it was opened: its questions and what the confirmed configurations scored, by key."""

    questions: Sequence[Question] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict)


def confirm(rows: Sequence[Row], opened: Opened, figures: Sequence[Figure], goal: Goal) -> tuple[Row, ...]:
    """Rows with their hold-out figures, and differences to the reference on the questions both were scored on; the
    reference was fixed before the hold-out was opened, so plain paired intervals hold (p corrected by Holm)."""
    figure = next((item for item in figures if item.name == goal.metric), None)
    if figure is None or not opened.measured:
        return tuple(rows)
    values = {
        key: {
            question.id: value
            for question in opened.questions
            if (value := goal_value(item.scores.get(question.id, {}).get(goal.metric), goal)) is not None
        }
        for key, item in opened.measured.items()
    }
    reference = next((row.key for row in rows if row.has("reference")), "")
    shared = weights_of(opened.questions)
    weights = {question.id: weight for question, weight in zip(opened.questions, shared, strict=False)}
    clusters = clusters_of(opened.questions)
    pairs = _pairs(values, reference, weights, clusters)
    found = []
    for row in rows:
        item = opened.measured.get(row.key)
        stat = None if item is None else figure_stat(figure, item, opened.questions, clusters)
        if item is None or stat is None:
            found.append(row)
            continue
        if weights:
            stat = weighted_stat(stat, goal, item, opened.questions, clusters)
        level = goal.pass_level
        right = None if level is None else sum(_right(value, level, goal) for value in values[row.key].values())
        found.append(replace(row, confirmed=Confirmed(stat, right, pairs.get(row.key))))
    return tuple(found)


def _right(value: float, level: float, goal: Goal) -> bool:
    return value >= level if goal.higher else value <= level


def _pairs(
    values: Mapping[str, Mapping[str, float]],
    reference: str,
    weights: Mapping[str, float],
    clusters: Mapping[str, str] | None,
) -> dict[str, Paired]:
    import numpy as np

    base = values.get(reference, {})
    tests = {}
    for key, mine in values.items():
        common = [name for name in mine if name in base]
        if key != reference and len(common) > 1:
            scale = shares([weights[name] for name in common] if weights else (), np.ones(len(common), dtype=bool))
            first, second = ((np.array([side[name] for name in common]) * scale).tolist() for side in (mine, base))
            groups = [clusters.get(name, name) for name in common] if clusters else None
            tests[key] = compare_paired(first, second, clusters=groups)
    adjusted = holm([test.p for test in tests.values()])
    return {
        key: Paired(
            rounded(test.difference),
            rounded(test.low),
            rounded(test.high),
            test.n,
            rounded(test.p),
            rounded(p),
            test.wins,
            test.losses,
            test.method,
        )
        for (key, test), p in zip(tests.items(), adjusted, strict=True)
    }


def quote_notes(board: Board) -> tuple[Note, ...]:
    """Which figure to quote, and why; how often the hold-out was used."""
    leader = board.leader()
    if leader is None:
        return ()
    notes = [_confirmed(board)] if any(row.confirmed for row in board.rows) else [_optimism(board, leader)]
    return (*(note for note in notes if note is not None), *_used(board))


def _shown(board: Board, stat: FigureStat | None) -> tuple[str, str]:
    """A figure with and without its interval."""
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return "–", "–"
    if board.goal.unit:
        return f"{stat.mean * 100:.0f} % ({stat.low * 100:.0f}–{stat.high * 100:.0f})", f"{stat.mean * 100:.0f} %"
    return f"{stat.mean:.3g} ({stat.low:.3g}–{stat.high:.3g})", f"{stat.mean:.3g}"


def _confirmed(board: Board) -> Note | None:
    row = board.recommended() or board.leader()
    if row is None or row.confirmed is None:
        return None
    sealed, _ = _shown(board, row.confirmed.figure)
    _, open_ = _shown(board, row.figures.get(board.goal.metric))
    n = row.confirmed.figure.scored
    return Note(
        "quote",
        f"Quote {sealed} for {row.name}: its {board.goal.metric} on {n} sealed questions that had no part in the "
        f"choice. The {open_} on the development questions is what it was chosen by, and so too high on average.",
        f"{row.name}의 수치는 {sealed}를 인용하십시오: 선택에 쓰이지 않은 봉인 문항 {n}개에서 잰 "
        f"{board.goal.metric}입니다. 개발 문항의 {open_}는 그 값으로 골랐으므로 평균적으로 높게 나옵니다.",
    )


def _optimism(board: Board, leader: Row) -> Note:
    if not board.had_a_choice:
        return Note(
            "optimism",
            "There was no other row to choose from, so the score is not flattered by a choice.",
            "고를 다른 구성이 없었으므로 선택 때문에 점수가 높게 나온 것은 아닙니다.",
        )
    sealed = board.holdout
    why, why_ko = "There is no hold-out", "보류 문항이 없고"
    if sealed is not None:
        why, why_ko = "The hold-out is not opened yet", "보류 문항을 아직 열지 않았고"
        if sealed.why is not None:
            why, why_ko = (
                f"The hold-out stayed sealed ({reason_words(sealed.why, 'en')})",
                f"보류 문항을 열지 못했고({reason_words(sealed.why, 'ko')})",
            )
    stat = leader.figures.get(board.ranked_by)
    points, points_ko = "", ""
    if stat is not None and stat.scored < SMALL_SET:
        points, points_ko = " by about 3-5 points", " 3~5점쯤"
    text = f"{why}: the leader's score is optimistic{points}, because the same questions chose it."
    text_ko = f"{why_ko} 같은 문항으로 골랐으므로 선두의 점수는{points_ko} 높게 나온 것입니다."
    if leader.crossfit is not None:
        shown, fair = _shown(board, leader.crossfit)
        _, open_ = _shown(board, stat)
        instead, instead_ko = ("", "") if fair == open_ else (f" instead of {open_}", f" {open_} 대신")
        text += f" Quote {shown}{instead}: chosen and scored on different questions (cross-fitted)."
        text_ko += f"{instead_ko} {shown}를 인용하십시오: 고르는 문항과 재는 문항을 나눈 교차 추정값입니다."
    return Note("optimism", text, text_ko)


def _used(board: Board) -> tuple[Note, ...]:
    sealed = board.holdout
    if sealed is None or not (sealed.used_by or sealed.seen):
        return ()
    parts, parts_ko = [], []
    if sealed.used_by:
        times = len(sealed.used_by)
        names = ", ".join(dict.fromkeys(sealed.used_by))
        parts.append(f"it was opened {times} time{'s' * (times > 1)} before ({names})")
        parts_ko.append(f"이전에 {times}번 열렸습니다({names})")
    if sealed.seen:
        parts.append(f"{sealed.seen} of its questions were development questions of an earlier sweep")
        parts_ko.append(f"{sealed.seen}문항은 이전 탐색에서 개발 문항이었습니다")
    return (
        Note(
            "holdout_used",
            f"The hold-out of this evaluation set is used: {'; '.join(parts)}. Each use makes its figures a little "
            "more optimistic; new questions make it fresh.",
            f"이 평가 세트의 보류 문항은 이미 쓰였습니다: {'; '.join(parts_ko)}. 쓸 때마다 수치가 조금씩 높아지며, "
            "새 문항을 더하면 새로워집니다.",
        ),
    )

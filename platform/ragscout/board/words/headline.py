"""The sentence above the board."""

from __future__ import annotations

from collections.abc import Iterator

from ragscout.board.limits import UNMET
from ragscout.model.results.amounts import seconds
from ragscout.model.results.board import Board, BoardLanguage, FigureStat, Row
from ragscout.model.results.calibration import CORRECTED
from ragscout.stats.rounding import rounded
from ragscout.words import Phrase, Words, phrase


def headlines(board: Board) -> dict[BoardLanguage, str]:
    """Say what a sweep found in one sentence, in every language."""
    return {"en": headline(board, "en"), "ko": headline(board, "ko")}


def headline(board: Board, language: BoardLanguage = "en") -> str:
    """Say what a sweep found in one sentence; every number is one of the board's."""
    row = board.recommended()
    if row is None:
        return _nothing(board, language)
    words = Words(language)
    return "; ".join(words.value(part) for part in _parts(board, row)) + "."


def _parts(board: Board, row: Row) -> Iterator[Phrase]:
    right = _right(board, row)
    if row.confirmed is not None:
        right = phrase("headline.on_holdout", right=right)
    values = {
        "name": row.name,
        "metric": board.goal.metric,
        "right": right,
        "score": _score(board, _quoted(board, row)),
    }
    yield phrase("headline.recommended", **values, judged=_judged(board, row))
    yield from _reference(board, row)
    if row.cost.per_1000 is not None and row.cost.per_1000 > 0:
        yield phrase("headline.cost", cost=row.cost.per_1000, currency=f" {board.currency}".rstrip())
    if row.latency is not None and row.latency.p95 is not None:
        yield phrase("headline.p95", time=seconds(row.latency.p95))
    else:
        yield phrase("headline.seconds", time=seconds(row.cost.seconds))
    yield from _rivals(board, row)
    full = sum(1 for item in board.rows if item.answered >= board.questions)
    partly = sum(1 for item in board.rows if 0 < item.answered < board.questions)
    yield phrase("headline.measured", full=full, all=board.configurations, partly=partly)
    standing = board.standing(board.goal.metric)
    if standing is not None and standing.state == "calibrated" and standing.agreement is not None:
        agreement = {"coefficient": standing.coefficient, "value": standing.agreement}
        yield phrase("headline.trust", **agreement, n=standing.labels)
    yield phrase(_advice(board, row))
    yield from _lost_slices(board, row)


def _nothing(board: Board, language: BoardLanguage) -> str:
    why = next((note for note in board.notes if note.kind in UNMET), None)
    if why is not None:
        return why.text(language)
    words = Words(language)
    if any(row.answered for row in board.rows):
        return words("headline.unscored", metric=board.goal.metric)
    return words("headline.nothing")


def _advice(board: Board, row: Row) -> str:
    """Whether the score may be quoted."""
    if row.confirmed is not None:
        return "headline.quote"
    if board.had_a_choice:
        return "headline.care"
    return "headline.only" if board.configurations > 1 else "headline.single"


def _quoted(board: Board, row: Row) -> FigureStat | None:
    """Return the goal's figure to quote of a row: on the hold-out where it was opened, else on the development
    questions."""
    return row.confirmed.figure if row.confirmed is not None else row.figures.get(board.goal.metric)


def _score(board: Board, stat: FigureStat | None) -> Phrase | None:
    """Return a mean with its interval, as per cent where the goal is a share."""
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return None
    scale = 100 if board.goal.unit else 1
    value, low, high = (rounded(end * scale) for end in (stat.mean, stat.low, stat.high))
    kind = "headline.percent" if board.goal.unit else "headline.number"
    return phrase(kind, value=value, low=low, high=high)


def _judged(board: Board, row: Row) -> Phrase | str:
    """Return what the headline adds to a judge's score: the badge, and the score that people's labels give."""
    standing = board.standing(board.goal.metric)
    if standing is None:
        return ""
    badge: Phrase | str = "" if standing.warning is None else phrase("headline.badge", badge=standing.warning)
    corrected = _score(board, row.figures.get(board.goal.metric + CORRECTED))
    if corrected is None:
        return badge
    return phrase("headline.corrected", badge=badge, labels=standing.labels, score=corrected)


def _right(board: Board, row: Row) -> Phrase | str:
    """How many answers are right, empty where the goal has no pass level."""
    stat, number = _quoted(board, row), row.confirmed.right if row.confirmed is not None else row.right
    return phrase("headline.right", right=number, of=stat.scored) if number is not None and stat is not None else ""


def _reference(board: Board, row: Row) -> Iterator[Phrase]:
    reference = board.reference()
    paired = row.confirmed.versus_reference if row.confirmed is not None else row.versus_reference
    if reference is None or paired is None or reference.key == row.key:
        return
    values = {"name": reference.name, "right": _right(board, reference), "n": paired.n}
    yield phrase(
        "headline.reference",
        **values,
        score=_score(board, _quoted(board, reference)),
        d=_gap(board, paired.difference, "amount.gap_whole"),
        low=_gap(board, paired.low, "amount.gap_whole_end"),
        high=_gap(board, paired.high, "amount.gap_whole_end"),
    )


def _rivals(board: Board, row: Row) -> Iterator[Phrase]:
    """Yield the rows that the questions cannot separate from the leader, the recommended row among them."""
    leader = board.leader()
    others = [item.name for item in board.winner_set() if leader is not None and item.key != leader.key]
    stat = leader.figures.get(board.goal.metric) if leader is not None else None
    if leader is None or stat is None or not others:
        return
    if leader.key == row.key:
        yield phrase("headline.rivals", n=stat.scored, names=others)
    else:
        yield phrase("headline.leader", name=leader.name, n=stat.scored, names=others)


def _gap(board: Board, value: float | None, kind: str) -> Phrase | None:
    """Return a difference, in whole points where the goal is a share."""
    if value is None:
        return None
    if board.goal.unit:
        return phrase(kind, value=rounded(value * 100))
    return phrase("amount.gap_number", value=value)


def _lost_slices(board: Board, row: Row) -> Iterator[Phrase]:
    """Yield groups of questions on which the row is significantly worse than the reference."""
    for group in row.groups:
        paired = group.versus_reference
        if paired is not None and group.loses(board.goal.higher):
            yield phrase(
                "headline.slice",
                group=group.group.removeprefix("slice:"),
                d=_gap(board, paired.difference, "amount.gap_whole"),
                low=_gap(board, paired.low, "amount.gap_whole_end"),
                high=_gap(board, paired.high, "amount.gap_whole_end"),
                n=paired.n,
            )

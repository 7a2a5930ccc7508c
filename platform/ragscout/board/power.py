"""What so many questions can show, before a sweep is launched."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ragscout.board.words.notes import TYPICAL_SD
from ragscout.stats.paired import smallest_detectable

SCORE_SD = 0.4
"""Spread of scores over questions, for the width of an interval before anything is measured (0 and 1 in equal parts
have 0.5, scores in between less)."""


def power_advice(development: int, held: int, used_by: tuple[str, ...] = (), seen: int = 0) -> Iterator[str]:
    """Sentences for people. ``development``: questions the search may use; ``held``: sealed ones; ``used_by``: sweeps
    that opened them before; ``seen``: how many of them an earlier sweep had among its development questions."""
    total = development + held
    yield (
        f"With {_many(development, 'question')} only differences above about {_points(development)} points can be "
        f"shown (80 % power, a typical spread of {TYPICAL_SD} of paired differences; measured on your own data once it "
        "runs)."
    )
    yield _size(total)
    if held:
        yield (
            f"Hold-out: {held} of {total} questions stay sealed until the choice is fixed; they give the exported row "
            f"a figure that did not choose it, about ±{_half(held):.0f} points wide. It costs the search: differences "
            f"above {_points(development)} instead of {_points(total)} points. With holdout: off all questions search "
            f"and the winner's score is cross-fitted instead, about ±{_half(total):.0f} points, a little optimistic."
        )
    else:
        yield (
            "No hold-out: the winner's score is cross-fitted (chosen and scored on different questions), about "
            f"±{_half(total):.0f} points; as it stands on the board it is optimistic, by 3-5 points in simulations."
        )
    if used_by:
        yield f"The hold-out was opened {_many(len(used_by), 'time')} before, by {', '.join(dict.fromkeys(used_by))}."
    if seen:
        yield f"{seen} of the sealed questions were development questions of an earlier sweep."


def _many(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"


def _points(n: int) -> str:
    return f"{100 * smallest_detectable(TYPICAL_SD, n):.1f}"


def _half(n: int) -> float:
    """Half the width of a 95 % interval in points."""
    return 196 * SCORE_SD / math.sqrt(n)


def _size(total: int) -> str:
    if total < 100:
        return "Add questions before adding configurations."
    if total < 1000:
        return "Good for choosing a model and an embedder; overlap and the number of passages will look the same."
    return "Fine choices are possible; calls are spread over questions, so more questions do not cost more."

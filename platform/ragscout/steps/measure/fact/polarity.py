"""Yes or no: what an answer says first, what it says by repeating the question, and whether it negates."""

from __future__ import annotations

import functools

from ragscout.steps.measure.fact.tables import pattern

_NO, _YES, _LATER_NO, _LATER_YES = pattern("no"), pattern("yes"), pattern("later_no"), pattern("later_yes")
_NEGATION, _GRANTED = pattern("negation"), pattern("granted")


@functools.lru_cache(maxsize=8192)
def polarity(text: str) -> int:
    """1 when a text begins with yes (네, 예), -1 with no (아니요), 0 with neither. *The answer is no* counts too."""
    head = text.strip().lower()
    if _NO.match(head):
        return -1
    if _YES.match(head):
        return 1
    if _LATER_NO.search(head):
        return -1
    return 1 if _LATER_YES.search(head) else 0


@functools.lru_cache(maxsize=8192)
def negated(text: str) -> bool:
    """Whether a text holds a word of negation."""
    return _NEGATION.search(text.lower()) is not None


def granted(text: str) -> bool:
    """Whether a text says that something is allowed, possible or so, in words of its own."""
    return _GRANTED.search(text.lower()) is not None

"""Cutting a text where a word ends."""

from __future__ import annotations


def excerpt(text: str, limit: int) -> str:
    """Return the beginning of a text, at most ``limit`` code points, cut behind a word where one ends in it."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    if not text[limit].isspace():
        whole = head.rsplit(None, 1)
        head = whole[0] if len(whole) == 2 and not head[-1].isspace() else head
    return head.rstrip()

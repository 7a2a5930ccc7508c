"""Personal data in text, by patterns in linear time: e-mail addresses, telephone, resident and card numbers."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

Personal = Literal["email", "phone", "rrn", "card"]
KINDS: tuple[Personal, ...] = ("email", "rrn", "card", "phone")

_EMAIL = r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"
_RRN = r"(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ -]?[1-8]\d{6}(?!\d)"
_CARD = r"(?<!\d)\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?!\d)|(?<!\d)\d{16}(?!\d)"
_PHONE = r"(?<![\d-])(?:\+82[ -]?|0)(?:2|1[016-9]|[3-6][1-5]|70|50\d)[ .)-]{0,2}\d{3,4}[ .-]?\d{4}(?![\d-])"
_PATTERNS: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern) for name, pattern in zip(KINDS, (_EMAIL, _RRN, _CARD, _PHONE), strict=True)
}


def personal(text: str, kinds: Sequence[Personal] = KINDS) -> list[tuple[int, int, str]]:
    """Where personal data stands and what takes its place, in order, without overlaps. A number of sixteen digits
    counts as a card only when its check digit (Luhn, ISO/IEC 7812-1) is right."""
    found: list[tuple[int, int, str]] = []
    for kind in KINDS:
        for match in _PATTERNS[kind].finditer(text) if kind in kinds else ():
            start, end = match.span()
            if kind == "card" and not _luhn(match[0]):
                continue
            place = bisect_left(found, (start,))
            if (place == 0 or found[place - 1][1] <= start) and (place == len(found) or end <= found[place][0]):
                found.insert(place, (start, end, f"[{kind.upper()}]"))
    return found


def _luhn(number: str) -> bool:
    digits = [int(char) for char in number if char.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits))
    return sum(doubled) % 10 == 0

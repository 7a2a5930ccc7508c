"""Numbers with their units in English and Korean text, brought to one scale so that 48 hours are two days.

Digits, clock times, number words and Korean native numerals are read. A quantity keeps the number as it is written and,
where its unit belongs to a scale (time, months, length, mass), the amount on that scale.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragscout.steps.measure.fact.tables import table

_TOKEN = re.compile(r"\d{1,2}:\d{2}(?!\d)|\d[\d,]*(?:\.\d+)?|[a-z]+|[가-힣]+|[%$€£₩㎡°]")
_ONES: list[str] = table("numbers", "ones").split()
_TENS: list[str] = table("numbers", "tens").split()
WORDS: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(_ONES)},
    **{word: 10.0 * (place + 2) for place, word in enumerate(_TENS)},
    **{word: float(place + 3) for place, word in enumerate(table("numbers", "ordinals").split())},
    **table("numbers", "words"),
}
"""Number words, with ordinals."""
MULTIPLES: dict[str, float] = table("numbers", "multiples")
HOURS: dict[str, float] = table("numbers", "hours")
COUNTED: dict[str, str] = table("units", "counted")
KOREAN_DAYS: dict[str, int] = table("numbers", "korean_days")
KOREAN_NATIVE: dict[str, int] = table("numbers", "korean")
KOREAN_MULTIPLES: dict[str, float] = table("numbers", "korean_multiples")
SCALES: dict[str, tuple[str, float]] = table("scales")
ENGLISH_UNITS: dict[str, str] = table("units", "english")
KOREAN_UNITS: dict[str, str] = table("units", "korean")
SYMBOLS: dict[str, str] = table("units", "symbols")
MONEY: dict[str, str] = table("units", "money")
_PLAIN = frozenset(table("units", "plain").split())
_UNITS_BY_LENGTH = sorted(KOREAN_UNITS, key=len, reverse=True)
_NATIVE_BY_LENGTH = sorted(KOREAN_NATIVE, key=len, reverse=True)
_MULTIPLES_BY_LENGTH = sorted(KOREAN_MULTIPLES, key=len, reverse=True)
_PERIODS = ("day", "week", "month", "year")
_HALVES = re.compile(r"\s(?:o'clock )?in the (morning|afternoon|evening)\b|\sat (night)\b")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, ``""`` where none follows. ``text``: as it is written, for people."""

    value: float
    unit: str
    text: str

    @property
    def amount(self) -> tuple[str, float]:
        """The scale of the unit and the amount there; a unit without a scale is a scale of its own."""
        scale, size = SCALES.get(self.unit, (self.unit, 1.0))
        return scale, round(self.value * size, 6)

    def agrees(self, other: Quantity) -> bool:
        """Whether both can mean the same: equal on their scale, or equal numbers one of which has no unit."""
        if self.amount == other.amount:
            return True
        return self.value == other.value and not (self.unit and other.unit)


@functools.lru_cache(maxsize=8192)
def quantities(text: str) -> tuple[Quantity, ...]:
    """Read the quantities of a text, in order."""
    return tuple(_read(text.lower()))


def _read(text: str) -> Iterator[Quantity]:
    tokens = [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]
    place = 0
    while place < len(tokens):
        used, quantity = _at(text, tokens, place)
        if quantity is not None:
            yield quantity
        place += max(1, used)


Tokens = list[tuple[str, int, int]]


def _at(text: str, tokens: Tokens, place: int) -> tuple[int, Quantity | None]:
    """How many tokens a quantity that begins here takes, and the quantity; ``(0, None)`` when none begins here."""
    token = tokens[place][0]
    if ":" in token:
        hour, minute = token.split(":")
        return 1, Quantity(_afternoon(int(hour), tokens, place) + int(minute) / 60, "clock", token)
    if token[0].isdigit():
        return _digits(text, tokens, place)
    if token in HOURS:
        return 1, Quantity(HOURS[token], "clock", token)
    if token in WORDS:
        return _words(text, tokens, place)
    if "가" <= token[0] <= "힣":
        return _korean(text, tokens, place)
    return 0, None


def _digits(text: str, tokens: Tokens, place: int) -> tuple[int, Quantity | None]:
    token, start, end = tokens[place]
    value = float(token.replace(",", "").rstrip(".") or 0)
    if start and text[start - 1] in "-−" and (start == 1 or not text[start - 2].isalnum()):
        value, start = -value, start - 1
    used, unit = 1, ""
    if place and tokens[place - 1][0] in MONEY:
        unit = MONEY[tokens[place - 1][0]]
    rest = _next(text, tokens, place + 1)
    if rest and "가" <= rest[0] <= "힣":
        multiple = next((word for word in _MULTIPLES_BY_LENGTH if rest.startswith(word)), "")
        if multiple:
            value, rest = value * KOREAN_MULTIPLES[multiple], rest[len(multiple) :]
            used = 2
            if not rest:
                rest = _next(text, tokens, place + 2)
    elif rest in MULTIPLES:
        value, used = value * MULTIPLES[rest], 2
        rest = _next(text, tokens, place + used)
    unit = unit or _unit(rest)
    if unit == "clock":
        value = _clock(value, text, tokens, place)
    elif rest in ("am", "pm", "a", "p") and text[end : end + 5].lstrip().startswith(("am", "pm", "a.m", "p.m")):
        value, unit = value % 12 + (12 if rest.startswith("p") else 0), "clock"
    elif not unit and (half := _HALVES.match(text, end)):
        value, unit = _hour(value, half), "clock"
    return used, Quantity(value, unit, _shown(text, start, tokens, place, used, unit))


def _words(text: str, tokens: Tokens, place: int) -> tuple[int, Quantity | None]:
    """Read number words: tens join ones, a multiple follows; *second* is a unit and never an ordinal here."""
    token, start, _ = tokens[place]
    value, used = WORDS[token], 1
    following = _next(text, tokens, place + 1, joints=" -")
    if token in _TENS and following in _ONES[1:10]:
        value, used = value + WORDS[following], 2
    following = _next(text, tokens, place + used)
    while following in MULTIPLES:
        value, used = value * MULTIPLES[following], used + 1
        following = _next(text, tokens, place + used)
    if token == "half" and following in ("a", "an"):
        used += 1
        following = _next(text, tokens, place + used)
    unit = COUNTED.get(token) or _unit(following)
    if not unit and (half := _HALVES.match(text, tokens[place + used - 1][2])):
        value, unit = _hour(value, half), "clock"
    if token in ("one", "half") and not unit:
        return used, None  # "one of them", "the one that": no quantity
    return used, Quantity(value, unit, _shown(text, start, tokens, place, used, unit))


def _korean(text: str, tokens: Tokens, place: int) -> tuple[int, Quantity | None]:
    token = tokens[place][0]
    for word, days in KOREAN_DAYS.items():
        if token.startswith(word):
            return 1, Quantity(float(days), "day", word)
    for word in _NATIVE_BY_LENGTH:
        if token.startswith(word):
            inside = token[len(word) :]
            rest = inside or _next(text, tokens, place + 1)
            unit = _unit(rest) if rest and "가" <= rest[0] <= "힣" else ""
            if word == "한" and unit in _PERIODS and rest.endswith("에"):
                return 1 if inside else 2, None  # "a week", as in twice a week: a rate, no quantity
            if unit:
                value = float(KOREAN_NATIVE[word])
                if unit == "clock":
                    value = _clock(value, text, tokens, place)
                return 1 if inside else 2, Quantity(value, unit, f"{word} {rest}" if not inside else token)
            return 0, None
    return 0, None


def _unit(token: str) -> str:
    """Return the unit that a token is, or that a Hangul token begins with; empty when it is none."""
    if not token:
        return ""
    if token in SYMBOLS:
        return SYMBOLS[token]
    if "가" <= token[0] <= "힣":
        return next((KOREAN_UNITS[word] for word in _UNITS_BY_LENGTH if token.startswith(word)), "")
    known = ENGLISH_UNITS.get(token)
    single = token[:-1] if token.endswith("s") and len(token) > 3 else token
    return known or ENGLISH_UNITS.get(single) or (single if single in SCALES or single in _PLAIN else "")


def _clock(value: float, text: str, tokens: Tokens, place: int) -> float:
    """Return the hour of a Korean clock time, with 오후 before it and 분 or 반 behind it."""
    hour = value
    if place and tokens[place - 1][0].startswith(("오후", "저녁", "밤")) and hour < 12:
        hour += 12
    rest = text[tokens[place][2] : tokens[place][2] + 12]
    if minutes := re.match(r"\s?시\s?(\d{1,2})\s?분", rest):
        return hour + int(minutes[1]) / 60
    return hour + 0.5 if re.match(r"\s?시\s?반", rest) else hour


def _hour(value: float, half: re.Match[str]) -> float:
    """Return the hour of the day that *in the afternoon* and its like make of an hour."""
    return value % 12 + (0 if half[1] == "morning" else 12)


def _afternoon(hour: int, tokens: Tokens, place: int) -> float:
    before = tokens[place - 1][0] if place else ""
    behind = tokens[place + 1][0] if place + 1 < len(tokens) else ""
    later = before.startswith("오후") or behind in ("pm", "p")
    return float(hour + 12 if later and hour < 12 else hour)


def _next(text: str, tokens: Tokens, place: int, joints: str = " ") -> str:
    """Return the token at a place when at most one joint stands before it, else empty."""
    if place >= len(tokens):
        return ""
    token, start, _ = tokens[place]
    before = tokens[place - 1][2]
    return token if start == before or (start == before + 1 and text[before] in joints + "-") else ""


def _shown(text: str, start: int, tokens: Tokens, place: int, used: int, unit: str) -> str:
    last = place + used - 1
    following = _next(text, tokens, last + 1)
    return text[
        start : tokens[last + 1][2] if unit and following and last + 1 < len(tokens) else tokens[last][2]
    ].strip()

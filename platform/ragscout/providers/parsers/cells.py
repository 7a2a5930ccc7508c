"""Cells of a workbook as people see them: their value in the form that the cell's number format gives it."""

from __future__ import annotations

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_QUOTED = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\[\]-]*+)(?:-[^\[\]]*+)?\]|\[[^\[\]]*+\]')
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.([0#?]+))?")
_EXPONENT = re.compile(r"[#0?.]E[+-]0", re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_SECTION = "\ue001"  # stands for a semicolon between sections
_LITERAL = "\ue000"  # stands for a literal of the format while its digits are looked for


def cell_text(cell: Any) -> str:
    """Return a cell as it is shown: ``007``, ``12.5%``, ``1,234.50 €``, ``6:30``, ``36:00``, whole numbers without
    ``.0``. Dates are written as ISO dates, since their usual format changes with the reader's country."""
    value, shape = cell.value, getattr(cell, "number_format", "") or ""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return _number(value, shape)
    if isinstance(value, datetime.timedelta):
        return _elapsed(value, shape)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, datetime.time):
        return _clock(value, shape)
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _plain(value: float) -> str:
    """Return a number with at most the 15 digits that a workbook shows."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.15g}"


def _number(value: float, shape: str) -> str:
    """Return a number in its format; one that is not understood gives the number alone."""
    sections = _sections(shape)
    place = 1 if value < 0 else 2 if not value else 0
    section = sections[place if place < len(sections) else 0]
    if section.strip().casefold() in ("general", "", "@"):
        return _plain(value)
    literals: list[str] = []

    def keep(mark: re.Match[str]) -> str:
        literals.append(mark[1] or mark[2] or mark[3] or "")
        return _LITERAL

    bare = _QUOTED.sub(keep, section)
    digits = _DIGITS.search(bare)
    if (
        digits is None
        or _DIGITS.search(bare, digits.end())
        or _EXPONENT.search(bare)
        or "/" in bare
        or re.search("[a-zA-Z가-힣]", bare)
    ):
        return _plain(value)
    size = Decimal(repr(abs(value))) * (100 if "%" in bare else 1)
    whole = digits[0].split(".")[0]
    while whole.endswith(","):
        size, whole = size / 1000, whole[:-1]
    decimals = digits[1] or ""
    text = f"{size.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP):{',' if ',' in whole else ''}f}"
    while decimals.endswith(("#", "?")) and text.endswith("0"):
        text, decimals = text[:-1], decimals[:-1]
    text = text.rstrip(".")
    if whole.endswith("00") and "," not in whole:
        head, dot, tail = text.partition(".")
        text = head.zfill(whole.count("0")) + dot + tail
    sign = "-" if value < 0 and len(sections) == 1 else ""
    parts = iter(literals)
    framed = bare[: digits.start()] + "\0" + bare[digits.end() :]
    shown = "".join(next(parts) if char == _LITERAL else char for char in framed).replace("\0", text).strip()
    return sign + shown


def _sections(shape: str) -> list[str]:
    """Return the sections of a format: for numbers above, below and equal to zero."""
    pieces = shape.split('"')
    # what stands between quotation marks is every second piece
    pieces[::2] = [piece.replace(";", _SECTION) for piece in pieces[::2]]
    return '"'.join(pieces).split(_SECTION)


def _clock(value: datetime.time, shape: str) -> str:
    """Return a time of day; seconds and the twelve-hour clock where the format has them."""
    plain = _QUOTED.sub("", shape).casefold()
    if "h" not in plain:
        return value.isoformat()
    half = "am/pm" in plain or "a/p" in plain
    hour = (value.hour % 12 or 12) if half else value.hour
    text = f"{hour:02d}" if "hh" in plain else str(hour)
    text += f":{value.minute:02d}"
    text += f":{value.second:02d}" if "s" in plain else ""
    return f"{text} {'AM' if value.hour < 12 else 'PM'}" if half else text


def _elapsed(value: datetime.timedelta, shape: str) -> str:
    """Return a duration as hours, minutes and seconds; days are counted as hours."""
    seconds = round(abs(value).total_seconds())
    sign = "-" if value < datetime.timedelta() else ""
    unit = _ELAPSED.search(shape)
    rest = shape[unit.end() :].casefold() if unit else ":mm:ss"
    if unit and unit[1][0] in "sS":
        return f"{sign}{seconds}"
    if unit and unit[1][0] in "mM":
        return f"{sign}{seconds // 60}" + (f":{seconds % 60:02d}" if "s" in rest else "")
    text = f"{sign}{seconds // 3600}"
    text += f":{seconds // 60 % 60:02d}" if "m" in rest else ""
    return text + (f":{seconds % 60:02d}" if "s" in rest else "")

"""Cells to values: texts, lists of texts, identifiers, numbers. Nothing is evaluated; words stay words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ragscout.data.read.jsonfile import is_missing
from ragscout.data.read.printed import CellError as CellError
from ragscout.data.read.printed import printed

_LISTED = re.compile(r"[;|\n]")
_BARE_LIST = re.compile(r"\[([^\[\]]*)\]")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_TRUE = frozenset(("true", "yes", "y", "1", "o", "예", "네", "참", "가능", "1.0"))
_FALSE = frozenset(("false", "no", "n", "0", "x", "아니오", "아니요", "거짓", "불가", "불가능", "0.0"))


def text_of(value: Any) -> str:
    """One text. Numbers are written out, missing values are empty.

    Raises:
        CellError: for a list or an object.
    """
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple, Mapping)) or hasattr(value, "tolist"):
        raise CellError("a text is needed here, not a list or an object")
    return str(value)


def texts_of(value: Any, textual: bool = False) -> list[str]:
    """All texts of a cell: a text, a list, an object with a ``text`` list, or a list written out in a text cell.

    Empty ones are left out. Raises:
        CellError: for a list of objects without text.
    """
    if is_missing(value):
        return []
    if isinstance(value, str):
        inner = written_list(value)
        if inner is None and isinstance(held := printed(value), dict) and isinstance(held.get("text"), list):
            inner = held["text"]
        return texts_of(inner) if inner is not None else ([value] if value.strip() else [])
    if isinstance(value, Mapping):
        for name in ("text", "answer", "value", "content"):
            if name in value:
                return texts_of(value[name])
        raise CellError("a text or a list of texts is needed here, not an object")
    if isinstance(value, (list, tuple)):
        return [
            text for item in value for text in (texts_of(item) if not isinstance(item, str) else [item]) if text.strip()
        ]
    return [text_of(value)]


def ids_of(value: Any) -> list[str]:
    """Return identifiers in a cell: a list, a list written out, or texts separated by ``;``, ``|`` or line ends."""
    if is_missing(value):
        return []
    if isinstance(value, str):
        inner = written_list(value, numbers=True)
        if inner is not None:
            return ids_of(inner)
        bare = _BARE_LIST.fullmatch(value.strip())
        listed = bare[1].replace(",", ";") if bare else value
        return [name for part in _LISTED.split(listed) if (name := part.strip())]
    if isinstance(value, Mapping):
        raise CellError("an identifier or a list of them is needed here, not an object")
    if isinstance(value, Iterable):
        return [name for item in value for name in ([item.strip()] if isinstance(item, str) else ids_of(item)) if name]
    return [text_of(value)]


def written_list(text: str, numbers: bool = False) -> list[Any] | None:
    """Return a list written as JSON, Python or numpy print it; ``None`` when the text is not a list of plain values.

    A list of nothing but numbers is one only with ``numbers``: an answer ``[0, 1]`` is an interval.

    Raises:
        CellError: a list that was shortened, or whose items are separated in two ways.
    """
    value = printed(text)
    if not isinstance(value, list):
        return None
    held = [item for item in value if item is not None]
    return held if numbers or not held or any(isinstance(item, (str, list, dict)) for item in held) else None


def written_object(value: Any) -> Any:
    """Return an object or list that a text cell holds, as JSON, Python or numpy print it; anything else as it is."""
    if isinstance(value, str) and (held := printed(value)) is not None:
        return held
    return value


def filter_of(value: Any) -> dict[str, tuple[str, ...]]:
    """Return a filter over metadata columns: an object of texts or lists of texts, or ``name=value; name=one|other``.

    Raises:
        CellError: for anything else.
    """
    value = written_object(value)
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        return {}
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(";") if part.strip()]
        if not all(mark and name.strip() and held.strip() for name, mark, held in pairs):
            raise CellError("a filter is written as name=value; name=one|other, or as a JSON object")
        return {name.strip(): tuple(item.strip() for item in held.split("|")) for name, _, held in pairs}
    if not isinstance(value, Mapping):
        raise CellError("a filter is an object of metadata columns and values")
    found = {}
    for name, held in value.items():
        items = held if isinstance(held, (list, tuple)) else [held]
        found[str(name).strip()] = tuple(text_of(item).strip() for item in items)
        if not items or not all(found[str(name).strip()]):
            raise CellError(f"the filter on {name!r} has no value")
    return found


def flag_of(value: Any) -> bool | None:
    """Yes or no in the usual spellings, English and Korean; ``None`` when the cell is empty.

    Raises:
        CellError: for anything else.
    """
    if is_missing(value):
        return None
    word = text_of(value).strip().casefold()
    if not word:
        return None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise CellError("yes or no is needed here (true, false, 예, 아니오)")


def number_of(value: Any) -> float | None:
    """Return a finite number; ``None`` when the cell is empty.

    Raises:
        CellError: for anything else.
    """
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()):
        value = value.replace(",", "")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise CellError("a number is needed here") from None
    if number in (float("inf"), float("-inf")) or number != number:
        raise CellError("a finite number is needed here")
    return number


def offset_of(value: Any) -> int | None:
    """Return a non-negative whole number; ``None`` when the cell is empty or -1 (the usual mark for no offset).

    Raises:
        CellError: for anything else.
    """
    number = number_of(value)
    if number is None or number == -1:
        return None
    if number < 0 or not number.is_integer():
        raise CellError("an offset must be a whole number from 0 on")
    return int(number)

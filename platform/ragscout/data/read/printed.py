"""Lists and objects that stand in a text cell as JSON, Python or numpy print them. Nothing is evaluated."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from typing import Any

_LIMIT = 200_000  # characters of a cell that is looked at
_DEPTH = 50
_BLANK = re.compile(r"\s*")
_TEXT = re.compile(
    r"""[bru]{0,2}('''(?:[^\\]|\\.)*?'''|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")""", re.DOTALL | re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"(?:None|null|nan|NaN|NaT|True|False|true|false)\b")
_CALL = re.compile(r"(?:(?:np|numpy|pd)\.)?(?:array|ndarray|list|tuple|set|str_|int\d*|float\d*|bool_|Series|Index)\(")
_OPTION = re.compile(r",\s*(?:dtype=[^)\n]*|shape=\([^)]*\))")
_SHORTENED = re.compile(r"\.\.\.|…")
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_WORDS = {"True": True, "true": True, "False": False, "false": False}


class CellError(ValueError):
    """A value has a shape that its role cannot take; the text says what was expected."""


class _NotPrintedError(ValueError):
    """The text is no printed value."""


def printed(text: str) -> Any:
    """Return the list or object that a text cell holds; ``None`` when it holds none.

    Items may be separated by commas or, as numpy prints them, by blanks. ``array([...], dtype=object)`` and tuples are
    lists; ``None`` and ``nan`` are missing values.

    Raises:
        CellError: a list that was shortened when it was printed, or whose items are separated in two ways.
    """
    plain = text.strip()
    if len(plain) > _LIMIT or not plain or not (plain[0] in _CLOSING or _CALL.match(plain)) or plain[-1] not in "])}":
        return None
    try:
        value = json.loads(plain)
    except (ValueError, RecursionError):
        reader = _PrintedReader(plain)
        try:
            value = reader.value(0)
        except _NotPrintedError:
            return None
        if reader.at < len(plain):
            return None
    return value if isinstance(value, (list, dict)) else None


class _PrintedReader:
    """One pass over a text; ``at`` is the next character."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def value(self, depth: int) -> Any:
        """Read the value that begins here."""
        self._skip()
        if depth > _DEPTH:
            raise _NotPrintedError
        if self._take(_CALL.match) is not None:
            held = self.value(depth + 1)
            self._take(_OPTION.match)
            self._expect(")")
            return held
        if self._next() in _CLOSING:
            return self._group(depth)
        if (quoted := self._take(_TEXT.match)) is not None:
            try:
                return ast.literal_eval(quoted.lstrip("bBrRuU"))
            except (ValueError, SyntaxError):
                raise _NotPrintedError from None
        if (number := self._take(_NUMBER.match)) is not None:
            return int(number) if number.lstrip("+-").isdigit() else float(number)
        if (word := self._take(_WORD.match)) is not None:
            return _WORDS.get(word)
        raise _NotPrintedError

    def _group(self, depth: int) -> Any:
        opening = self._next()
        self.at += 1
        items: list[Any] = []
        pairs: dict[str, Any] = {}
        marks: set[str] = set()
        while True:
            self._skip()
            if self._next() == _CLOSING[opening]:
                self.at += 1
                break
            if (items or pairs) and self._take(_SHORTENED.match) is not None:
                raise CellError("the list was shortened (...) when it was printed: write it out whole")
            item = self.value(depth + 1)
            self._skip()
            if opening == "{" and self._next() == ":":
                self.at += 1
                pairs[str(item)] = self.value(depth + 1)
            else:
                items.append(item)
            self._skip()
            mark = self._next()
            self.at += mark == ","
            marks.add("comma" if mark == "," else "end" if mark == _CLOSING[opening] else "blank")
        if {"comma", "blank"} <= marks:
            raise CellError("the items of the list are separated by commas and by blanks: separate them in one way")
        if (items and pairs) or (opening == "(" and not ({"comma"} & marks)):
            raise _NotPrintedError
        return pairs if pairs or (opening == "{" and not items) else items

    def _skip(self) -> None:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, matching: Callable[[str, int], re.Match[str] | None]) -> str | None:
        held = matching(self.text, self.at)
        if held is None:
            return None
        self.at = held.end()
        return held[0]

    def _expect(self, mark: str) -> None:
        self._skip()
        if self._next() != mark:
            raise _NotPrintedError
        self.at += 1

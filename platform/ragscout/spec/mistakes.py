"""Mistakes that people make in YAML, in words that name the mistake and the fix instead of what the parser expected."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAB = re.compile(r"[ ]*\t")
_UNSPACED = re.compile(r"\s*(?:- )?([A-Za-z_][\w.@-]*):([^\s/{\[].*)$")
_WIDE = {"：": ":", "，": ",", "［": "[", "］": "]", "｛": "{", "｝": "}"}
_OPENERS = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Mistake:
    """``line`` and ``column`` count from 1; ``said``: what is wrong, what stands there and what to do."""

    line: int
    column: int
    said: str


def explain(text: str, line: int) -> Mistake | None:
    """Return the mistake that explains why a text is no YAML, ``None`` when none of the known ones is near.

    Args:
        text: the whole file.
        line: where the parser gave up, from 1; the mistake stands there, above it or at a bracket left open before.
    """
    lines = text.splitlines()
    near = [number for number in (line, line - 1) if 0 < number <= len(lines)]
    for look in (_tab, _wide, _unspaced, _reserved):
        for number in near:
            found = look(lines[number - 1], number)
            if found is not None:
                return found
    return _open_bracket(lines[:line]) or _open_quote(lines[:line]) or _indented(lines, near)


def _tab(text: str, number: int) -> Mistake | None:
    found = _TAB.match(text)
    if found is None:
        return None
    return Mistake(number, found.end(), "a tab in the indentation; got '\\t'. Indent with blanks, two a level.")


def _wide(text: str, number: int) -> Mistake | None:
    plain = text.split("#")[0]
    column = next((place for place, char in enumerate(plain) if char in _WIDE), None)
    if column is None or plain[:column].count('"') % 2 or plain[:column].count("'") % 2:
        return None
    wide = plain[column]
    blank = ", with a blank after it" if wide in "：，" else ""
    return Mistake(number, column + 1, f"a full-width sign; got {wide!r}. Write {_WIDE[wide]!r}{blank}.")


def _unspaced(text: str, number: int) -> Mistake | None:
    found = _UNSPACED.match(text.split(" #")[0])
    if found is None:
        return None
    key, value = found.groups()
    return Mistake(
        number, found.start(2), f"no blank after the colon; got {key + ':' + value!r}. Write {key}: {value.strip()}"
    )


def _reserved(text: str, number: int) -> Mistake | None:
    value = re.search(r"(?::|-|\[|,)\s+([@`%]\S*)", text)
    if value is None:
        return None
    return Mistake(
        number,
        value.start(1) + 1,
        f'a text that begins with {value[1][0]!r} needs quotes; got {value[1]!r}. Write "{value[1]}".',
    )


def _open_bracket(lines: list[str]) -> Mistake | None:
    opened: list[tuple[str, int, int]] = []
    for number, text in enumerate(lines, 1):
        for column, char in _unquoted(text):
            if char in _OPENERS:
                opened.append((char, number, column + 1))
            elif char in _OPENERS.values() and opened and _OPENERS[opened[-1][0]] == char:
                opened.pop()
    if not opened:
        return None
    char, number, column = opened[-1]
    return Mistake(number, column, f"a bracket is not closed; got {char!r}. Add {_OPENERS[char]!r} at its end.")


def _open_quote(lines: list[str]) -> Mistake | None:
    for number, text in reversed(list(enumerate(lines, 1))):
        for quote in ('"', "'"):
            found = re.search(rf"(?:^|[\s:\[,{{-]){quote}", text)
            if found and text.count(quote) % 2:
                return Mistake(number, found.end(), f"a quote is not closed; got {quote}. Add {quote} at its end.")
    return None


def _indented(lines: list[str], near: list[int]) -> Mistake | None:
    if not near:
        return None
    above = next((number for number in range(near[0] - 1, 0, -1) if lines[number - 1].strip()), None)
    if above is None or not lines[near[0] - 1].strip():
        return None
    here, there = (len(lines[number - 1]) - len(lines[number - 1].lstrip(" ")) for number in (near[0], above))
    if here == there:
        return None
    return Mistake(
        near[0],
        here + 1,
        f"the indentation fits no line above; got {here} blanks after a line with {there}. Keys of one "
        "mapping begin in one column.",
    )


def _unquoted(text: str) -> list[tuple[int, str]]:
    """Signs of a line outside quotes and comments, with their columns."""
    found: list[tuple[int, str]] = []
    quote = ""
    for column, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (not column or text[column - 1] in " [{,:-"):
            quote = char
        elif char == "#" and (not column or text[column - 1] == " "):
            break
        else:
            found.append((column, char))
    return found

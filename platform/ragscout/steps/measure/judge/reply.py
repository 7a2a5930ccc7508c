"""Reading a judge's reply: JSON if it is there, else an unmistakable level in prose, else a failure with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragscout.model.outcome import Failure
from ragscout.model.packaged import WordTable

SCORE_WORDS = WordTable(
    "score words",
    {
        "keys": ("score", "level", "rating", "grade", "점수"),
        "prose": ("score", "level", "rating", "grade", "점수", "등급", "평점"),
    },
)
"""What judges call the score, in JSON and in prose."""

_KEY = f"(?:{'|'.join(SCORE_WORDS.value['prose'])})"
_TRUNCATED = re.compile(rf'"{_KEY}"\s*:\s*"?(-?\d+(?:\.\d+)?)')
_OUT_OF = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:/|out of|점?\s*/|of)\s*(\d+)(?!\d|\.\d)", re.IGNORECASE)
_NAMED = re.compile(rf"{_KEY}\W{{0,3}}\s*(?:is|of|:|=|은|는)?\s*\**(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\d)")
_SHOWN = 80


@dataclass(frozen=True)
class Verdict:
    """A level from 1 to the scale's top, with the judge's reason where it gave one."""

    level: int
    reason: str = ""


def read_verdicts(text: str, names: Sequence[str], levels: int) -> dict[str, Verdict | Failure]:
    """Return the verdict per criterion; with one criterion its key is ``score``, with several their names."""
    if len(names) == 1:
        return {names[0]: read_verdict(text, levels)}
    objects = [item for item in _objects(text) if any(name in item for name in names)]
    found = objects[0] if objects else {}
    return {
        name: _checked(found[name], levels, "") if name in found else _from_broken(text, name, levels) for name in names
    }


def read_verdict(text: str, levels: int) -> Verdict | Failure:
    """Return the level in a reply to one criterion.

    Accepted: a JSON object anywhere in the reply, a truncated one whose score is whole, ``4/5``, ``score: 4``, or a
    reply whose only number is the level. Two different levels, none, or one outside 1..levels is a ``Failure``.
    """
    verdicts = [
        _checked(item[key], levels, str(item.get("reason", item.get("why", ""))))
        for item in _objects(text)
        for key in SCORE_WORDS.value["keys"]
        if key in item
    ]
    if verdicts:
        first = verdicts[0]
        values = {verdict.level if isinstance(verdict, Verdict) else None for verdict in verdicts}
        return first if len(values) == 1 else _failed("it gives several scores", text)
    for pattern in (_TRUNCATED, _NAMED):
        found = {match[1] for match in pattern.finditer(text)}
        if len(found) == 1:
            return _checked(found.pop(), levels, "")
        if found:
            return _failed("it gives several scores", text)
    return _from_prose(text, levels)


def _from_prose(text: str, levels: int) -> Verdict | Failure:
    out_of = {(match[1], match[2]) for match in _OUT_OF.finditer(text)}
    if out_of:
        level, top = next(iter(out_of))
        if len(out_of) > 1:
            return _failed("it gives several scores", text)
        return _checked(level, levels, "") if int(top) == levels else _failed(f"its scale ends at {top}", text)
    numbers = set(_NUMBER.findall(text))
    if len(numbers) == 1:
        return _checked(numbers.pop(), levels, "")
    return _failed("it holds no score" if not numbers else "it holds several numbers", text)


def _from_broken(text: str, name: str, levels: int) -> Verdict | Failure:
    found = re.search(rf'"{re.escape(name)}"\s*:\s*"?(-?\d+(?:\.\d+)?)', text)
    return _checked(found[1], levels, "") if found else _failed(f"it holds no score for {name}", text)


def _checked(value: object, levels: int, reason: str) -> Verdict | Failure:
    if isinstance(value, str):
        part = re.fullmatch(rf"\s*(-?\d+(?:\.\d+)?)\s*(?:/\s*{levels}|점)?\s*", value)
        value = float(part[1]) if part and len(part[1]) < 10 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        return _failed("its score is no whole number", str(value))
    if not 1 <= value <= levels:
        return _failed(f"its score lies outside 1..{levels}", str(value))
    return Verdict(int(value), " ".join(reason.split())[:300])


def _objects(text: str) -> Iterator[dict[str, object]]:
    """JSON objects in a text, left to right, not inside one another."""
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    position = text.find("{")
    while position >= 0:
        try:
            item, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            end = position + 1
        else:
            if isinstance(item, dict):
                yield item
        position = text.find("{", end)


def _failed(why: str, text: str) -> Failure:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    return Failure("measurement", "judge_failed", f"The judge's reply cannot be used: {why}; got {shown!r}.")

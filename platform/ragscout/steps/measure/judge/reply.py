"""Reading a judge's reply: JSON if it is there, else an unmistakable level in prose, else a failure with the reason."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragscout.model.outcome import Failure
from ragscout.model.packaged import WordTable
from ragscout.providers.thoughts import without_thoughts

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
_OUT_OF = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*+(?:/|out of|점\s*+/|of)\s*+(\d+)(?!\d|\.\d)", re.IGNORECASE)
_NAMED = re.compile(
    rf"(final\s|최종\s?)?{_KEY}\W{{0,3}}\s?(?:is|of|:|=|은|는)?\s?\**(-?\d+(?:\.\d+)?)"
    r"(?:\s?(?:/|out of|점\s?/)\s?(\d+))?",
    re.IGNORECASE,
)
_BEST = "(?:best|highest|top|maximum|worst|lowest)"
_RANGE = r"(?:[01]\s?(?:-|–|~|to)\s?|out of\s)(\d{1,6})(?!\d)\s?점?"
_SCALES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"[(\[]\s?{_RANGE}\s?[)\]]",
        rf"\b{_RANGE}(?!\.\d)",
        r"(?<!\d)(\d{1,6})\s?(?:점\s?만점|단계)\s?(?:에서|에|중에|중)?",
        rf"\b{_BEST}\s(?:possible\s)?(?:{_KEY}\s?)?(?:is|of|=|:)?\s?(\d{{1,6}})(?!\d|\.\d)",
        rf"(?<![\d.])(\d{{1,6}})\s?(?:=|is|being)\s?(?:the\s)?{_BEST}",
    )
)
"""How judges tell of their scale, with its end."""
_OTHER_SCALE = re.compile(
    rf"(?:{_KEY}\s?[(\[]?\s?|\bscale (?:of|from)\s){_RANGE}|(?<!\d)(\d{{1,6}})\s?점\s?만점", re.IGNORECASE
)
"""The same where nothing else can be meant."""
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\d)")
_SHOWN = 80
_LONGEST = 20_000  # characters of a reply that are read: its end, where the score stands
_DIGITS = 20  # of a number that are read: longer ones are no level


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
    reply whose only number is the level; a final score wins over others. What the reply says of its scale is no score.
    Two different levels, none, one outside 1..levels, or another scale than 1..levels is a ``Failure``.
    """
    text = without_thoughts(text[-_LONGEST:])
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
    found = {match[1] for match in _TRUNCATED.finditer(text)}
    if len(found) == 1:
        return _checked(found.pop(), levels, "")
    return _failed("it gives several scores", text) if found else _from_prose(text, levels)


def _from_prose(text: str, levels: int) -> Verdict | Failure:
    """Read a level in words; ``text`` is the reply or the score of its JSON."""
    whole, text = text, unicodedata.normalize("NFKC", text)
    top = str(levels)
    if other := next((end for match in _OTHER_SCALE.finditer(text) if (end := match[1] or match[2]) != top), ""):
        return _failed(f"its scale ends at {other}", whole)
    for scale in _SCALES:
        text = scale.sub(lambda match: " " if match[1] in (top, "1") else match[0], text)
    named = list(_NAMED.finditer(text))
    named = [match for match in named if match[1]] or named
    if named:
        if other := next((match[3] for match in named if match[3] and match[3] != top), ""):
            return _failed(f"its scale ends at {other}", whole)
        values = {match[2] for match in named}
        return _checked(values.pop(), levels, "") if len(values) == 1 else _failed("it gives several scores", whole)
    out_of = {(match[1], match[2]) for match in _OUT_OF.finditer(text)}
    if out_of:
        level, end = next(iter(out_of))
        if len(out_of) > 1:
            return _failed("it gives several scores", text)
        return _checked(level, levels, "") if end == top else _failed(f"its scale ends at {end}", text)
    numbers = set(_NUMBER.findall(text))
    if len(numbers) == 1:
        return _checked(numbers.pop(), levels, "")
    return _failed("it holds no score" if not numbers else "it holds several numbers", text)


def _from_broken(text: str, name: str, levels: int) -> Verdict | Failure:
    found = re.search(rf'"{re.escape(name)}"\s*:\s*"?(-?\d+(?:\.\d+)?)', text)
    return _checked(found[1], levels, "") if found else _failed(f"it holds no score for {name}", text)


def _checked(value: object, levels: int, reason: str) -> Verdict | Failure:
    """Return the level that a value of a reply's JSON, or a number in its words, stands for."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return _from_prose(value, levels)
    if isinstance(value, str):
        value = float(value[:_DIGITS])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return _failed("its score is no whole number", str(value))
    if not 1 <= value <= levels:
        return _failed(f"its score lies outside 1..{levels}", str(value)[:_DIGITS])
    return Verdict(value, " ".join(reason.split())[:300])


def _objects(text: str) -> Iterator[dict[str, object]]:
    """JSON objects in a text, left to right, not inside one another."""
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    position = text.find("{")
    while position >= 0:
        try:
            item, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if isinstance(item, dict):
                yield item
        position = text.find("{", end)


def _failed(why: str, text: str) -> Failure:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    return Failure("measurement", "judge_failed", f"The judge's reply cannot be used: {why}; got {shown!r}.")

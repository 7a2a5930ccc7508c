"""The tables of the fact score: number words, units, stop words and patterns of yes and no, kept as data."""

from __future__ import annotations

import functools
import re
import tomllib
from typing import Any

from ragscout.prompts.files import PackagedFile

TABLES = PackagedFile("ragscout.steps.measure", "fact/tables.toml")
"""The tables as they are packaged; part of the metric's key."""


@functools.cache
def table(*path: str) -> Any:
    """Return one table or text by the names that lead to it, such as ``table("units", "english")``.

    Raises:
        KeyError: there is none.
    """
    found: Any = _read()
    for name in path:
        found = found[name]
    return found


def pattern(name: str) -> re.Pattern[str]:
    """Return one of the regular expressions, for lower-case texts.

    Raises:
        KeyError: there is none.
    """
    return re.compile("|".join(table("patterns", name)))


@functools.cache
def _read() -> dict[str, Any]:
    return tomllib.loads(TABLES.text)

"""Names in a text: capitalised words inside a sentence, acronyms, code names and options."""

from __future__ import annotations

import functools
import re

from ragscout.steps.measure.fact.tables import table

_NAME = re.compile(
    r"(?<![A-Za-z])[A-Za-z]++(?:_[A-Za-z0-9]++)++"  # code_name
    r"|(?<![\w-])--?[A-Za-z][A-Za-z-]*"  # --option
    r"|\b[A-Z][A-Z0-9]+\b"  # ACRONYM
    r"|\b[A-Z][a-z]+\b"  # Name
    r"|\b[A-Za-z]+\d+\b"  # v15
)
_UNITS = frozenset((*table("units", "english"), *table("units", "plain").split()))
_FIRST = re.compile(r"(?:^|[.!?:;]\s{1,4})([A-Z][a-z]+)\b")


@functools.lru_cache(maxsize=8192)
def names(text: str) -> frozenset[str]:
    """Names in lower case. A capitalised word that only begins a sentence is none, nor is a unit."""
    first = set(_FIRST.findall(text))
    found = (name.lower() for name in _NAME.findall(text) if name not in first)
    return frozenset(name for name in found if name not in _UNITS)


@functools.lru_cache(maxsize=8192)
def initials(text: str) -> str:
    """First letters of the words of a text, in which an acronym that stands for some of them can be found."""
    return "".join(word[0] for word in re.findall(r"[a-z]+", text.lower()))

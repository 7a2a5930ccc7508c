"""The lookup of texts: catalogues read once, placeholders filled, phrases inside phrases."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.resources import files
from string import Formatter
from typing import Any, Literal, TypedDict

from ragscout.words.particles import PAIRS, particle

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
Values = Mapping[str, Any]
"""Values of placeholders by name: numbers, strings, ``None``, phrases, and lists of these; plain JSON throughout."""
ABSENT = "–"
"""What stands for ``None``."""
_SPEC = re.compile(rf"(?P<form>.*?)(?P<pair>{'|'.join(map(re.escape, PAIRS))})?")


class Phrase(TypedDict):
    """A text that is not yet in a language."""

    kind: str
    values: dict[str, Any]


class WordsError(LookupError):
    """A catalogue lacks a kind, or a text a value. Raised only inside ``strictly``."""


_strict = ContextVar("strict", default=False)


@contextmanager
def strictly() -> Iterator[None]:
    """Raise ``WordsError`` where a text is incomplete; else what there is gets shown. Tests run inside this."""
    token = _strict.set(True)
    try:
        yield
    finally:
        _strict.reset(token)


def phrase(kind: str, **values: Any) -> Phrase:
    """Return a kind with its values, to be one value of another text."""
    return {"kind": kind, "values": values}


def kinds(language: Language) -> Mapping[str, str]:
    """Return the catalogue of a language: every kind with its text."""
    return _catalogue(language)


@dataclass(frozen=True)
class Words:
    """The texts of one language."""

    language: Language

    def __call__(self, kind: str, /, **values: Any) -> str:
        """Return the text of a kind with its values."""
        return self.text(kind, values)

    def text(self, kind: str, values: Values) -> str:
        """Return the text of a kind with values that lie in a mapping.

        A kind that this version does not know, from a newer journal, is shown by its name and values.
        """
        template = _catalogue(self.language).get(kind)
        if template is None:
            _complain(f"{self.language}.toml: there is no kind {kind!r}")
            shown = ", ".join(f"{name} {self.value(value)}" for name, value in values.items())
            return f"{kind}: {shown}" if shown else kind
        return _Filled(self, kind).vformat(template, (), values)

    def value(self, value: Any, form: str = "") -> str:
        """Return one value as text: a phrase in this language, a list joined, a number by its format."""
        if value is None:
            return ABSENT
        if isinstance(value, Mapping):
            return self.text(str(value.get("kind")), value.get("values", {}))
        if isinstance(value, (list, tuple)):
            return self._joined(value, form)
        return format(value, form)

    def _joined(self, items: Sequence[Any], form: str) -> str:
        most = int(form) if form else len(items)
        between = "; " if any(isinstance(item, Mapping) for item in items) else ", "
        shown = between.join(self.value(item) for item in items[:most])
        return self("list.more", names=shown, more=len(items) - most) if len(items) > most else shown


class _Filled(Formatter):
    """Fills the placeholders of one text."""

    def __init__(self, words: Words, kind: str) -> None:
        self._words, self._kind = words, kind

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if key not in kwargs:
            _complain(f"{self._kind}: the value {key!r} is missing")
            return None
        return kwargs[str(key)]

    def format_field(self, value: Any, format_spec: str) -> str:
        one, several, many = format_spec.partition("|")
        if several:
            number = len(value) if isinstance(value, (list, tuple)) else value
            return one if number == 1 else many
        parts = _SPEC.fullmatch(format_spec)
        assert parts is not None
        try:
            shown = self._words.value(value, parts["form"])
        except ValueError as error:
            _complain(f"{self._kind}: {value!r} cannot be shown as {parts['form']!r} ({error})")
            shown = str(value)
        return shown + (particle(shown, parts["pair"]) if parts["pair"] else "")


def _complain(what: str) -> None:
    if _strict.get():
        raise WordsError(what)


@functools.cache
def _catalogue(language: Language) -> Mapping[str, str]:
    data = files("ragscout.words").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(data), ""))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value

"""The catalogues hold what the sources use, in both languages, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter

import pytest

import ragscout
from ragscout.words import Words, kinds
from ragscout.words.lookup import LANGUAGES, WordsError
from ragscout.words.particles import PAIRS

ROOT = Path(ragscout.__file__).parent
CATALOGUES = {language: kinds(language) for language in LANGUAGES}
OF_ONE_LANGUAGE = {"note.legacy"}
"""Texts of old journals, which hold one value a language."""


@dataclass
class Used:
    """One use of a kind: ``pattern`` matches the kinds that it may be, ``values`` the names given, if all are seen."""

    place: str
    pattern: str
    values: frozenset[str] | None


@dataclass
class Sources:
    """What the sources of the package say of kinds."""

    uses: list[Used] = field(default_factory=list)
    strings: set[str] = field(default_factory=set)


def sources() -> Sources:
    found = Sources()
    for path in sorted(ROOT.rglob("*.py")):
        if path.parent != ROOT / "words":
            text = path.read_text(encoding="utf-8")
            speaks = "from ragscout.words import" in text or re.search(r"import .*\bNote\b", text) is not None
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.strings.add(node.value)
                if isinstance(node, ast.Call) and speaks:
                    found.uses += _uses(node, f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def _uses(call: ast.Call, place: str) -> Iterator[Used]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    made = isinstance(call.func, ast.Call) and isinstance(call.func.func, ast.Name) and call.func.func.id == "Words"
    if not call.args or not (made or name in ("words", "phrase", "Note")):
        return
    prefix = re.escape("note.") if name == "Note" else ""
    for kind in _patterns(call.args[0]):
        yield Used(place, prefix + kind, _note_values(call) if name == "Note" else _keywords(call))


def _patterns(node: ast.expr) -> Iterator[str]:
    """Regular expressions of the kinds that an argument may be; none where it is a variable."""
    if isinstance(node, ast.IfExp):
        yield from _patterns(node.body)
        yield from _patterns(node.orelse)
    elif isinstance(node, ast.Constant):
        yield re.escape(str(node.value))
    elif isinstance(node, ast.JoinedStr):
        parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)
        yield "".join(parts)


def _keywords(call: ast.Call) -> frozenset[str] | None:
    names = [item.arg for item in call.keywords]
    return None if None in names else frozenset(name for name in names if name)


def _note_values(call: ast.Call) -> frozenset[str] | None:
    if len(call.args) == 1:
        return frozenset()
    given = call.args[1]
    if not isinstance(given, ast.Dict) or not all(isinstance(key, ast.Constant) for key in given.keys):
        return None
    return frozenset(str(key.value) for key in given.keys if isinstance(key, ast.Constant))


def placeholders(text: str) -> frozenset[str]:
    """Names of the values in a text, those inside a format too."""
    found: set[str] = set()
    for _, name, form, _ in Formatter().parse(text):
        if name is not None:
            found |= {name} | placeholders(form or "")
    return frozenset(found)


SOURCES = sources()


def test_both_languages_have_the_same_kinds_in_the_same_order():
    first, second = (list(catalogue) for catalogue in CATALOGUES.values())
    assert sorted(set(first) ^ set(second)) == []
    assert first == second


@pytest.mark.parametrize("kind", CATALOGUES["en"])
def test_both_languages_have_the_same_placeholders(kind: str):
    names = [placeholders(catalogue[kind]) for catalogue in CATALOGUES.values()]
    assert kind in OF_ONE_LANGUAGE or names[0] == names[1]
    assert all(re.fullmatch("[a-z_0-9]+", name) for name in names[0])


def test_every_kind_that_is_used_exists():
    known = list(CATALOGUES["en"])
    missing = [f"{use.place}: {use.pattern}" for use in SOURCES.uses if not _matching(use, known)]
    assert missing == []


def test_every_kind_is_used():
    known = list(CATALOGUES["en"])
    matched = {kind for use in SOURCES.uses for kind in _matching(use, known)}
    assert sorted(kind for kind in known if kind not in matched | SOURCES.strings | OF_ONE_LANGUAGE) == ["list.more"]


def test_every_use_gives_the_values_that_the_text_needs_and_no_other():
    wrong = [
        f"{use.place}: {kind} needs {sorted(placeholders(CATALOGUES['en'][kind]))}, is given {sorted(use.values)}"
        for use in SOURCES.uses
        if use.values is not None
        for kind in _matching(use, list(CATALOGUES["en"]))
        if placeholders(CATALOGUES["en"][kind]) != use.values
    ]
    assert wrong == []


def _matching(use: Used, known: list[str]) -> list[str]:
    return [kind for kind in known if re.fullmatch(use.pattern, kind)]


def test_the_uses_were_found():
    assert len(SOURCES.uses) > 100 and any(".+" in use.pattern for use in SOURCES.uses)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_filled_with_some_value(language: str):
    """Formats and particles of every text are ones that the lookup knows."""
    words = Words(language)
    for kind, text in CATALOGUES[language].items():
        names = placeholders(text)
        tries = (dict.fromkeys(names, 2), dict.fromkeys(names, "x"), dict.fromkeys(names, None))
        assert any(_filled(words, kind, values) for values in tries), kind
        for pair in re.findall(r"[가-힣()]+/[가-힣]+(?=\})", text):
            assert pair.lstrip("0123456789.,") in PAIRS, (kind, pair)


def _filled(words: Words, kind: str, values: dict[str, object]) -> bool:
    try:
        return words.text(kind, values) is not None
    except WordsError:
        return False


def test_korean_texts_are_korean():
    """A Korean text without Hangul is one without words: numbers, signs, or the same term in both languages."""
    alike = [kind for kind, text in CATALOGUES["ko"].items() if not re.search("[가-힣]", text)]
    differing = [kind for kind in alike if CATALOGUES["en"][kind] != CATALOGUES["ko"][kind]]
    assert differing == ["amount.between", "note.legacy"]

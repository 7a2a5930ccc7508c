"""No regular expression of the package takes a hostile text for a reason to hang.

Every expression is found: those that modules hold, and those written where they are used. Each is fed texts made of its
own parts, repeated. Ten times the text may cost fifty times the time at most: what is quadratic costs a hundred.
"""

import ast
import importlib
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import product
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from time import process_time
from types import FrameType
from typing import Any

import pytest
from tests.test_rooms import PACKAGE, trees

SHORT, LONG = 1_000, 10_000  # characters
QUICK = 0.001  # seconds that SHORT characters may take without a second look
MOST = 50  # times SHORT's time that LONG may take
AGAIN = 20  # times that the short text is searched when the long one is compared with it
HANGS = 0.5  # seconds of the processor that SHORT characters may take
COMMON = (" ", "\n", "a", "A", "1", "-")
MANY = 14  # parts of an expression that are combined
READ = frozenset(("compile", "match", "search", "sub", "subn", "split", "findall", "finditer", "fullmatch"))
MADE = {
    "ragscout.secret._known",
    "ragscout.steps.evidence.quotes.occurrences",
    "ragscout.steps.measure.fact.tables.pattern",
}
"""Functions that compile what is no literal: words of a key or a quotation, and tables whose patterns modules hold."""


class Hangs(Exception):
    """A search took longer than HANGS seconds."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    def late(_: int, __: FrameType | None) -> None:
        raise Hangs

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Place:
    """An expression, where it stands, and how it is used."""

    def __init__(self, where: str, pattern: "re.Pattern[Any]", uses: frozenset[str]) -> None:
        self.where, self.pattern, self.uses = where, pattern, uses

    def search(self, text: Any) -> None:
        if self.uses <= {"match", "fullmatch"}:
            for use in self.uses:
                getattr(self.pattern, use)(text)
        else:
            for _ in self.pattern.finditer(text):
                pass


def held(value: object, depth: int = 0) -> Iterator["re.Pattern[Any]"]:
    """Expressions in a module's variable, in containers and classes too."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, dict):
        for item in value.values():
            yield from held(item, depth + 1)
    elif depth < 3 and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from held(item, depth + 1)
    elif depth == 0 and isinstance(value, type) and value.__module__.startswith("ragscout"):
        for item in vars(value).values():
            yield from held(item, depth + 1)


def uses_of(tree: ast.Module, name: str) -> frozenset[str]:
    """Methods that a module calls on an expression it holds; one that is handed on may be searched with."""
    calls, loads = [], 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            loads += 1
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            calls.append(node.attr)
    return frozenset(calls) if calls and len(calls) == loads else frozenset({"search"})


def written(node: ast.expr) -> str | bytes | None:
    """A literal expression; what is put into an f-string counts as one letter."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None


def in_functions(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "re"
                    and node.func.attr in READ
                ):
                    yield function.name, node


def flags_of(call: ast.Call) -> int:
    named = [word.value for word in call.keywords if word.arg == "flags"] + call.args
    return sum(
        {
            int(getattr(re, node.attr))
            for arg in named
            for node in ast.walk(arg)
            if isinstance(node, ast.Attribute) and isinstance(getattr(re, node.attr, None), re.RegexFlag)
        }
    )


def loaded(name: str, tree: ast.Module) -> Mapping[str, object]:
    """Variables of a module that uses expressions."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return vars(importlib.import_module(name)) if "re" in names else {}


@cache
def places() -> tuple[list[Place], list[str]]:
    """Every expression, and where one is made of what cannot be read."""
    known: dict[tuple[str | bytes, int, frozenset[str]], Place] = {}
    unread: list[str] = []
    for name, tree in trees().items():
        for variable, value in loaded(name, tree).items():
            if isinstance(value, type) and value.__module__ != name:
                continue
            for pattern in held(value):
                place = Place(f"{name}.{variable}", pattern, uses_of(tree, variable))
                known.setdefault((pattern.pattern, pattern.flags, place.uses), place)
        for function, call in in_functions(tree):
            text = written(call.args[0])
            if text is None:
                unread.append(f"{name}.{function}")
                continue
            pattern = re.compile(text, flags_of(call))
            use = "search" if call.func.attr == "compile" else call.func.attr
            known.setdefault(
                (text, pattern.flags, frozenset({use})), Place(f"{name}.{function}", pattern, frozenset({use}))
            )
    return list(known.values()), unread


REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


def sample(items: Iterable[Any], few: int = 1) -> str:
    """A text that a parsed expression matches, its repetitions as short as they may be but one at least."""
    return "".join(one_of(*item, few) for item in items)


def one_of(code: Any, value: Any, few: int) -> str:
    if code in (codes.LITERAL,):
        return chr(value)
    if code is codes.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if code is codes.ANY:
        return "a"
    if code is codes.IN:
        return of_class(value)
    if code is codes.BRANCH:
        return sample(value[1][0], few)
    if code is codes.SUBPATTERN:
        return sample(value[3], few)
    if code in REPEATS:
        return sample(value[2], few) * min(max(value[0], few), 20)
    if code is codes.ATOMIC_GROUP:
        return sample(value, few)
    return ""


CLASSES = {
    codes.CATEGORY_DIGIT: ("1", r"\d"),
    codes.CATEGORY_SPACE: (" ", r"\s"),
    codes.CATEGORY_WORD: ("a", r"\w"),
    codes.CATEGORY_NOT_DIGIT: ("a", r"\D"),
    codes.CATEGORY_NOT_SPACE: ("a", r"\S"),
    codes.CATEGORY_NOT_WORD: ("-", r"\W"),
}
"""Category to a character of it and how it is written."""


def of_class(items: list[Any]) -> str:
    """A character of a class; ``items``: what stands between its brackets."""
    if items[0][0] is codes.NEGATE:
        return next((char for char in "a1 -\n가~" if not any(holds(*item, char) for item in items[1:])), "\x02")
    code, value = items[0]
    return CLASSES[value][0] if code is codes.CATEGORY else chr(value if code is codes.LITERAL else value[0])


def holds(code: Any, value: Any, char: str) -> bool:
    if code is codes.CATEGORY:
        return re.match(CLASSES[value][1], char) is not None
    return ord(char) == value if code is codes.LITERAL else value[0] <= ord(char) <= value[1]


def inside(code: Any, value: Any) -> list[Any]:
    """Expressions inside a part of a parsed one."""
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code is codes.BRANCH:
        return list(value[1])
    if code in (codes.ASSERT, codes.ASSERT_NOT):
        return [value[1]]
    return [value] if code is codes.ATOMIC_GROUP else []


def fragments(items: Any) -> Iterator[str]:
    """What stands before and inside every repetition, and each part alone."""
    before = ""
    for code, value in items:
        part = one_of(code, value, 1)
        yield part
        if code in REPEATS:
            yield before
        for sub in [value[2]] if code in REPEATS else inside(code, value):
            for made in fragments(sub):
                yield made
                yield before + made
        before += part
        yield before


def repeats(items: Any) -> bool:
    """Whether a parsed expression holds a repetition that may be long; without one it is linear."""
    for code, value in items:
        if code in REPEATS and (value[1] > 20 or repeats(value[2])):
            return True
        if any(repeats(sub) for sub in inside(code, value)):
            return True
    return False


def attacks(place: Place) -> Iterator[tuple[str, str, str]]:
    """Head, what is repeated, and tail of the texts that are tried."""
    tree = parser.parse(place.pattern.pattern, place.pattern.flags)
    if not repeats(tree):
        return
    own = sorted({piece for piece in fragments(tree) if 0 < len(piece) <= 60}, key=lambda piece: (len(piece), piece))
    parts = list(dict.fromkeys([*own[:MANY], *COMMON]))
    pairs = [a + b for a, b in product(parts, parts) if a != b]
    for pump in dict.fromkeys([*parts, *own]):
        for head, tail in product(("", sample(tree), *own[:MANY]), ("", "\x01")):
            yield head, pump, tail
    for pump in dict.fromkeys(pairs):
        yield "", pump, "\x01"


def text_of(place: Place, parts: tuple[str, str, str], length: int) -> Any:
    head, pump, tail = parts
    text = head + pump * (length // len(pump)) + tail
    return text.encode("utf-8", "replace") if isinstance(place.pattern.pattern, bytes) else text


def seconds(place: Place, text: Any) -> float:
    start = process_time()
    place.search(text)
    return process_time() - start


def trouble(place: Place) -> str:
    """Why an expression is refused, empty where nothing is found."""
    least = HANGS
    for parts in attacks(place):
        try:
            with bounded(HANGS):
                first = seconds(place, text_of(place, parts, SHORT))
            least = min(least, first)
            if first > max(QUICK, 4 * least) and (times := growth(place, parts)) > MOST:
                return f"{place.where}: {place.pattern.pattern!r} takes {times:.0f} times as long on {parts}"
        except Hangs:
            return f"{place.where}: {place.pattern.pattern!r} hangs on {parts}"
    return ""


def growth(place: Place, parts: tuple[str, str, str]) -> float:
    """How many times as long the long text takes as the short one; a coarse clock needs many short ones."""
    short = text_of(place, parts, SHORT)
    start = process_time()
    for _ in range(AGAIN):
        place.search(short)
    few = max(QUICK / 4, (process_time() - start) / AGAIN)
    with bounded(4 * MOST * few):
        return min(seconds(place, text_of(place, parts, LONG)) for _ in range(2)) / few


def test_every_expression_is_found() -> None:
    found, unread = places()
    assert set(unread) == MADE
    assert len(found) > 150
    assert {place.where for place in found} >= {
        "ragscout.steps.measure.judge.reply._SCALES",
        "ragscout.steps.corpus.personal._PATTERNS",
        "ragscout.providers.parsers.html._tidy",
    }


@pytest.mark.parametrize(
    "pattern",
    [r"\s+$", r"\(.*?\)", r"(?:a+)+b", r"^(\W*word)", r"x*y*z*$", r"<\s*/?\s*p>", rb"\d+\.\d+", r"[(][^)]*[)]"],
)
def test_the_texts_hurt_such_expressions(pattern: str | bytes) -> None:
    compiled = re.compile(pattern, re.MULTILINE | re.DOTALL)
    assert trouble(Place("here", compiled, frozenset({"search"}))) != ""


@pytest.mark.parametrize("room", sorted(path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")))
def test_no_expression_hangs(room: str) -> None:
    here = [place for place in places()[0] if place.where.split(".")[1] == room]
    assert [said for place in here if (said := trouble(place))] == []

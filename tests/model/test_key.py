"""The canonical form of keys: what it takes, what it refuses, which classes may be a part of it."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.model.evalset import Question, Span
from ragscout.model.key import canonical, digest, keyed, keyed_classes, short
from ragscout.model.outcome import Message
from ragscout.model.runtime import ChatModel, ChatRequest
from ragscout.model.step import registered_stages, steps_of


class Colour(Enum):
    RED = "red"


@keyed("test.Point")
@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0
    note: str = field(default="", metadata={"key": False})
    more: tuple[str, ...] = field(default_factory=tuple)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, "n"),
        (True, ["b", True]),
        (1, ["i", "1"]),
        (1.0, ["f", "0x1.0000000000000p+0"]),
        ("1", ["s", "1"]),
        (b"1", ["y", "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"]),
        ((1, "a"), ["l", [["i", "1"], ["s", "a"]]]),
        ({2, 1}, ["e", [["i", "1"], ["i", "2"]]]),
        ({"b": 1, "a": None}, ["m", [[["s", "a"], "n"], [["s", "b"], ["i", "1"]]]]),
        (Colour.RED, ["s", "red"]),
        (Point(1, note="for people"), ["d", "test.Point", ["m", [[["s", "x"], ["i", "1"]]]]]),
    ],
)
def test_the_form_of_every_kind(value: object, form: object) -> None:
    assert canonical(value) == form


def test_kinds_are_never_confused() -> None:
    values: list[object] = [None, True, 1, 1.0, "1", b"1", ("1",), {"1"}, {"1": "1"}, Point(1), [], "", (("1",),)]
    assert len({digest(value) for value in values}) == len(values)
    assert digest([1]) == digest((1,)) and digest({1}) == digest(frozenset({1}))
    assert digest("a", "b") != digest(("a", "b")) != digest("ab")
    assert len(digest("a")) == 64 and short(digest("a")) == digest("a")[:12]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        digest({"x": (value,)})


@pytest.mark.parametrize("value", [object(), 1j, Point, range(3)])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="a key cannot hold a"):
        digest(value)


def test_a_dataclass_without_a_tag_is_refused_with_the_line_to_write() -> None:
    @dataclass(frozen=True)
    class Untagged:
        x: int = 0

    @dataclass(frozen=True)
    class Inherits(Point):
        pass

    with pytest.raises(TypeError, match=r"Untagged: the class has no tag\. Write @keyed\('Untagged'\)"):
        digest([Untagged()])
    with pytest.raises(TypeError, match="Inherits: the class has no tag"):
        digest(Inherits(1))


def test_a_renamed_class_keeps_its_keys() -> None:
    before = digest(Point(1, 2))
    renamed = keyed("test.Point")(type("Point", (Point,), {}))
    assert renamed is not Point and digest(renamed(1, 2)) == before


def test_two_classes_cannot_have_one_tag() -> None:
    with pytest.raises(ValueError, match=r"two classes are keyed as 'test\.Point': Point and .*Other"):

        @keyed("test.Point")
        @dataclass(frozen=True)
        class Other:
            x: int = 0


def test_a_field_with_its_default_is_not_in_the_key() -> None:
    assert digest(Point(1)) == digest(Point(1, 0, more=())) != digest(Point(1, 3))


def _dataclasses_in(hint: Any) -> Iterator[type]:
    """Every dataclass that a type mentions."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and not isinstance(hint, types.GenericAlias):
        yield hint
    for argument in typing.get_args(hint):
        yield from _dataclasses_in(argument)


def _in_keys(cls: type) -> Iterator[type]:
    hints = typing.get_type_hints(cls, include_extras=True)
    for item in dataclasses.fields(cls):
        if item.metadata.get("key", True):
            yield from _dataclasses_in(hints[item.name])


def test_every_dataclass_in_a_field_of_a_step_has_a_tag() -> None:
    waiting = {
        cls for stage in registered_stages() for step in steps_of(stage, True).values() for cls in _in_keys(step)
    }
    waiting |= {ChatRequest, Span, *keyed_classes()}
    seen: set[type] = set()
    while waiting:
        cls = waiting.pop()
        seen.add(cls)
        waiting |= set(_in_keys(cls)) - seen
    assert {cls.__name__ for cls in seen} >= {"ChatModel", "ChatRequest", "Message", "Span", "Replace"}
    assert sorted(cls.__qualname__ for cls in seen - set(keyed_classes())) == []


def test_tags_are_the_names_that_stored_requests_and_questions_were_keyed_by() -> None:
    tags = keyed_classes()
    assert {tags[cls] for cls in (ChatModel, ChatRequest, Message, Span)} == {
        "ChatModel",
        "ChatRequest",
        "Message",
        "Span",
    }


@dataclass(frozen=True)
class Talk(Question):
    """A question with a field that older questions did not have."""

    history: tuple[str, ...] = field(default=(), metadata={"asked": True})
    mood: str = field(default="", metadata={"asked": True})
    shelf: str = ""


def keys(question: Question) -> tuple[str, str, str]:
    return question.text_key, question.evidence_key, question.full_key


GIVEN: Mapping[str, Any] = {
    "references": ("yes",),
    "evidence": (Span("d", "quote", 1, 6),),
    "documents": ("d",),
}


@pytest.mark.parametrize("filtered", [{}, {"lang": ("ko",)}])
def test_a_new_field_of_what_is_asked_changes_no_key_while_it_is_empty(filtered: dict[str, tuple[str, ...]]) -> None:
    plain = Question("q", "Is it?", filter=filtered, **GIVEN)
    assert keys(Talk("other id", "Is it?", filter=filtered, shelf="b", **GIVEN)) == keys(plain)
    given = [
        Talk("q", "Is it?", filter=filtered, history=("a",), **GIVEN),
        Talk("q", "Is it?", filter=filtered, history=("a", "b"), **GIVEN),
        Talk("q", "Is it?", filter=filtered, mood="a", **GIVEN),
        Talk("q", "Is it?", filter={"history": ("a",)}, **GIVEN),
    ]
    for number in (0, 2):
        assert len({keys(item)[number] for item in (plain, *given)}) == 5
    assert {item.evidence_key for item in given} == {plain.evidence_key}

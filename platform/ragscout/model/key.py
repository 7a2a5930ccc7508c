"""Canonical bytes and keys.

A key is the SHA-256 of a canonical form: every value is tagged with its kind, fields that equal their default are
left out, NaN and unknown types are refused. Equal meaning gives equal bytes because values are validated to their
declared type before they come here (20, 20.0 and "20" for an ``int`` field are all 20).

A dataclass takes part under the tag that ``keyed`` gave it, never under the name of its class: a renamed or moved class
keeps its keys. What is stored under a key outlives the code, so this form is golden: ``tests/golden/keys.json``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

SHORT = 12  # hexadecimal digits shown to people; the store always uses all 64
C = TypeVar("C", bound=type)
_TAGS: dict[type, str] = {}


def keyed(tag: str) -> Callable[[C], C]:
    """Let a dataclass be a part of keys, under a tag that is never changed and never given to another class.

    A subclass needs a tag of its own.

    Raises:
        ValueError: another class has the tag.
    """

    def register(cls: C) -> C:
        for known, other in _TAGS.items():
            if other == tag and known.__qualname__ != cls.__qualname__:
                raise ValueError(f"two classes are keyed as {tag!r}: {known.__qualname__} and {cls.__qualname__}")
        _TAGS[cls] = tag
        return cls

    return register


def keyed_classes() -> Mapping[type, str]:
    """Every dataclass that was imported so far and may be a part of keys, with its tag."""
    return dict(_TAGS)


def canonical(value: object) -> Any:
    """Return a JSON-able, tagged, order-free form of a value.

    Raises:
        TypeError: for a type with no canonical form, and for a dataclass without a tag of its own.
        ValueError: for NaN and infinities.
    """
    if value is None:
        return "n"
    if isinstance(value, bool):
        return ["b", value]
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, int):
        return ["i", str(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a key cannot hold {value}; use a finite number")
        return ["f", value.hex()]
    if isinstance(value, str):
        return ["s", value]
    if isinstance(value, bytes):
        return ["y", hashlib.sha256(value).hexdigest()]
    if isinstance(value, (tuple, list)):
        return ["l", [canonical(item) for item in value]]
    if isinstance(value, (set, frozenset)):
        return ["e", sorted((canonical(item) for item in value), key=_dump)]
    if isinstance(value, Mapping):
        return ["m", sorted(([canonical(key), canonical(item)] for key, item in value.items()), key=_dump)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return ["d", _tag(type(value)), canonical(set_fields(value))]
    raise TypeError(f"a key cannot hold a {type(value).__name__}; use plain values or dataclasses with a tag")


def _tag(cls: type) -> str:
    tag = _TAGS.get(cls)
    if tag is None:
        raise TypeError(
            f"a key cannot hold a {cls.__qualname__}: the class has no tag. Write @keyed({cls.__name__!r}) above its "
            "@dataclass, and never change the text: it stands for the class in every key."
        )
    return tag


def set_fields(value: object) -> dict[str, Any]:
    """Fields of a dataclass that take part in its identity and differ from their default.

    A field with ``metadata={"key": False}`` is a label for people and left out.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        if not field.metadata.get("key", True):
            continue
        item = getattr(value, field.name)
        if field.default is not dataclasses.MISSING:
            default: object = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        else:
            found[field.name] = item
            continue
        if canonical(item) != canonical(default):
            found[field.name] = item
    return found


def digest(*parts: object) -> str:
    """SHA-256 (64 hexadecimal digits) of the canonical form of the parts."""
    return digest_of(canonical_text(*parts))


def canonical_text(*parts: object) -> str:
    """Return the canonical form of parts as text, to be joined by ``digest_of``: what many keys share is written out
    once."""
    return ",".join(_dump(canonical(part)) for part in parts)


def digest_of(*texts: str) -> str:
    """Return the ``digest`` of the parts whose ``canonical_text`` was made before, in order."""
    return hashlib.sha256(f"[{','.join(texts)}]".encode()).hexdigest()


def short(key: str) -> str:
    """First digits of a key, for people."""
    return key[:SHORT]


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))

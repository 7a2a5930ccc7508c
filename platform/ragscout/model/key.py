"""Canonical bytes and keys.

A key is the SHA-256 of a canonical form: every value is tagged with its kind, fields that equal their default are
left out, NaN and unknown types are refused. Equal meaning gives equal bytes because values are validated to their
declared type before they come here (20, 20.0 and "20" for an ``int`` field are all 20).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

SHORT = 12  # hexadecimal digits shown to people; the store always uses all 64


def canonical(value: object) -> Any:
    """A JSON-able, tagged, order-free form of a value.

    Raises:
        TypeError: for a type with no canonical form.
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
        return ["d", type(value).__name__, canonical(set_fields(value))]
    raise TypeError(f"a key cannot hold a {type(value).__name__}; use plain values or frozen dataclasses")


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
    return hashlib.sha256(_dump([canonical(part) for part in parts]).encode()).hexdigest()


def short(key: str) -> str:
    """First digits of a key, for people."""
    return key[:SHORT]


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))

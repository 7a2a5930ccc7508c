"""Wording that comes with the code and shapes what a step gives: prompts, rubrics, word lists.

A step names what it reads (``step(..., packaged=...)``), and the digest of each enters the step's key: edited wording
gives other keys, so that no board mixes two of them. Reading files is not done here: ``ragscout.prompts.files`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from ragscout.model.key import digest

T = TypeVar("T")


class Packaged(Protocol):
    """A piece of packaged wording. ``name`` stays when a file or module moves: it is part of keys."""

    @property
    def name(self) -> str:
        """Short name, unique among what one step reads."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hexadecimal digits."""
        ...


@dataclass(frozen=True, eq=False)
class WordTable(Generic[T]):
    """Words or rules written down in a module. ``value``: plain values (texts, numbers, tuples, mappings)."""

    name: str
    value: T

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form of ``value``.

        Raises:
            TypeError: the value has no canonical form.
        """
        return digest("table", self.value)

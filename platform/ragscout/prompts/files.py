"""Packaged text files: the one place that reads them, so that what a step reads can be named in its key."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from ragscout.model.text import normalise

Tongue = Literal["en", "ko"]
TONGUES: tuple[Tongue, ...] = ("en", "ko")
"""Languages that packaged prompts exist in."""


@dataclass(frozen=True)
class PackagedFile:
    """A text file inside a package (``model.packaged.Packaged``). ``name`` is its path there, with slashes."""

    package: str
    name: str

    @property
    def text(self) -> str:
        """The text, NFC with LF line ends. It is read once in a process.

        Raises:
            FileNotFoundError: the package has no such file.
        """
        return _text(self.package, self.name)

    @property
    def digest(self) -> str:
        """SHA-256 of ``text``: equal wording has one digest, whatever a checkout did to line ends."""
        return _digest(self.package, self.name)


def prompts(purpose: str, file: str = "{tongue}.md") -> Mapping[Tongue, PackagedFile]:
    """Return the files of one prompt by language; ``file`` is the path below the purpose's folder."""
    return {tongue: PackagedFile("ragscout.prompts", f"{purpose}/{file.format(tongue=tongue)}") for tongue in TONGUES}


def forget() -> None:
    """Read every file anew when it is asked for next: it was edited under a process that goes on."""
    _digest.cache_clear()
    _text.cache_clear()


@functools.cache
def _digest(package: str, name: str) -> str:
    return hashlib.sha256(_text(package, name).encode()).hexdigest()


@functools.cache
def _text(package: str, name: str) -> str:
    return normalise(resources.files(package).joinpath(*name.split("/")).read_text(encoding="utf-8"))

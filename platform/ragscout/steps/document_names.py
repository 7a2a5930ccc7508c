"""The looser ways in which a document may be called: up to case, up to its suffix, up to its folder."""

from __future__ import annotations

import posixpath

from ragscout.model.text import normalise


def folded(name: str) -> str:
    """In NFC, without case, with ``/`` between folders."""
    return normalise(name).casefold().replace("\\", "/").removeprefix("./")


def without_suffix(name: str) -> str:
    """``folded``, without the file's suffix."""
    return posixpath.splitext(folded(name))[0]


def stem(name: str) -> str:
    """``without_suffix``, without folders."""
    return posixpath.basename(without_suffix(name))


LOOSER = (folded, without_suffix, stem)
"""From the strictest to the loosest."""

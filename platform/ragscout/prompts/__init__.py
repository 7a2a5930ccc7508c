"""Packaged prompts, one folder per purpose, one file per language."""

from __future__ import annotations

import functools
from importlib import resources

from ragscout.model.text import Language, normalise


@functools.cache
def packaged(purpose: str, language: Language) -> str:
    """Text of a packaged prompt; languages without their own get the English one."""
    folder = resources.files("ragscout.prompts") / purpose
    file = folder / f"{language}.md"
    return normalise((file if file.is_file() else folder / "en.md").read_text(encoding="utf-8"))

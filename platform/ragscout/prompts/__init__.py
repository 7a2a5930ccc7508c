"""Packaged prompts, one folder per purpose, one file per language."""

from __future__ import annotations

from ragscout.model.text import Language
from ragscout.prompts.files import prompts


def packaged(purpose: str, language: Language) -> str:
    """Text of a packaged prompt; languages without their own get the English one."""
    files = prompts(purpose)
    return files["ko" if language == "ko" else "en"].text

"""Every command of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from ragscout.cli.main import app

Words = tuple[str, ...]


def commands() -> dict[Words, Any]:
    """Words of each command, groups included, to the command; in the order of the help."""
    return dict(_walk(typer.main.get_command(app), ()))


def _walk(command: Any, words: Words) -> Iterator[tuple[Words, Any]]:
    yield words, command
    for name in getattr(command, "commands", {}):
        yield from _walk(command.commands[name], (*words, name))


def verbs() -> dict[Words, Any]:
    """Those that do something themselves."""
    return {words: command for words, command in commands().items() if not hasattr(command, "commands")}


def options(command: Any) -> list[str]:
    """Spellings of the command's options."""
    return [name for item in command.params if item.param_type_name == "option" for name in item.opts]

"""What every verb prints with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from ragscout.model.text import STEERING, harmless
from ragscout.secret import redact

if TYPE_CHECKING:
    from ragscout.model.evalset import EvalSet
    from ragscout.model.results.board import BoardLanguage

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Host, or variable of a key, that a bundle from elsewhere may use; repeatable, remembered for the bundle.",
    ),
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="Folder of the store. Default: RAGSCOUT_STORE, else .ragscout here.")
]
Language = Annotated[
    str,
    typer.Option(
        "--language",
        help="Language of the words: en or ko. Default: RAGSCOUT_LANGUAGE, else the language of the questions.",
    ),
]


def words_of(language: str, eval_set: EvalSet) -> BoardLanguage:
    """Return the language to speak: the one that was asked for, by option or by variable, else that of the questions.

    Raises:
        SpecError: there are no words in this language.
    """
    from ragscout.model.errors import SpecError
    from ragscout.record.words import of_language

    where, wanted = ("--language", language) if language else ("RAGSCOUT_LANGUAGE", os.environ.get("RAGSCOUT_LANGUAGE"))
    if not wanted:
        return of_language(eval_set)
    if wanted not in ("en", "ko"):
        raise SpecError(f"{where}: there are words in English and Korean; got {wanted!r}. Write en or ko.")
    return "ko" if wanted == "ko" else "en"


def printable(text: str) -> str:
    """Return a text without keys and without signs that steer a terminal or turn the direction of what it shows."""
    return harmless(redact(text))


class _Printable:
    """Something to print, of which only the text that it shows is changed."""

    def __init__(self, shown: ConsoleRenderable) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for piece in console.render(self._shown, options):
            yield piece if piece.control else Segment(printable(piece.text), piece.style)


class _OnlyPrintable(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """See ``RenderHook.process_renderables``."""
        return [_Printable(item) for item in renderables]


def console() -> Console:
    """Return a console as wide as the terminal; files and pipes get 160 columns. What it shows is ``printable``."""
    made = Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "160")), highlight=False)
    made.push_render_hook(_OnlyPrintable())
    return made


def say(text: str) -> None:
    """One line for people."""
    sys.stdout.write(printable(text) + "\n")


def remark(text: str) -> None:
    """One line for people on standard error, where standard output is for a program."""
    sys.stderr.write(printable(text) + "\n")


def fail(text: str) -> None:
    """One line of trouble, on standard error."""
    sys.stderr.write(printable(f"ragscout: {text}\n"))


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Canonical JSON on standard output; what a terminal must not get is escaped, so nothing is lost."""
    text = redact(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str))
    sys.stdout.write(STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def put(data: bytes) -> None:
    """Write a file's content to standard output: as it is into a file or pipe, ``printable`` onto a terminal.

    Raises:
        SpecError: it is no text, and standard output is a terminal.
    """
    from ragscout.model.errors import SpecError

    if not sys.stdout.isatty():
        sys.stdout.buffer.write(data)
        return
    try:
        sys.stdout.write(printable(data.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise SpecError("--format: a terminal shows text only; got a workbook. Add --output FILE.") from None


def asked(question: str, default: str) -> str:
    """Ask the person for a line; an empty one stands for ``default``."""
    said: str = typer.prompt(f"{printable(question)} [{printable(default)}]", default=default, show_default=False)
    return said


def confirmed(question: str) -> bool:
    """Ask the person yes or no, on standard error; an empty line is no."""
    return typer.confirm(printable(question), default=False, err=True)


def write(path: Path, data: bytes | str) -> None:
    """Write a file that the person named.

    Raises:
        SpecError: it cannot be written.
    """
    from ragscout.model.errors import SpecError

    try:
        path.write_bytes(data.encode("utf-8", "replace") if isinstance(data, str) else data)
    except OSError as error:
        folder = "" if path.parent.is_dir() else f"Make the folder {path.parent} first, or name"
        raise SpecError(f"{path}: cannot be written; got {error.strerror}. {folder or 'Name'} another place.") from None


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit in ("B", "kB") else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"

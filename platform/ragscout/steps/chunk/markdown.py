"""``markdown``: sections, then sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.providers import tokenize
from ragscout.providers.tokenize import SENTENCE_WORDS
from ragscout.steps.chunk.base import ChunkStep, Span
from ragscout.steps.chunk.cut import Unit, packed

_FENCE = re.compile(r"^[ \t]{0,3}(?P<mark>`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+\S[^\n]*(?:\n\s*|\Z)", re.MULTILINE)


@step("chunk", "markdown", version=1, packaged=(SENTENCE_WORDS,))
class Markdown(ChunkStep):
    """Chunks begin at headings and hold whole sentences up to ``size`` characters.

    A heading stays with what follows it. Sections shorter than a quarter of the size join the next one. A code fence
    stays whole where it fits, and a ``#`` inside it is no heading. The overlap never reaches over a heading.
    """

    def spans(self, text: str, runtime: Runtime) -> Sequence[Span]:
        """Sections and sentences packed into chunks."""
        return packed(text, list(_units(text)), self.size, self.overlap_units)


def _units(text: str) -> Iterator[Unit]:
    """Headings, fences and sentences in order, covering the text."""
    at = 0
    for start, end in _fences(text):
        yield from _prose(text, at, start)
        yield Unit(start, end)
        at = end
    yield from _prose(text, at, len(text))


def _fences(text: str) -> Iterator[Span]:
    """Code fences with the white space behind them; one that is never closed is prose."""
    at = 0
    open_ended: dict[str, int] = {}  # character of a fence to the shortest that nothing behind it closes
    while opening := _FENCE.search(text, at):
        mark = opening["mark"]
        at = opening.end()
        if len(mark) >= open_ended.get(mark[0], len(mark) + 1):
            continue
        closing = re.compile(rf"^[ \t]{{0,3}}{re.escape(mark)}+[ \t]*$\s*", re.MULTILINE).search(text, at)
        if closing is None:
            open_ended[mark[0]] = len(mark)
            continue
        yield opening.start(), closing.end()
        at = closing.end()


def _prose(text: str, start: int, end: int) -> Iterator[Unit]:
    at = start
    for heading in _HEADING.finditer(text, start, end):
        yield from _sentences(text, at, heading.start())
        yield Unit(heading.start(), heading.end(), opens=True, glued=True)
        at = heading.end()
    yield from _sentences(text, at, end)


def _sentences(text: str, start: int, end: int) -> Iterator[Unit]:
    for a, b in tokenize.sentences(text[start:end]):
        yield Unit(start + a, start + b)

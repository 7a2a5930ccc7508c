"""``characters``: windows of code points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.providers.tokenize import SENTENCE_WORDS
from ragscout.steps.chunk.base import ChunkStep, Span
from ragscout.steps.chunk.cut import character_windows


@step("chunk", "characters", version=1, packaged=(SENTENCE_WORDS,))
class Characters(ChunkStep):
    """Windows of at most ``size`` characters (Unicode code points).

    A window ends at the last sentence end of its last 15 %, else at white space there, else between two whole
    characters; the next begins about ``overlap`` before, at the head of a word.
    """

    stands_for: ClassVar[tuple[str, ...]] = ("parameters",)

    def spans(self, text: str, runtime: Runtime) -> Sequence[Span]:
        """Windows over the whole text."""
        return character_windows(text, 0, len(text), self.size, self.overlap_units)

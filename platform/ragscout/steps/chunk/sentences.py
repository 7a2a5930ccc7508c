"""``sentences``: whole sentences up to a size."""

from __future__ import annotations

from collections.abc import Sequence

from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.providers import tokenize
from ragscout.providers.tokenize import SENTENCE_WORDS
from ragscout.steps.chunk.base import ChunkStep, Span
from ragscout.steps.chunk.cut import Unit, packed


@step("chunk", "sentences", version=1, packaged=(SENTENCE_WORDS,))
class Sentences(ChunkStep):
    """As many whole sentences (English and Korean rules) as fit into ``size`` characters.

    The overlap is made of whole sentences, so what is realised is at most what is asked. A sentence longer than
    ``size`` is cut like ``characters`` cuts.
    """

    def spans(self, text: str, runtime: Runtime) -> Sequence[Span]:
        """Sentences packed into chunks."""
        units = [Unit(start, end) for start, end in tokenize.sentences(text)]
        return packed(text, units, self.size, self.overlap_units)

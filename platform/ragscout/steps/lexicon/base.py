"""What the lexicon steps share: how text becomes words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragscout.model.cost import Cost, Workload
from ragscout.model.step import Step
from ragscout.providers.tokenize import Korean, library, words


@dataclass(frozen=True, kw_only=True)
class LexiconStep(Step):
    """Base of lexicons. Words are made per run of script, also inside one word: Hangul by ``tokenizer``, Latin by word
    and stem."""

    tokenizer: Korean = field(
        default="bigrams",
        metadata={
            "help": "Hangul by bigrams, syllables or Kiwi morphemes",
            "choices": ("bigrams", "characters", "kiwi"),
        },
    )
    stem: bool = field(default=True, metadata={"help": "whether Latin words are stemmed"})

    def key(self, inputs: Mapping[str, str]) -> str:
        """Kiwi's version shapes the index only where Kiwi is used."""
        return super().key({**inputs, "kiwi": library("kiwi")} if self.tokenizer == "kiwi" else inputs)

    @property
    def piece(self) -> int:
        """Words that are indexed in memory at once; 0 where the index is built on disk."""
        return 0

    def cost(self, material: Workload) -> Cost:
        """Seconds and disk in proportion to the text."""
        return Cost(seconds=0.3 * (1 + material.characters / 1e6), disk=0.8 * material.text)

    def words(self, text: str) -> list[str]:
        """Return the words of a chunk, in order.

        Raises:
            MissingExtraError: ``kiwi`` without the extra ``korean``.
        """
        return words(text, korean=self.tokenizer, stem=self.stem)

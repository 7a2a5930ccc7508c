"""chrF++ (Popović 2017, https://aclanthology.org/W17-4770) through sacrebleu."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.steps.measure.base import AnswerPair, TextMetric, share


@step("measure", "chrf", version=1, libraries=("sacrebleu",))
class Chrf(TextMetric):
    """chrF++: character 6-grams and word 2-grams, beta 2, 0..1 (sacrebleu's value divided by 100); best reference.

    Works on any script without a tokeniser; equal to ``sacrebleu.CHRF(word_order=2).sentence_score``.
    """

    def signature(self) -> str:
        """sacrebleu's signature."""
        version = importlib.metadata.version("sacrebleu")
        return f"chrf++|nrefs:var|case:mixed|eff:yes|nc:6|nw:2|space:no|version:{version}"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """chrF++ of one pair."""
        return {"chrf": share(_scorer().sentence_score(pair.answer, list(pair.references)).score / 100)}


@functools.cache
def _scorer() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=2)

"""Whether a reference stands in the answer."""

from __future__ import annotations

from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.model.text import Language
from ragscout.steps.measure.base import AnswerPair, TextMetric
from ragscout.steps.measure.squad import WORDS, normalised
from ragscout.steps.measure.tokens import pair_language


@step("measure", "answer_in_text", version=2, libraries=("kiwipiepy",), packaged=(WORDS,))
class AnswerInText(TextMetric):
    """1 when a normalised reference occurs in the normalised answer as whole words, else 0.

    Meant for short references (a name, a number). A number counts only when it is not part of a longer number
    (``25`` is not in ``125``); Korean ignores spaces and lets particles follow.
    """

    def signature(self) -> str:
        """Rules."""
        return "answer_in_text|nrefs:best|norm:squad-1.1 unicode, ko:no spaces, no copula"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """0 or 1."""
        found = any(
            occurs(reference, pair.answer, pair_language(reference, pair.answer)) for reference in pair.references
        )
        return {"answer_in_text": Score(float(found))}


def occurs(reference: str, answer: str, lang: Language) -> bool:
    """Return whether a reference stands in an answer as whole words (all texts in normal form)."""
    wanted, text = normalised(reference, lang), normalised(answer, lang)
    if not wanted:
        return reference.strip() in answer
    if lang != "ko":
        return f" {wanted} " in f" {text} "
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        cut_before = start > 0 and wanted[0].isdigit() and text[start - 1].isdigit()
        cut_after = end < len(text) and wanted[-1].isdigit() and text[end].isdigit()
        if not cut_before and not cut_after:
            return True
        start = text.find(wanted, start + 1)
    return False

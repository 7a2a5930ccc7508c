"""Answers without a model: the passage sentence that fits the question best. The honest floor of every board."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Prompt
from ragscout.model.packaged import WordTable
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Passages
from ragscout.providers.excerpt import excerpt
from ragscout.providers.tokenize import SENTENCE_WORDS, sentences, words

NOT_FOUND = WordTable("not found", {"ko": "문서에서 찾을 수 없습니다.", "en": "I don't know."})
"""What is answered when no sentence shares a word with the question."""

ASKING = WordTable(
    "asking words",
    "a an the of in on at to for and or is was were are be been by with as from that this which who whom what when "
    "where why how does do did can could should would will i my me we our you your it its there if not many much "
    "long have has had get any",
)
"""Words that shape a question and say nothing about its subject. Korean needs none: its particles and endings are
shared by most sentences, so that their weight is small."""

_ASKING = frozenset(words(ASKING.value))
_SHORT = 4  # words; a heading repeats the question's words and answers nothing


@dataclass(frozen=True)
class _Sentence:
    passage: int
    place: int
    text: str
    words: frozenset[str]
    length: int


@step("generate", "extractive", version=1, libraries=("PyStemmer",), packaged=(ASKING, NOT_FOUND, SENTENCE_WORDS))
class Extractive(Step):
    """Answer with the passage sentence that shares the rarest words with the question; no model, no cost.

    A sentence's fit is the sum over the distinct question words it holds of 1 plus their inverse document frequency
    among the passages' sentences, divided by BM25's length norm (k1 = 1.2, b = 0.3; Robertson and Zaragoza 2009, eq.
    3.15) and by 1, 1.2, 1.4, ... for the first, second, third passage.
    Ties go to the better passage, then to the earlier sentence.
    """

    needs_passages: ClassVar[bool] = True

    max_chars: int = field(default=400, metadata={"help": "code points of an answer at most", "ge": 20})

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        *,
        context: Sequence[Passages] | None = None,
        prompt: Sequence[Prompt],
    ) -> list[Answer | Failure]:
        """One answer per question; a refusal when nothing was retrieved or nothing fits."""
        found = context if context is not None else [None] * len(questions)
        return [self._answer(*row) for row in zip(questions, prompt, found, strict=True)]

    def _answer(self, question: Question, prompt: Prompt, found: Passages | None) -> Answer:
        best = best_sentence(question.text, [found.text[at] for at in prompt.passages]) if found is not None else None
        if best is None:
            return Answer(NOT_FOUND.value["ko" if prompt.language == "ko" else "en"], "stop", prompt.passages)
        finish = "stop" if len(best) <= self.max_chars else "length"
        return Answer(excerpt(best, self.max_chars), finish, prompt.passages)


def best_sentence(question: str, passages: Sequence[str]) -> str | None:
    """Return the sentence that fits a question best, white space collapsed; ``None`` when none shares a word with
    it."""
    return _best(frozenset(words(question)), _split(passages))


def _split(passages: Sequence[str]) -> list[_Sentence]:
    """Distinct sentences of the passages, in order; overlapping chunks repeat some."""
    found: dict[str, _Sentence] = {}
    for number, passage in enumerate(passages):
        for place, (start, end) in enumerate(sentences(passage)):
            text = " ".join(passage[start:end].split())
            tokens = words(text)
            if tokens and text not in found:
                found[text] = _Sentence(number, place, text, frozenset(tokens), len(tokens))
    return list(found.values())


def _best(question: frozenset[str], found: Sequence[_Sentence]) -> str | None:
    asked = (question - _ASKING) or question
    candidates = [item for item in found if item.length >= _SHORT] or list(found)
    if not candidates:
        return None
    seen = Counter(word for item in candidates for word in item.words & asked)
    mean = sum(item.length for item in candidates) / len(candidates)

    def fit(item: _Sentence) -> float:
        weight = sum(
            1.0 + math.log1p((len(candidates) - seen[word] + 0.5) / (seen[word] + 0.5))
            for word in sorted(item.words & asked)
        )
        norm = 1.0 + 1.2 * (0.7 + 0.3 * item.length / mean)
        return weight / norm / (1.0 + 0.2 * item.passage)

    best = min(candidates, key=lambda item: (-fit(item), item.passage, item.place))
    return best.text if fit(best) > 0.0 else None

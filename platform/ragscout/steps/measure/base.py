"""What the answer metrics share: which pairs can be scored at all, and the memo that scores each pair once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack

from ragscout.model.cells import decode, encode
from ragscout.model.evalset import Question
from ragscout.model.key import digest
from ragscout.model.metric import Figure, MeasureStep, MetricInputs
from ragscout.model.outcome import Answer, Failure, Score, Scores, Unfilled
from ragscout.model.packaged import Packaged
from ragscout.model.runtime import Runtime
from ragscout.steps.measure.refusal import READ, is_refusal
from ragscout.steps.measure.tokens import MAX_CHARACTERS, clean


@dataclass(frozen=True)
class AnswerPair:
    """An answer and its accepted references, all in normal form and not blank.

    ``question`` is empty for metrics whose score does not depend on it.
    """

    answer: str
    references: tuple[str, ...]
    question: str = ""


def share(value: float) -> Score:
    """Return a score in 0..1; rounding errors just outside are cut off."""
    return Score(min(1.0, max(0.0, float(value))))


def references_of(question: Question) -> tuple[str, ...]:
    """Return a question's references that are not blank, in normal form, each once, in order."""
    return tuple(dict.fromkeys(text for text in (clean(item) for item in question.references) if text.strip()))


def unscorable(question: Question, answer: Answer | Failure | None) -> Failure | None:
    """Why an answer cannot be compared with references, ``None`` when it can.

    A candidate's failure, an empty answer and a refusal of an answerable question count against the candidate; what
    has no reference is missing.
    """
    if answer is None:
        return Failure("measurement", "unsuitable", "This configuration generates no answer.")
    if isinstance(answer, Failure):
        if not question.answerable and answer.kind == "refused":
            return Failure("measurement", "no_reference", "The question is unanswerable: there is no reference.")
        return answer
    if not question.answerable:
        return Failure("measurement", "no_reference", "The question is unanswerable: there is no reference.")
    references = references_of(question)
    if not references:
        return Failure("measurement", "no_reference", "The question has no reference answer.")
    if not clean(answer.text).strip():
        return Failure("candidate", "empty", "The answer is empty.")
    if refused(answer.text, references):
        return Failure("candidate", "refused", "The answer refuses a question that has an answer.")
    return None


def refused(answer: str, references: Sequence[str]) -> bool:
    """Whether an answer refuses although no accepted reference reads like a refusal itself."""
    return is_refusal(answer) and not any(is_refusal(reference) for reference in references)


def same_for_all(figures: Sequence[Figure], outcome: Score | Failure) -> dict[str, Score | Failure]:
    """One outcome for every figure."""
    return {figure.name: outcome for figure in figures}


class TextMetric(MeasureStep):
    """Base of metrics that compare an answer with its references.

    Subclasses implement ``score`` (one pair) or ``score_all`` (many at once), both pure functions of the pairs and
    the step's parameters. Every (answer, references) pair is scored once, however many configurations and sweeps
    gave it. Unanswerable questions have no reference and are left out (``no_reference``).
    """

    uses: ClassVar[tuple[str, ...]] = ("generate",)
    packaged: ClassVar[tuple[Packaged, ...]] = READ
    reads_question: ClassVar[bool] = False
    """Whether the question takes part in the score: then equal answers to two questions are two pairs."""
    tested_on_triples: ClassVar[bool] = True
    """Whether the packaged triples can test it as a goal: they have no questions and near paraphrases only."""

    def figures(self) -> tuple[Figure, ...]:
        """One figure of the step's name, 0..1, floor 0."""
        return (Figure(self.name),)

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """Outcome per figure of one pair."""
        raise NotImplementedError

    async def score_all(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[dict[str, Score | Failure]]:
        """Outcomes of distinct pairs, in order."""
        return [self.score(pair) for pair in pairs]

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Scores per question, in order. Pairs that cannot be scored get the same ``Failure`` for every figure."""
        answers: Sequence[Answer | Failure | None] = given.get("generate") or [None] * len(questions)
        outcomes: list[Scores | None] = []
        pairs: list[AnswerPair] = []
        long: list[int] = []
        for question, answer in zip(questions, answers, strict=True):
            failure = unscorable(question, answer)
            if failure is None and isinstance(answer, Answer):
                asked = clean(question.text) if self.reads_question else ""
                pairs.append(AnswerPair(clean(answer.text), references_of(question), asked))
                long.append(len(answer.text))
                outcomes.append(None)
            elif failure is not None:
                outcomes.append(same_for_all(self.figures(), failure))
        scored = iter(zip(await self._memoised(runtime, pairs), long, strict=True))
        return [outcome if outcome is not None else _noted(*next(scored)) for outcome in outcomes]

    async def _memoised(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[Scores]:
        identity = self.key({})
        asked = [(pair.question,) if pair.question else () for pair in pairs]
        keys = [
            digest("measure", identity, pair.answer, pair.references, *question)
            for pair, question in zip(pairs, asked, strict=True)
        ]

        async def compute(missing: Sequence[int]) -> list[Any]:
            scored = await self.score_all(runtime, [pairs[position] for position in missing])
            absent = [item for item in scored if without_model(item)]
            if absent:
                raise _AbsentModel(absent[0])
            return [encode("measure", item) for item in scored]

        try:
            found = await runtime.memo.items(f"measure.{self.name}", keys, compute)
        except _AbsentModel as absent:  # a model may be there tomorrow: its absence is said and never remembered
            return [absent.scores] * len(pairs)
        return [decode("measure", item) for item in found]


class _AbsentModel(Exception):
    def __init__(self, scores: Scores) -> None:
        super().__init__("a metric's model is absent")
        self.scores = scores


def without_model(scores: Scores) -> str:
    """Why a metric's model is absent, empty when it is there."""
    failures = (item for item in scores.values() if isinstance(item, Failure))
    return next((item.detail for item in failures if item.kind == "no_model"), "")


def _noted(scores: Scores, length: int) -> Scores:
    """Scores that say when the answer was cut before scoring."""
    if length <= MAX_CHARACTERS:
        return scores
    note = f"first {MAX_CHARACTERS} of {length} characters"
    return {
        name: item if isinstance(item, Failure) else Score(item.value, {**item.detail, "truncated": note})
        for name, item in scores.items()
    }

"""What a metric declares about its figures, and the base of every measure step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict, Unpack

from ragscout.model.cost import Cost, Workload
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Evidence, Failure, Prompt, Ranking, Scores, Unfilled
from ragscout.model.runtime import Models, Runtime
from ragscout.model.step import Step, chat_models
from ragscout.model.values import Chunks, Passages

RUBRIC, ANSWER, VERDICT = 100, 60, 10
"""Tokens that a judge is expected to read as instructions and as an answer, and to reply."""


@dataclass(frozen=True)
class Figure:
    """One declared figure of a metric.

    ``floor`` is what a candidate's failure scores. ``unit`` is ``share`` for 0..1 figures, else for example
    ``tokens``. ``pass_level``: scores at or above it count as right, ``None`` where the metric has no such notion.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    floor: float = 0.0
    higher_is_better: bool = True
    unit: str = "share"
    pass_level: float | None = None


class MetricInputs(TypedDict, total=False):
    """Values of the stages that a metric ``uses``, one per question but for ``chunk``. A stage that a configuration
    does not have is absent."""

    chunk: Chunks
    evidence: Sequence[Evidence | Failure]
    rerank: Sequence[Ranking | Failure]
    context: Sequence[Passages | Failure]
    prompt: Sequence[Prompt | Failure]
    generate: Sequence[Answer | Failure]


class MeasureStep(Step):
    """Base of metrics. ``uses`` names the stages whose values the metric reads."""

    uses: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[Literal["retrieval", "answer"]] = "answer"

    def resolved(self, models: Models) -> MeasureStep:
        """Return the same metric with every ``auto`` replaced by what this machine has, so that its key says what was
        used."""
        return self

    def ready(self, models: Models) -> None:
        """Check before anything is spent what would stop the whole metric. A model that is absent does not: its
        figures are missing until it is there.

        Raises:
            MissingExtraError: an optional dependency is absent.
            SpecError: it needs a host that the network policy does not allow.
        """

    def cost(self, material: Workload) -> Cost:
        """Return requests to a judge for one answer, each with instructions, question, answer and reference."""
        asked = material.question / material.per_token
        requests = self.requests(max(1, round(material.passages)))
        each = RUBRIC + asked + 2 * ANSWER
        return Cost(
            requests=float(requests) if chat_models(self) else 0.0, prompt=each, reply=VERDICT, longest=4 * VERDICT
        )

    def requests(self, passages: int) -> int:
        """Return requests to chat models that one answer takes which was given so many passages."""
        return 0

    def known_languages(self) -> tuple[str, ...]:
        """Languages that the metric's model was trained for; empty for any language."""
        return ()

    def figures(self) -> tuple[Figure, ...]:
        """Return the figures this step gives, by the names the board shows."""
        raise NotImplementedError

    def signature(self) -> str:
        """Library, version, tokenizer, model and parameters, as sacrebleu does; shown beside the figures."""
        raise NotImplementedError

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Scores per question, in order; a candidate's failure in ``generate`` becomes the outcome of every figure."""
        raise NotImplementedError

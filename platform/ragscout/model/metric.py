"""What a metric declares about its figures, and the base of every measure step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict, Unpack

from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Evidence, Failure, Prompt, Ranking, Scores, Unfilled
from ragscout.model.runtime import Models, Runtime
from ragscout.model.step import Step
from ragscout.model.values import Chunks


@dataclass(frozen=True)
class Figure:
    """One declared figure of a metric. ``floor`` is what a candidate's failure scores. Only figures with
    ``level='question'`` can be goals. ``unit`` is ``share`` for 0..1 figures, else for example ``tokens``.
    ``pass_level``: scores at or above it count as right, ``None`` where the metric has no such notion."""

    name: str
    low: float = 0.0
    high: float = 1.0
    floor: float = 0.0
    level: Literal["question", "set"] = "question"
    higher_is_better: bool = True
    unit: str = "share"
    pass_level: float | None = None


class MetricInputs(TypedDict, total=False):
    """Values of the stages that a metric ``uses``, one per question but for ``chunk``. A stage that a configuration
    does not have is absent."""

    chunk: Chunks
    evidence: Sequence[Evidence | Failure]
    rerank: Sequence[Ranking | Failure]
    prompt: Sequence[Prompt | Failure]
    generate: Sequence[Answer | Failure]


class MeasureStep(Step):
    """Base of metrics. ``uses`` names the stages whose values the metric reads; they are its node's inputs."""

    uses: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[Literal["retrieval", "answer"]] = "answer"

    def resolved(self, models: Models) -> MeasureStep:
        """The same metric with every ``auto`` replaced by what this machine has, so that its key says what was used."""
        return self

    def ready(self, models: Models) -> None:
        """Checks before anything is spent that this machine can compute the metric and may fetch what it needs.

        Raises:
            MissingExtraError: an optional dependency is absent.
            SpecError: it needs a host that the network policy does not allow.
        """

    def requests(self, passages: int) -> int:
        """Requests to chat models that one answer takes which was given so many passages."""
        return 0

    def known_languages(self) -> tuple[str, ...]:
        """Languages that the metric's model was trained for; empty for any language."""
        return ()

    def figures(self) -> tuple[Figure, ...]:
        """The figures this step gives, by the names the board shows."""
        raise NotImplementedError

    def signature(self) -> str:
        """Library, version, tokenizer, model and parameters, as sacrebleu does; shown beside the figures."""
        raise NotImplementedError

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Scores per question, in order; a candidate's failure in ``generate`` becomes the outcome of every figure."""
        raise NotImplementedError

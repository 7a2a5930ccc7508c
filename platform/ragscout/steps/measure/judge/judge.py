"""A chat model as judge, by rubric."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import ClassVar, Unpack

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure, MeasureStep, MetricInputs
from ragscout.model.outcome import Answer, Failure, Score, Scores, Unfilled
from ragscout.model.packaged import Packaged
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.step import step
from ragscout.steps.measure import refusal
from ragscout.steps.measure.base import references_of, refused
from ragscout.steps.measure.given_passages import given_passages
from ragscout.steps.measure.judge import prompt as judge_prompt
from ragscout.steps.measure.judge.prompt import BUILT_IN, Anchored, JudgeInput, Reason
from ragscout.steps.measure.judge.reply import SCORE_WORDS, Verdict, read_verdicts
from ragscout.steps.measure.refusal import is_refusal
from ragscout.steps.measure.tokens import clean

_NEEDS_REFERENCE = ("correctness", "completeness")
_REFUSAL_COUNTS = ("correctness", "completeness", "relevance")
_MOST_REFERENCES = 3
_REPLY_TOKENS: dict[str, int] = {"none": 16, "before": 240, "after": 240}


@dataclass(frozen=True)
class _Case:
    """One question of a batch: what is settled without the judge, and what has to be asked."""

    settled: Mapping[str, Score | Failure]
    asked: tuple[str, ...] = ()
    material: JudgeInput = JudgeInput("", "")
    note: Mapping[str, str] = field(default_factory=dict)


@step(
    "measure",
    "judge",
    version=4,
    packaged=(
        *judge_prompt.packaged_of({**dict.fromkeys(BUILT_IN, ""), "custom": "any"}),
        SCORE_WORDS,
        *refusal.READ,
    ),
)
class Judge(MeasureStep):
    """Scores ``judge.<criterion>`` given by a chat model with anchored levels, in the question's language.

    A level becomes (level - 1) / (levels - 1). ``detail`` of a score holds the level and, where asked for, the reason.
    Unanswerable questions: correctness is 1 for a refusal and 0 for an answer, without a call. A refusal of an
    answerable question is the candidate's failure for correctness, completeness and relevance. Faithfulness reads the
    passages the answer was given and is ``no_evidence`` where there were none. A reply that cannot be read is the
    measurement's failure; an endpoint in trouble leaves the cell open. The prompts lie under ``prompts/judge``.
    """

    uses: ClassVar[tuple[str, ...]] = ("context", "prompt", "generate")

    model: ChatModel = field(metadata={"help": "the judge"})
    criteria: tuple[str | Mapping[str, str], ...] = field(
        default=("correctness",), metadata={"help": f"any of {', '.join(BUILT_IN)}, or {{name: question}} of your own"}
    )
    reason: Reason = field(
        default="none",
        metadata={
            "help": "whether a reason is given, and on which side of the score",
            "choices": ("before", "after", "none"),
        },
    )
    levels: int = field(default=5, metadata={"help": "levels of the scale", "ge": 2, "le": 10})
    pass_level: int = field(
        default=4, metadata={"help": "level from which an answer counts as right", "ge": 1, "le": 10}
    )
    anchors: Anchored = field(
        default="ends",
        metadata={
            "help": "which levels are described: ends suits small judges, all suits large ones",
            "choices": ("ends", "all"),
        },
    )
    repeats: int = field(default=1, metadata={"help": "judgements per answer; needs a temperature", "ge": 1, "le": 20})
    temperature: float = field(default=0.0, metadata={"help": "0 for repeatable judgements", "ge": 0.0, "le": 2.0})
    batched: bool = field(default=False, metadata={"help": "all criteria in one request"})
    max_tokens: int | None = field(
        default=None,
        metadata={
            "help": "tokens of a reply at most; by itself 16, with a reason 240: a judge that thinks first needs more",
            "ge": 1,
            "le": 32768,
        },
    )
    text_limit: int = field(
        default=6000, metadata={"help": "characters of a text that the judge sees", "ge": 200, "le": 100000}
    )

    def __post_init__(self) -> None:
        """Check what no single field can say."""
        names = tuple(self._texts())
        if not names or len(names) < len(self.criteria):
            raise ValueError(f"criteria are missing or named twice; got {list(names)}. Name each once.")
        unknown = [name for name, text in self._texts().items() if not text and name not in BUILT_IN]
        if unknown:
            raise ValueError(
                f"unknown criterion; got {unknown[0]!r}. Allowed: {', '.join(BUILT_IN)}, or {{{unknown[0]}: question}}."
            )
        if self.pass_level > self.levels:
            raise ValueError(f"pass_level lies above the scale; got {self.pass_level}. Use at most {self.levels}.")
        if self.repeats > 1 and not self.temperature:
            raise ValueError(
                f"repeats without a temperature repeat one reply; got {self.repeats}. Set temperature: 0.7."
            )
        if self.batched and self.reason != "none":
            raise ValueError(f"batched criteria give no reasons; got reason: {self.reason}. Use reason: none.")

    def packaged_texts(self) -> tuple[Packaged, ...]:
        """Return the rubrics of its own criteria, and what every judge reads."""
        return (*judge_prompt.packaged_of(self._texts()), SCORE_WORDS, *refusal.READ)

    def figures(self) -> tuple[Figure, ...]:
        """``judge.<criterion>``, 0..1, with the pass level on that scale."""
        passed = (self.pass_level - 1) / (self.levels - 1)
        return tuple(Figure(f"judge.{name}", pass_level=passed) for name in self._texts())

    def requests(self, passages: int) -> int:
        """One for each criterion and repeat; batched criteria are one."""
        return (1 if self.batched else len(self._texts())) * self.repeats

    def signature(self) -> str:
        """Judge, rubric version, scale, decoding."""
        revision = f"@{self.model.revision}" if self.model.revision else ""
        return (
            f"judge|model:{self.model.provider}/{self.model.model}{revision}|rubric:{self.version}|levels:{self.levels}"
            f"|pass:{self.pass_level}|anchors:{self.anchors}|reason:{self.reason}|temperature:{self.temperature:g}|repeats:{self.repeats}"
            f"|batched:{'yes' if self.batched else 'no'}|language:question"
            f"{f'|max_tokens:{self.max_tokens}' if self.max_tokens else ''}"
        )

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Scores per question, in order; ``Unfilled`` when a request of that question found no endpoint or budget."""
        nothing = [None] * len(questions)
        answers, prompts = given.get("generate") or nothing, given.get("prompt") or nothing
        contexts = given.get("context") or nothing
        cases = [
            self._case(question, answer, given_passages(answer, asked, context, self.text_limit))
            for question, answer, asked, context in zip(questions, answers, prompts, contexts, strict=True)
        ]
        return list(await asyncio.gather(*(self._judged(runtime, case) for case in cases)))

    def _texts(self) -> dict[str, str]:
        """Criterion name to the user's question, empty for built-in criteria."""
        found: dict[str, str] = {}
        for item in self.criteria:
            found.update({item: ""} if isinstance(item, str) else item)
        return found

    def _case(self, question: Question, answer: Answer | Failure | None, passages: tuple[str, ...]) -> _Case:
        names = tuple(self._texts())
        gave_up = isinstance(answer, Failure) and answer.kind == "refused"
        settled: dict[str, Score | Failure] = {}
        if answer is None:
            failure = Failure("measurement", "unsuitable", "This configuration generates no answer.")
            return _Case(self._all(dict.fromkeys(names, failure)))
        if isinstance(answer, Failure) and not (gave_up and not question.answerable):
            return _Case(self._all(dict.fromkeys(names, answer)))
        text = "" if isinstance(answer, Failure) else clean(answer.text)
        if not text.strip() and not gave_up:
            return _Case(self._all(dict.fromkeys(names, Failure("candidate", "empty", "The answer is empty."))))
        references = references_of(question) if question.answerable else ()
        gave_up = gave_up or (refused(text, references) if question.answerable else is_refusal(text))
        for name in names:
            outcome = self._without_judge(name, question, references, gave_up, passages)
            if outcome is not None:
                settled[name] = outcome
        asked = tuple(name for name in names if name not in settled)
        cut = self.text_limit
        shown = tuple(reference[:cut] for reference in references[:_MOST_REFERENCES])
        length = len(answer.text) if isinstance(answer, Answer) else 0
        note = {"truncated": f"first {cut} of {length} characters"} if length > cut else {}
        return _Case(self._all(settled), asked, JudgeInput(question.text[:cut], text[:cut], shown, passages), note)

    def _without_judge(
        self, name: str, question: Question, references: Sequence[str], gave_up: bool, passages: Sequence[str]
    ) -> Score | Failure | None:
        """Return the outcome that needs no judge, ``None`` when the judge has to be asked."""
        if not question.answerable:
            if name == "correctness":
                return Score(float(gave_up), {"rule": "unanswerable"})
            if gave_up or name in _NEEDS_REFERENCE:
                return Failure("measurement", "no_reference", "The question is unanswerable: nothing to compare with.")
        elif name in _NEEDS_REFERENCE and not references:
            return Failure("measurement", "no_reference", "The question has no reference answer.")
        elif gave_up and name in _REFUSAL_COUNTS:
            return Failure("candidate", "refused", "The answer refuses a question that has an answer.")
        if name == "faithfulness" and not passages:
            return Failure("measurement", "no_evidence", "The answer was given no passages.")
        return None

    async def _judged(self, runtime: Runtime, case: _Case) -> Scores | Unfilled:
        groups = [case.asked] if self.batched and case.asked else [(name,) for name in case.asked]
        replies = await asyncio.gather(*(self._ask(runtime, names, case.material) for names in groups))
        scores = dict(case.settled)
        for reply in replies:
            if isinstance(reply, Unfilled):
                return reply
            scores.update(self._all({name: _with(item, case.note) for name, item in reply.items()}))
        return {f"judge.{name}": scores[f"judge.{name}"] for name in self._texts()}

    async def _ask(
        self, runtime: Runtime, names: tuple[str, ...], material: JudgeInput
    ) -> dict[str, Score | Failure] | Unfilled:
        rounds: list[dict[str, Verdict | Failure]] = []
        requests = [self.request(names, material, replicate) for replicate in self._replicates()]
        for reply in await asyncio.gather(*(runtime.chat(request, "judge") for request in requests)):
            if isinstance(reply, Unfilled):
                return reply
            if isinstance(reply, Failure):
                why = Failure("measurement", "judge_failed", f"The judge gave no reply: {reply.detail or reply.kind}")
                rounds.append(dict.fromkeys(names, why))
            else:
                found = read_verdicts(reply.text, names, self.levels)
                rounds.append({name: _or_cut(item, reply) for name, item in found.items()})
        return {name: self._pooled([found[name] for found in rounds]) for name in names}

    def request(self, names: Sequence[str], material: JudgeInput, replicate: int = 0) -> ChatRequest:
        """Return the request that asks for these criteria; passages serve faithfulness only, references what
        compares."""
        lang = judge_prompt.tongue(material.question)
        texts = self._texts()
        rubrics = [judge_prompt.criterion(name, texts[name], self.levels, self.anchors, lang) for name in names]
        own = any(texts[name] for name in names)
        seen = JudgeInput(
            material.question,
            material.answer,
            material.references if own or set(names) & set(_NEEDS_REFERENCE) else (),
            material.passages if any(self.reads_passages(name) for name in names) else (),
        )
        return ChatRequest(
            model=self.model,
            messages=judge_prompt.judge_messages(rubrics, seen, levels=self.levels, reason=self.reason, lang=lang),
            max_tokens=self.max_tokens or _REPLY_TOKENS[self.reason] * (len(names) if self.batched else 1),
            temperature=self.temperature,
            schema=judge_prompt.reply_schema(tuple(names), self.levels, self.reason),
            replicate=replicate,
        )

    def reads_passages(self, name: str) -> bool:
        """Whether the passages are shown for a criterion: for faithfulness and the user's own."""
        return name == "faithfulness" or bool(self._texts().get(name))

    def _replicates(self) -> range:
        return range(1, self.repeats + 1) if self.temperature else range(1)

    def _pooled(self, verdicts: Sequence[Verdict | Failure]) -> Score | Failure:
        """Return the mean of the readable verdicts; the first failure when none can be read."""
        good = [item for item in verdicts if isinstance(item, Verdict)]
        if not good:
            return next(item for item in verdicts if isinstance(item, Failure))
        mean = fmean(item.level for item in good)
        detail = {"level": f"{mean:g}"}
        if good[0].reason:
            detail["reason"] = good[0].reason
        if self.repeats > 1:
            detail["levels"] = " ".join(str(item.level) for item in good)
        return Score((mean - 1) / (self.levels - 1), detail)

    def _all(self, outcomes: Mapping[str, Score | Failure]) -> dict[str, Score | Failure]:
        return {f"judge.{name}": outcome for name, outcome in outcomes.items()}


def _or_cut(found: Verdict | Failure, reply: ChatReply) -> Verdict | Failure:
    """Say of a reply without a score that it was cut, where it was."""
    if isinstance(found, Verdict) or reply.finish != "length":
        return found
    told = "The judge's reply was cut before its score: a judge that thinks first needs more. Raise its max_tokens."
    return Failure("measurement", "judge_cut", told)


def _with(item: Score | Failure, note: Mapping[str, str]) -> Score | Failure:
    return Score(item.value, {**item.detail, **note}) if note and isinstance(item, Score) else item

"""A small world for engine tests: real retrieval steps, toy prompt and answer steps that count, a counting client."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.engine.connection_limit import ConnectionLimit, identity
from ragscout.engine.executors import InProcess
from ragscout.engine.fill import Engine, Want
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.worker import Worker
from ragscout.model.config import Configuration, Node, source_node
from ragscout.model.evalset import EvalSet, Question, SourceFile
from ragscout.model.key import digest
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.outcome import Answer, Failure, Message, Prompt, Score, Scores, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.step import Step, make, step
from ragscout.model.values import Passages
from ragscout.providers.client import TransientError
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store

MODEL = ChatModel("toy", "counter")
TEXTS = {
    "a.txt": "Annual leave is fifteen days a year. Leave must be requested two weeks ahead.",
    "b.txt": "Expenses are paid back within ten days. Keep every receipt.",
    "c.txt": "연차휴가는 최대 25일이다. 휴가는 2주 전에 신청한다.",
}
RUNS: Counter[str] = Counter()
"""Questions that toy steps really worked on, by stage."""


@step("prompt", "toy", version=1)
class ToyPrompt(Step):
    """The question and the first passages, joined."""

    passages: int = 1

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        *,
        context: Sequence[Passages] | None = None,
    ) -> list[Prompt]:
        RUNS["prompt"] += len(questions)
        found = []
        for position, question in enumerate(questions):
            texts = tuple(context[position].text[: self.passages]) if context else ()
            shown = Message("user", "\n".join((*texts, question.text)))
            found.append(Prompt((shown,), tuple(range(len(texts)))))
        return found


@step("generate", "toy", version=1)
class ToyGenerate(Step):
    """Asks the counting client."""

    uses: ClassVar[tuple[str, ...]] = ("prompt",)

    model: ChatModel = MODEL
    style: str = "plain"

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, prompt: Sequence[Prompt]
    ) -> list[Answer | Failure | Unfilled]:
        RUNS["generate"] += len(questions)
        replies = await asyncio.gather(
            *(
                runtime.chat(ChatRequest(self.model, (*item.messages, Message("user", self.style)), 16), "answer")
                for item in prompt
            )
        )
        return [
            Answer(reply.text, reply.finish, item.passages) if isinstance(reply, ChatReply) else reply
            for reply, item in zip(replies, prompt, strict=True)
        ]


@step("measure", "toy-length", version=1)
class ToyLength(MeasureStep):
    """1 when the answer mentions the reference."""

    uses = ("generate",)

    def figures(self) -> tuple[Figure, ...]:
        return (Figure("toy-length"),)

    def signature(self) -> str:
        return "toy|v1"

    async def run(  # type: ignore[override]
        self, runtime: Runtime, questions: Sequence[Question], *, generate: Sequence[Answer | Failure]
    ) -> list[Scores | Unfilled]:
        RUNS["measure"] += len(questions)
        return [
            {
                "toy-length": item
                if isinstance(item, Failure)
                else Score(float(bool(set(question.references) & {item.text})))
            }
            for question, item in zip(questions, generate, strict=True)
        ]


@dataclass
class CountingClient:
    """Answers with a digest of the prompt; the first ``fail`` requests fail once each."""

    concurrency: int = 4
    fail: int = 0
    seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        await asyncio.sleep(self.seconds)
        if self.fail > 0:
            self.fail -= 1
            raise TransientError("busy", retry_after=0.001)
        self.seen[request.key] += 1
        text = digest([message.content for message in request.messages])[:8]
        return ChatReply(text, usage=Usage(10, 5, 0.01, None, 0))

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        raise AssertionError("not asked for")

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        raise AssertionError("not asked for")

    async def close(self) -> None:
        pass


class NoModels:
    """No model files."""

    def folder(self, model: str, revision: str = "") -> object:
        raise AssertionError(f"{model} is not needed here")


@dataclass
class World:
    """A store, an evaluation set and an engine over them."""

    store: Store
    questions: tuple[Question, ...]
    client: CountingClient = field(default_factory=CountingClient)
    limits: SpendLimits = field(default_factory=SpendLimits)
    sweep: str = "test"

    @property
    def eval_set(self) -> EvalSet:
        files = tuple(
            SourceFile(path, self.store.blobs.put(text.encode()), "text/plain") for path, text in sorted(TEXTS.items())
        )
        return EvalSet("toy", 1, "d", files, self.questions)

    @property
    def source(self) -> Node:
        return source_node(digest("source", sorted(TEXTS.items())))

    def configuration(self, size: int = 40, passages: int = 1, style: str = "plain") -> Configuration:
        found = {
            "corpus": make("corpus", "parse"),
            "chunk": make("chunk", "characters", {"size": size, "overlap": 0}),
            "lexicon": make("lexicon", "bm25"),
            "query": make("query", "as-asked"),
            "lexical": make("lexical", "bm25"),
            "fuse": make("fuse", "lexical"),
            "rerank": make("rerank", "none"),
            "prompt": ToyPrompt(passages=passages),
            "generate": ToyGenerate(style=style),
        }
        return Configuration(found, self.source, {"size": str(size), "style": style})

    def runtime(self) -> EngineRuntime:
        connection = ConnectionLimit(self.client, lambda usage: 0.5, lambda request: 1.0)
        return EngineRuntime(self.store, self.sweep, NoModels(), {identity(MODEL): connection}, self.limits)  # type: ignore[arg-type]

    def engine(self) -> Engine:
        worker = Worker(self.store, self.runtime(), self.eval_set, self.questions)
        return Engine(self.store, InProcess(worker), self.sweep)

    def fill(self, *wants: Want) -> object:
        async def run() -> object:
            engine = self.engine()
            try:
                return await engine.fill(wants)
            finally:
                await engine.close()

        return asyncio.run(run())


def questions(n: int) -> tuple[Question, ...]:
    """``n`` questions, some Korean."""
    words = ("leave", "expenses", "receipt", "휴가", "days")
    return tuple(
        Question(f"q{number}", f"{words[number % 5]} question number {number}?", (f"answer {number}",))
        for number in range(n)
    )

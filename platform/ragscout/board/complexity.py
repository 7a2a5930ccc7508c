"""How much there is to operate in a configuration: model calls, models and services, stages beyond the simplest."""

from __future__ import annotations

import dataclasses

from ragscout.model.config import Configuration
from ragscout.model.key import digest
from ragscout.model.runtime import ChatModel

PLAIN = {"query": "as-asked", "rerank": "none"}
"""Steps that do nothing: their stage does not count."""


def complexity(configuration: Configuration) -> float:
    """Model calls per question + distinct models and services + stages beyond the simplest.

    A step with a chat model makes one call; each distinct chat model, encoder and model that reranks is one thing to
    operate; a query step that rewrites, a reranker and a second retriever are one stage each.
    """
    calls = 0
    operated: set[str] = set()
    for stage, step in configuration.steps.items():
        if PLAIN.get(stage) == step.name:
            continue
        chat = [value for value in _values(step) if isinstance(value, ChatModel)]
        calls += bool(chat)
        operated.update(digest("operated", model) for model in chat)
        if stage == "embed" or (stage == "rerank" and not chat):
            operated.add(digest("operated", stage, step.name, step.parameters()))
    steps = configuration.steps
    stages = sum(stage in steps and steps[stage].name != name for stage, name in PLAIN.items())
    stages += "dense" in steps and "lexical" in steps
    return float(calls + len(operated) + stages)


def _values(step: object) -> list[object]:
    if not dataclasses.is_dataclass(step):
        return []
    return [getattr(step, field.name) for field in dataclasses.fields(step)]

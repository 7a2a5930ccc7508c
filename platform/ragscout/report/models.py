"""The models of a sweep, named for people."""

from __future__ import annotations

from collections.abc import Iterable

from ragscout.model.config import Configuration
from ragscout.model.runtime import ChatModel
from ragscout.model.step import model_files


def models_of(space: Iterable[Configuration]) -> set[str]:
    """Return every chat model with its revision, and every step that loads model files or makes vectors with its
    label."""
    found = set()
    for step in {step for item in space for step in item.steps.values()}:
        chat = [item for item in step.models() if isinstance(item, ChatModel)]
        found |= {" ".join(filter(None, (f"{item.provider}/{item.model}", item.revision[:12]))) for item in chat}
        if model_files(step) or step.stage == "embed":
            found.add(f"{step.stage}: {step.label()}")
    return found

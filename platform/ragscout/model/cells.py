"""How the value of a per-question cell is written: plain JSON, of the type that the stage table names."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import TypeAdapter

from ragscout.model.outcome import Failure, Score, Scores
from ragscout.model.stages import STAGES


def encode(stage: str, value: Any) -> dict[str, Any]:
    """JSON-able form of a cell's outcome; a ``Failure`` is marked as such."""
    if isinstance(value, Failure):
        return {"failure": _adapter(Failure).dump_python(value, mode="json")}
    if STAGES[stage].value is Scores:
        return {"scores": {name: _scored(item) for name, item in value.items()}}
    return {"value": _adapter(STAGES[stage].value).dump_python(value, mode="json")}


def decode(stage: str, data: dict[str, Any]) -> Any:
    """Inverse of ``encode``."""
    if "failure" in data:
        return Failure(**data["failure"])
    if "scores" in data:
        return {
            name: Failure(**item["failure"]) if "failure" in item else Score(item["v"], item.get("d", {}))
            for name, item in data["scores"].items()
        }
    return _adapter(STAGES[stage].value).validate_python(data["value"])


def _scored(score: Score | Failure) -> dict[str, Any]:
    if isinstance(score, Failure):
        return {"failure": _adapter(Failure).dump_python(score, mode="json")}
    return {"v": score.value, "d": dict(score.detail)} if score.detail else {"v": score.value}


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)

"""How the value of a per-question cell is written: plain JSON, one shape per stage."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import TypeAdapter

from ragscout.model.outcome import Answer, Evidence, Failure, Prompt, Query, Ranking, Score

_TYPES: dict[str, Any] = {
    "query": Query,
    "dense": Ranking,
    "lexical": Ranking,
    "fuse": Ranking,
    "rerank": Ranking,
    "prompt": Prompt,
    "generate": Answer,
    "evidence": Evidence,
}


def encode(stage: str, value: Any) -> dict[str, Any]:
    """JSON-able form of a cell's outcome; a ``Failure`` is marked as such."""
    if isinstance(value, Failure):
        return {"failure": _adapter(Failure).dump_python(value, mode="json")}
    if stage == "measure":
        return {
            "scores": {
                name: encode("", item) if isinstance(item, Failure) else _score(item) for name, item in value.items()
            }
        }
    return {"value": _adapter(_TYPES[stage]).dump_python(value, mode="json")}


def decode(stage: str, data: dict[str, Any]) -> Any:
    """Inverse of ``encode``."""
    if "failure" in data:
        return Failure(**data["failure"])
    if "scores" in data:
        return {
            name: Failure(**item["failure"]) if "failure" in item else Score(item["v"], item.get("d", {}))
            for name, item in data["scores"].items()
        }
    return _adapter(_TYPES[stage]).validate_python(data["value"])


def _score(score: Score) -> dict[str, Any]:
    return {"v": score.value, "d": dict(score.detail)} if score.detail else {"v": score.value}


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)

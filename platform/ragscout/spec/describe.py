"""A spec back to its canonical form, and its identity."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ragscout.model.key import digest
from ragscout.model.stages import STAGES, keys
from ragscout.spec.entries import PIPELINE
from ragscout.spec.types import BUDGET, ProbeSpec, StageEntry, SweepSpec

_ELSEWHERE = ("base_url", "key_env", "price", "limits", "threads", "context", "alias")
"""Fields of a connection that change neither answers nor proposals."""


def describe(spec: SweepSpec) -> dict[str, Any]:
    """Return the sweep as plain data with everything spelled out; ``parse(dump(spec))`` gives an equal spec."""
    found: dict[str, Any] = {"sweep": spec.sweep, "eval_set": spec.eval_set}
    if spec.connections:
        found["models"] = {name: item.described() for name, item in spec.connections.items()}
    found["pipeline"] = {key: _entries(spec.pipeline[key]) for key in PIPELINE if not _unsaid(spec, key)}
    if spec.include:
        found["include"] = [
            {"name": row.name, "reference": row.reference} | {stage: _entry(item) for stage, item in row.stages.items()}
            for row in spec.include
        ]
    found["measure"] = {
        "retrieval": [_metric(item) for item in spec.measure.retrieval],
        "answer": [_metric(item) for item in spec.measure.answer],
    }
    weights = dict(spec.goal.weights)
    word = "minimize" if spec.goal.minimize else "maximize"
    goal: dict[str, Any] = {word: {spec.goal.metric: weights} if weights else spec.goal.metric}
    if spec.goal.within:
        goal["within"] = dict(spec.goal.within)
    if spec.goal.require:
        goal["require"] = dict(spec.goal.require)
    found["goal"] = goal
    found["search"] = _entry(StageEntry(spec.search.use, spec.search.parameters))
    budget = {name: getattr(spec.budget, name) for name in BUDGET}
    found["budget"] = {name: value for name, value in budget.items() if value is not None}
    found["network"] = spec.network if spec.network == "offline" else list(spec.network)
    if spec.holdout is not None:
        found["holdout"] = spec.holdout
    found["seed"] = spec.seed
    if spec.probe != ProbeSpec():
        found["probe"] = (
            {"questions": spec.probe.questions, "concurrency": spec.probe.concurrency}
            if spec.probe.questions
            else "off"
        )
    return found


def dump(spec: SweepSpec) -> str:
    """Return the canonical form as YAML 1.2."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.width = 110
    buffer = io.StringIO()
    yaml.dump(describe(spec), buffer)
    return buffer.getvalue()


def spec_hash(spec: SweepSpec) -> str:
    """Identity of what a sweep asks for. URLs, prices, limits and the network list do not take part."""
    found = describe(spec)
    del found["network"]
    models: Mapping[str, Mapping[str, Any]] = found.get("models", {})
    found["models"] = {
        name: {
            key: value
            for key, value in item.items()
            if key not in _ELSEWHERE
            or (key == "base_url" and item.get("identity") == "endpoint")
            or (key == "alias" and "model" not in item)
        }
        for name, item in models.items()
    }
    return digest("spec", found)


def _unsaid(spec: SweepSpec, key: str) -> bool:
    """Whether a key is left out: its default stands there, and files from before there was the key mean the same."""
    return all(STAGES[stage].unsaid for stage in keys()[key]) and spec.pipeline[key] == (PIPELINE[key],)


def _entries(entries: tuple[StageEntry, ...]) -> Any:
    return _entry(entries[0]) if len(entries) == 1 else [_entry(item) for item in entries]


def _entry(entry: StageEntry) -> Any:
    return {"use": entry.use, **entry.parameters} if entry.parameters else entry.use


def _metric(entry: StageEntry) -> Any:
    if set(entry.parameters) == {"k"} and isinstance(entry.parameters["k"], int):
        return f"{entry.use}@{entry.parameters['k']}"
    return _entry(entry)

"""JSON Schema of a sweep file for editors, derived from the registry."""

from __future__ import annotations

import dataclasses
from typing import Any

from ragscout.model.metric import MeasureStep
from ragscout.model.step import Step, field_adapter, steps_of
from ragscout.spec.connection import KEYS, KINDS
from ragscout.spec.entries import NO_GENERATION, PIPELINE, names_of, short_names
from ragscout.spec.options import is_chat, is_list, is_split, step_fields
from ragscout.spec.parse import WEIGHTED, WITHIN
from ragscout.spec.types import BUDGET
from ragscout.steps.retrievers import FUSION, KEY, Recipe, choices, filled, recipe

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number", "minimum": 0}


def schema() -> Schema:
    """JSON Schema (2020-12) of a sweep file with every registered step and its parameters."""
    import ragscout.steps  # noqa: F401 - fills the registry

    stages = {key: _stage(key) for key in PIPELINE}
    include = _object({"name": _TEXT, "reference": {"type": "boolean"}, **stages}, ["name"])
    retrieval, answer = _metrics("retrieval"), _metrics("answer")
    within = _object(dict.fromkeys(WITHIN, _NUMBER))
    weights = {"type": "object", "minProperties": 2, "additionalProperties": {"type": "number", "exclusiveMinimum": 0}}
    maximize = {"anyOf": [_TEXT, _object({WEIGHTED: weights}, [WEIGHTED])]}
    goal = _object({"maximize": maximize, "minimize": _TEXT, "within": within, "require": {"type": "object"}})
    budget = _object({name: _NUMBER if name in ("usd", "minutes") else _COUNT for name in BUDGET})
    probe = _object({"questions": _COUNT, "concurrency": _COUNT})
    top: Schema = {
        "sweep": _TEXT | {"description": "name of the sweep, and of the MLflow experiment"},
        "eval_set": _TEXT | {"description": "a path, or name@version"},
        "models": {"type": "object", "additionalProperties": {"anyOf": [_connection(), _TEXT]}},
        "models_file": _TEXT,
        "pipeline": _object(stages),
        "include": _many(include),
        "measure": _object({"retrieval": retrieval, "answer": answer}),
        "goal": {"anyOf": [_TEXT, goal]},
        "search": {"anyOf": [_TEXT, {"type": "object", "required": ["use"]}]},
        "budget": budget,
        "network": _many(_TEXT),
        "holdout": {"anyOf": [{"const": "off"}, {"type": "number", "minimum": 0, "maximum": 0.9}]},
        "seed": _COUNT,
        "probe": {"anyOf": [{"const": "off"}, probe]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ragscout sweep",
        **_object(top, ["sweep", "eval_set", "pipeline"]),
    }


def _stage(key: str) -> Schema:
    names = names_of(key)
    steps = [_step(key, name) for name in names if (key, name) != NO_GENERATION]
    # any text: aliases, hub names and connections stand for steps too, and spellings vary
    simple = {"type": "string", "examples": [*names, *short_names(key, {})]}
    return _many({"anyOf": [simple, *steps]})


def _step(key: str, name: str) -> Schema:
    properties: Schema = {"use": {"const": name}}
    properties |= _retriever(recipe(name)) if key == KEY else _parameters(steps_of(key)[name])
    if "text" in properties and "file" not in properties:
        properties["file"] = _many(_TEXT)
    return _object(properties, ["use"]) | {"title": name}


def _retriever(chosen: Recipe) -> Schema:
    """Parameters of a retriever: those of all its steps, and its parts with their own."""
    found: Schema = {}
    for part in chosen.steps:
        uses = choices(chosen, part)
        inside: list[Schema] = []
        for use in uses:
            own: Schema = {}
            for item in filled(chosen, {part: {"use": use}}):
                if item.part == part:
                    own |= _parameters(steps_of(item.stage)[item.step])
            found |= own
            inside.append(_object({"use": {"const": use}, **own}))
        if part not in chosen.fixed:
            found[part] = _many({"anyOf": [{"type": "string", "examples": list(uses)}, *inside]})
    if "fuse" in chosen.steps and "fuse" not in chosen.fixed:
        found[FUSION] = _many({"enum": list(choices(chosen, "fuse"))})
    return found


def _parameters(cls: type[Step]) -> Schema:
    """Parameter name to its schema; a list of values is allowed where the field is not a list itself."""
    found: Schema = {}
    kinds = step_fields(cls)
    for field in dataclasses.fields(cls):
        named = is_chat(kinds[field.name]) or is_split(kinds[field.name])
        one: Schema = _TEXT if named else field_adapter(cls, field.name).json_schema()
        meta = field.metadata
        limits = {"ge": "minimum", "le": "maximum"}
        one = one | {limits[key]: meta[key] for key in limits if key in meta and "type" in one}
        if "choices" in meta:
            one = {"enum": list(meta["choices"])}
        if "help" in meta:
            one = one | {"description": meta["help"]}
        found[field.name] = one if is_list(kinds[field.name]) else _many(one)
    return found


def _metrics(family: str) -> Schema:
    known = steps_of("measure").items()
    names = [name for name, cls in known if issubclass(cls, MeasureStep) and cls.family == family]
    steps = [
        _object({"use": {"const": name}, **_parameters(steps_of("measure")[name])}, ["use"]) | {"title": name}
        for name in names
    ]
    return _many({"anyOf": [{"type": "string", "examples": names}, *steps]})


def _connection() -> Schema:
    kinds: Schema = dict.fromkeys(KEYS, _TEXT)
    price = _object({"input": _NUMBER, "output": _NUMBER, "per": {}, "currency": _TEXT, "hour": _NUMBER})
    kinds |= {
        "price": price,
        "context": _COUNT,
        "threads": _COUNT,
        "limits": _object(dict.fromkeys(("rpm", "tpm", "concurrency", "wait"), _NUMBER)),
    }
    kinds |= {"identity": {"enum": ["model", "endpoint"]}, "kind": {"enum": list(KINDS)}}
    return _object(kinds, ["provider"])


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required} if required else {})


def _many(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

"""Entries to options: every combination of an entry's alternatives as validated steps with their knobs."""

from __future__ import annotations

import dataclasses
import itertools
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ragscout.model.errors import ParameterError, SpecError, UnknownNameError
from ragscout.model.key import digest
from ragscout.model.runtime import ChatModel
from ragscout.model.step import Step, make, step_class, steps_of
from ragscout.spec.document import join
from ragscout.spec.entries import NOTHING
from ragscout.spec.types import Entry, SweepSpec

RETRIEVER_STAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "bm25": (("lexicon", "bm25"), ("lexical", "bm25"), ("fuse", "lexical")),
    "lancedb-fts": (("lexicon", "lancedb-fts"), ("lexical", "bm25"), ("fuse", "lexical")),
    "dense": (("dense", "nearest"), ("fuse", "dense")),
    "hybrid": (("lexicon", "bm25"), ("lexical", "bm25"), ("dense", "nearest")),
}
"""Retriever to the stages and steps it stands for; a hybrid one adds the fusion it names."""

_NO_KNOBS = ("model", "revision", "text", "title")
"""Fields that are shown by another knob, or by none."""


class Resolver(Protocol):
    """What identifies a model's bytes, asked without any network."""

    def revision(self, model: str) -> str:
        """Revision of an alias, a local path or a hub name.

        Raises:
            RagscoutError: when it cannot be known; the message holds the remedy.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Option:
    """One choice at one key of ``pipeline:``: the steps it means by stage, and its knobs by name. ``token`` is equal
    for equal steps."""

    steps: Mapping[str, Step]
    knobs: Mapping[str, str]
    token: str


def count(entry: Entry, key: str) -> int:
    """How many combinations an entry has, before any is made."""
    return math.prod(len(values) for values in _alternatives(entry, key).values())


def options(spec: SweepSpec, key: str, entry: Entry, resolve: Resolver) -> Iterator[Option]:
    """All combinations of an entry's alternatives, the last parameter varying fastest.

    Raises:
        SpecError: an unknown or wrong parameter, with its place.
    """
    _refuse_unknown(spec, key, entry)
    alternatives = _alternatives(entry, key)
    for values in itertools.product(*alternatives.values()):
        given = dict(zip(alternatives, values, strict=True))
        steps = {
            stage: _step(spec, stage, name, given, entry, resolve) for stage, name in stages_of(key, entry.use, given)
        }
        token = digest([[stage, step.key({})] for stage, step in sorted(steps.items())])
        yield Option(steps, _knobs(key, entry, given, steps), token)


def stages_of(key: str, use: str, given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Stages and step names that one alternative stands for."""
    if key != "retriever":
        return () if (key, use) == NOTHING else ((key, use),)
    fusion = (("fuse", str(given.get("fusion", "rrf"))),) if use == "hybrid" else ()
    return RETRIEVER_STAGES[use] + fusion


def step_fields(cls: type[Step]) -> dict[str, Any]:
    """Field name to type of a step class, in the order of declaration."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _all_fields(entry: Entry, key: str) -> dict[str, Any]:
    """Every parameter an entry may have, whichever of its alternatives needs it."""
    names = [entry.use]
    found: dict[str, Any] = {}
    if (key, entry.use) == NOTHING:
        return {}
    if key != "retriever":
        found = step_fields(step_class(key, names[0], entry.path))
        return found | ({"file": str} if "text" in found and "file" not in found else {})
    extra: dict[str, Any] = {"fusion": str} if entry.use == "hybrid" else {}
    for fusion in fusions() if entry.use == "hybrid" else ("",):
        for stage, name in stages_of(key, entry.use, {"fusion": fusion}):
            found |= step_fields(step_class(stage, name, entry.path))
    return extra | found


def fusions() -> tuple[str, ...]:
    """Names a hybrid retriever's ``fusion`` may have."""
    return tuple(name for name in steps_of("fuse") if name not in ("dense", "lexical"))


def _refuse_unknown(spec: SweepSpec, key: str, entry: Entry) -> None:
    allowed = _all_fields(entry, key)
    for name in entry.parameters:
        if name not in allowed:
            place = spec.document.at(join(entry.path, name))
            raise UnknownNameError(place, f"parameter of {entry.use!r}", name, allowed)
    if key == "retriever":
        place = join(entry.path, "fusion")
        for item, at in spec.document.listed(entry.parameters.get("fusion", "rrf"), place):
            if not isinstance(item, str) or item not in fusions():
                raise UnknownNameError(spec.document.at(at), "fusion", str(item), fusions())


def _alternatives(entry: Entry, key: str) -> dict[str, Sequence[Any]]:
    kinds = _all_fields(entry, key)
    return {name: alternatives_of(value, kinds.get(name)) for name, value in entry.parameters.items()}


def alternatives_of(value: Any, kind: Any) -> Sequence[Any]:
    """A list is alternatives; where the field is a list itself, only a list of lists is."""
    if not isinstance(value, list):
        return (value,)
    if is_list(kind) and not (value and all(isinstance(item, list) for item in value)):
        return (value,)
    return value


def is_list(kind: Any) -> bool:
    """Whether a field's type is a list, so that a list is one value of it."""
    origin = typing.get_origin(kind)
    if origin in (tuple, list, set, frozenset) or kind in (tuple, list):
        return True
    return origin is not None and any(is_list(item) for item in typing.get_args(kind))


def _step(spec: SweepSpec, stage: str, name: str, given: Mapping[str, Any], entry: Entry, resolve: Resolver) -> Step:
    cls = step_class(stage, name, entry.path)
    kinds = step_fields(cls)
    values = {key: value for key, value in given.items() if key in kinds}
    if "file" in given and "file" not in kinds and "text" in kinds:
        values["text"] = _file(spec, str(given["file"]), join(entry.path, "file"))
        if "title" in kinds:
            values.setdefault("title", Path(str(given["file"])).name)
    return build(spec, stage, name, values, entry.path, resolve)


def build(spec: SweepSpec, stage: str, name: str, values: Mapping[str, Any], path: str, resolve: Resolver) -> Step:
    """Make a step from what is written: connections by name, model revisions filled in, errors with their place.

    Raises:
        SpecError: with file, line and column.
    """
    kinds = step_fields(step_class(stage, name, path))
    made = dict(values)
    for key, kind in kinds.items():
        if key in made and is_chat(kind):
            made[key] = _chat_model(spec, made[key], join(path, key))
    if "revision" in kinds and not made.get("revision"):
        model = _named_model(kinds, made, stage, name)
        if model:
            made["revision"] = resolve.revision(model)
    if "embedder_revision" in kinds and not made.get("embedder_revision"):
        default = next(item.default for item in dataclasses.fields(step_class(stage, name)) if item.name == "embedder")
        made["embedder_revision"] = resolve.revision(str(made.get("embedder", default)))
    try:
        return make(stage, name, made, path)
    except ParameterError as error:
        text = str(error)
        place = text.split(": ", 1)[0]
        raise ParameterError(f"{spec.document.at(place).removesuffix(f': {place}')}: {text}") from None


def _named_model(kinds: Mapping[str, Any], made: Mapping[str, Any], stage: str, name: str) -> str:
    """The model whose revision a step keeps: its ``model``, or a ``tokenizer`` that is not a built-in one."""
    fields = {field.name: field for field in dataclasses.fields(step_class(stage, name))}
    for key in ("model", "tokenizer"):
        if kinds.get(key) is str:
            value = str(made.get(key, fields[key].default))
            return "" if key == "tokenizer" and value in ("words", "embedder") else value
    return ""


def is_chat(kind: Any) -> bool:
    """Whether a field holds a chat model, which files name by its connection."""
    return kind is ChatModel or ChatModel in typing.get_args(kind)


def _chat_model(spec: SweepSpec, name: Any, path: str) -> ChatModel:
    if not isinstance(name, str) or name not in spec.connections:
        raise UnknownNameError(spec.document.at(path), "model (a name under models:)", str(name), spec.connections)
    return spec.connections[name].identity_model()


def _file(spec: SweepSpec, name: str, path: str) -> str:
    from ragscout.model.text import normalise

    place = spec.base / Path(name)
    try:
        return normalise(place.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"{spec.document.at(path)}: the file cannot be read ({type(error).__name__}); got {name!r}. Give a UTF-8 "
            f"text file, relative to {spec.base}."
        ) from None


def _knobs(key: str, entry: Entry, given: Mapping[str, Any], steps: Mapping[str, Step]) -> dict[str, str]:
    """Display values: the choice itself under the key's name, every parameter of its steps under ``key.parameter``."""
    shown: dict[str, str] = {}
    for step in steps.values():
        for field in dataclasses.fields(step):
            if field.name not in _NO_KNOBS:
                shown[f"{key}.{field.name}"] = display(getattr(step, field.name))
    if "file" in given:
        shown[f"{key}.file"] = Path(str(given["file"])).name
    if "fusion" in given:
        shown[f"{key}.fusion"] = str(given["fusion"])
    model = next((getattr(step, "model", None) for step in steps.values()), None)
    named = model.label or model.model if isinstance(model, ChatModel) else model
    return {key: str(named) if named else entry.use, **shown}


def display(value: Any) -> str:
    """A parameter's value for people and samplers."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return "+".join(display(item) for item in value)
    return str(value)

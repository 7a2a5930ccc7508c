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
from ragscout.model.step import Step, make, model_files, model_name, step_class
from ragscout.model.training import Split, read_file
from ragscout.spec.document import join
from ragscout.spec.entries import NO_GENERATION, known
from ragscout.spec.types import StageEntry, SweepSpec
from ragscout.steps.retrievers import FUSION, KEY, FilledRecipe, Recipe, choices, filled, part_of, recipe

_NO_KNOBS = ("model", "revision", "text", "title")
"""Fields that are shown by another knob, or by none."""


class OptionResolver(Protocol):
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


def count(spec: SweepSpec, entry: StageEntry, key: str) -> int:
    """How many combinations an entry has, before any is made."""
    return math.prod(len(values) for values in _alternatives(spec, entry, key).values())


def options(spec: SweepSpec, key: str, entry: StageEntry, resolve: OptionResolver) -> Iterator[Option]:
    """All combinations of an entry's alternatives, the last parameter varying fastest.

    Raises:
        SpecError: an unknown or wrong parameter, with its place.
    """
    _refuse_unknown(spec, key, entry)
    alternatives = _alternatives(spec, entry, key)
    for values in itertools.product(*alternatives.values()):
        given = dict(zip(alternatives, values, strict=True))
        chosen = _chosen(key, entry, given)
        steps = {item.stage: _step(spec, item, given, entry, resolve) for item in chosen}
        yield make_option(key, steps, _knobs(key, entry, given, steps, chosen))


def make_option(key: str, steps: Mapping[str, Step], knobs: Mapping[str, str]) -> Option:
    """One choice at a key, with its token."""
    return Option(steps, knobs, digest([[stage, step.key({})] for stage, step in sorted(steps.items())]))


def _chosen(key: str, entry: StageEntry, given: Mapping[str, Any]) -> list[FilledRecipe]:
    """Return the stages and steps that one alternative stands for, with what is written for each."""
    if (key, entry.use) == NO_GENERATION:
        return []
    if key == KEY:
        return list(filled(recipe(entry.use, entry.path), given))
    return [FilledRecipe(key, "", entry.use, given, {})]


def step_fields(cls: type[Step]) -> dict[str, Any]:
    """Field name to type of a step class, in the order of declaration."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def fields_of(chosen: Recipe, part: str, use: str) -> dict[str, Any]:
    """Parameters that may stand inside a part of a retriever whose first stage has this step."""
    found: dict[str, Any] = {}
    for item in filled(chosen, {part: {"use": use}}):
        if item.part == part:
            found |= step_fields(step_class(item.stage, item.step))
    return found


def _all_fields(entry: StageEntry, key: str) -> dict[str, Any]:
    """Every parameter an entry may have beside ``use``, whichever of its alternatives needs it."""
    if (key, entry.use) == NO_GENERATION:
        return {}
    if key != KEY:
        found = step_fields(step_class(key, entry.use, entry.path))
        return found | ({"file": str} if "text" in found and "file" not in found else {})
    chosen = recipe(entry.use, entry.path)
    found = {part: dict for part in chosen.steps if len(chosen.steps) > len(chosen.fixed)}
    found |= {FUSION: str} if "fuse" in chosen.steps and "fuse" not in chosen.fixed else {}
    for part in chosen.steps:
        for use in choices(chosen, part):
            found |= fields_of(chosen, part, use)
    return found


def _refuse_unknown(spec: SweepSpec, key: str, entry: StageEntry) -> None:
    allowed = _all_fields(entry, key)
    for name in entry.parameters:
        if name not in allowed:
            place = spec.document.at(join(entry.path, name))
            raise UnknownNameError(place, f"parameter of {entry.use!r}", name, allowed)
    if key == KEY and FUSION in entry.parameters:
        fusions = choices(recipe(entry.use, entry.path), "fuse")
        for item, at in spec.document.listed(entry.parameters[FUSION], join(entry.path, FUSION)):
            if not isinstance(item, str) or item not in fusions:
                raise UnknownNameError(spec.document.at(at), "fusion", str(item), fusions)


def _alternatives(spec: SweepSpec, entry: StageEntry, key: str) -> dict[str, Sequence[Any]]:
    kinds = _all_fields(entry, key)
    return {
        name: list(_part_alternatives(spec, recipe(entry.use, entry.path), name, value, join(entry.path, name)))
        if kinds.get(name) is dict and key == KEY
        else alternatives_of(value, kinds.get(name))
        for name, value in entry.parameters.items()
    }


def _part_alternatives(spec: SweepSpec, chosen: Recipe, part: str, value: Any, path: str) -> Iterator[dict[str, Any]]:
    """Every combination of what is written at a part of a retriever, each with the step it uses.

    Raises:
        SpecError: an unknown step or parameter, with its place.
    """
    for item, at in spec.document.listed(value, path):
        written = part_of(item)
        if not isinstance(item, (Mapping, str)):
            raise spec.document.wrong(at, "it must be a step's name or a mapping", item, "Write {use: ...}.")
        for use, place in spec.document.listed(written.get("use", chosen.steps[part]), join(at, "use")):
            name = known(str(use), choices(chosen, part))
            if name is None:
                raise UnknownNameError(spec.document.at(place), f"{part} step", str(use), choices(chosen, part))
            kinds = fields_of(chosen, part, name)
            for field in written:
                if field != "use" and field not in kinds:
                    raise UnknownNameError(
                        spec.document.at(join(at, field)), f"parameter of {part} {name!r}", field, kinds
                    )
            axes = {key: alternatives_of(held, kinds[key]) for key, held in written.items() if key != "use"}
            for values in itertools.product(*axes.values()):
                yield {"use": name, **dict(zip(axes, values, strict=True))}


def alternatives_of(value: Any, kind: Any) -> Sequence[Any]:
    """Return a list is alternatives; where the field is a list itself, only a list of lists is."""
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


def _step(
    spec: SweepSpec, item: FilledRecipe, given: Mapping[str, Any], entry: StageEntry, resolve: OptionResolver
) -> Step:
    kinds = step_fields(step_class(item.stage, item.step, entry.path))
    values = {name: value for name, value in {**item.shared, **item.own}.items() if name in kinds}
    if "file" in given and "file" not in kinds and "text" in kinds:
        values["text"] = _file(spec, str(given["file"]), join(entry.path, "file"))
        if "title" in kinds:
            values.setdefault("title", Path(str(given["file"])).name)
    path = join(entry.path, item.part) if item.own else entry.path
    return build(spec, item.stage, item.step, values, path, resolve)


def build(
    spec: SweepSpec, stage: str, name: str, values: Mapping[str, Any], path: str, resolve: OptionResolver
) -> Step:
    """Make a step from what is written: connections by name, model revisions filled in, errors with their place.

    Raises:
        SpecError: with file, line and column.
    """
    kinds = step_fields(step_class(stage, name, path))
    made = dict(values)
    for key, kind in kinds.items():
        if key in made and is_chat(kind):
            made[key] = _chat_model(spec, made[key], join(path, key))
        elif key in made and is_split(kind):
            place = join(path, key)
            split = spec.document.text(made[key], place)
            made[key] = Split(read_file(spec.base, split, spec.document.at(place)).digest, split)
    try:
        step = make(stage, name, made, path)
        unknown = {
            str(field.metadata["model"]): resolve.revision(item.name)
            for item in model_files(step)
            for field in dataclasses.fields(step)
            if field.name == item.field and field.metadata["model"] and not item.revision
        }
        return make(stage, name, {**made, **unknown}, path) if unknown else step
    except ParameterError as error:
        text = str(error)
        place = text.split(": ", 1)[0]
        raise ParameterError(f"{spec.document.at(place).removesuffix(f': {place}')}: {text}") from None


def is_chat(kind: Any) -> bool:
    """Whether a field holds a chat model, which files name by its connection."""
    return kind is ChatModel or ChatModel in typing.get_args(kind)


def is_split(kind: Any) -> bool:
    """Whether a field holds a training split, which files name by the name that it was frozen under."""
    return kind is Split


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


def _knobs(
    key: str, entry: StageEntry, given: Mapping[str, Any], steps: Mapping[str, Step], chosen: Sequence[FilledRecipe]
) -> dict[str, str]:
    """Display values: the choice itself under the key's name, every parameter of its steps under ``key.parameter``;
    under ``key.part.parameter`` where it was written inside a part."""
    shown: dict[str, str] = {}
    for item in chosen:
        step = steps[item.stage]
        for field in dataclasses.fields(step):
            if field.name not in _NO_KNOBS:
                name = f"{key}.{item.part}.{field.name}" if field.name in item.own else f"{key}.{field.name}"
                shown[name] = display(getattr(step, field.name))
    for name, value in given.items():
        if isinstance(value, Mapping) and any(item.part == name for item in chosen):
            shown[f"{key}.{name}"] = str(value["use"])
    if "file" in given:
        shown[f"{key}.file"] = Path(str(given["file"])).name
    if FUSION in given and key == KEY:
        shown[f"{key}.{FUSION}"] = str(given[FUSION])
    named = next(filter(None, (model_name(step) for step in steps.values())), "")
    return {key: named or entry.use, **shown}


def display(value: Any) -> str:
    """Return a parameter's value for people and samplers."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return "+".join(display(item) for item in value)
    return str(value)

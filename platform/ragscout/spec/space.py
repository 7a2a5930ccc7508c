"""The closed space of a sweep: every distinct configuration, once, in the order of the file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ragscout.model.config import PATH, Configuration, Node
from ragscout.model.errors import SpaceTooLargeError, SpecError
from ragscout.model.key import digest
from ragscout.model.step import Step, make
from ragscout.spec.document import join
from ragscout.spec.entries import PIPELINE
from ragscout.spec.options import RETRIEVER_STAGES, Option, Resolver, count, options
from ragscout.spec.types import Entry, SweepSpec

LIMIT = 20_000
_DENSE_ONLY: tuple[str, ...] = ("embed", "index")


@dataclass(frozen=True)
class Space:
    """``configurations``: the grid first, then baselines and included rows that are not in it. ``knobs``: knob name
    to its values, in the order of the file. ``combinations``: how many the file spells out, ``distinct``: how
    many of them differ."""

    configurations: tuple[Configuration, ...]
    knobs: Mapping[str, tuple[str, ...]]
    combinations: int
    distinct: int

    @property
    def grid(self) -> tuple[Configuration, ...]:
        """The configurations that the pipeline's alternatives make."""
        return self.configurations[: self.distinct]


def space(spec: SweepSpec, source: Node, resolve: Resolver, limit: int = LIMIT) -> Space:
    """Close the space: the grid, the two baselines, the included rows.

    Raises:
        SpaceTooLargeError: the grid has more than ``limit`` combinations.
        SpecError: a parameter is wrong, with its place.
    """
    combinations = _counted(spec, limit)
    axes = {key: _axis(spec, key, spec.pipeline[key], resolve) for key in PIPELINE}
    found: dict[str, Configuration] = {}
    for chosen in _grid(axes):
        token, steps, knobs = _combined(chosen)
        found.setdefault(token, Configuration(steps, source, knobs))
    kept = _kept_knobs(found.values(), axes)
    named = {token: replace(item, knobs=_only(item.knobs, kept)) for token, item in found.items()}
    for row in (*_baselines(axes), *_included(spec, axes, resolve)):
        token, steps, knobs = _combined(row.chosen)
        known = named.get(token) or Configuration(steps, source, _only(knobs, kept))
        roles = tuple(dict.fromkeys((*known.roles, *row.roles)))
        name = row.name if "include" in row.roles or token not in named else known.name
        named[token] = replace(known, roles=roles, name=name)
    return Space(tuple(named.values()), kept, combinations, len(found))


def space_hash(space: Space) -> str:
    """Identity of a space: its configurations with their roles, in order."""
    tokens: dict[int, str] = {}

    def token(step: Step) -> str:
        if id(step) not in tokens:
            tokens[id(step)] = step.key({})
        return tokens[id(step)]

    rows = [
        " ".join((item.source.key, *(f"{stage}={token(step)}" for stage, step in item.steps.items()), *item.roles))
        for item in space.configurations
    ]
    return digest("space", rows)


@dataclass(frozen=True)
class _Row:
    name: str
    roles: tuple[str, ...]
    chosen: Mapping[str, Option]


def _counted(spec: SweepSpec, limit: int) -> int:
    sizes = {key: sum(count(item, key) for item in spec.pipeline[key]) for key in PIPELINE}
    for key in PIPELINE:
        for item in spec.pipeline[key]:
            empty = [name for name, value in item.parameters.items() if value == []]
            if empty and count(item, key) == 0:
                raise spec.document.wrong(
                    join(item.path, empty[0]), "it has no values", [], "Give at least one value, or leave the key out."
                )
    lexical = sum(
        count(item, "retriever") for item in spec.pipeline["retriever"] if item.use not in ("dense", "hybrid")
    )
    shared = 1
    for key in PIPELINE:
        if key not in (*_DENSE_ONLY, "retriever"):
            shared *= sizes[key]
    total = shared * (lexical + (sizes["retriever"] - lexical) * sizes["embed"] * sizes["index"])
    if total > limit:
        largest = ", ".join(f"{key} ({sizes[key]})" for key in sorted(PIPELINE, key=lambda key: -sizes[key])[:3])
        raise SpaceTooLargeError(
            f"{spec.document.at('pipeline')}: the grid is too large; got {total:,} configurations, at most {limit:,} "
            f"are allowed. Remove alternatives where there are most: {largest}."
        )
    return total


def _axis(spec: SweepSpec, key: str, entries: tuple[Entry, ...], resolve: Resolver) -> list[Option]:
    """Distinct options of a key; options with equal knobs but different steps get the step's name in front."""
    found: dict[str, Option] = {}
    uses: dict[str, str] = {}
    for entry in entries:
        for option in options(spec, key, entry, resolve):
            found.setdefault(option.token, option)
            uses.setdefault(option.token, entry.use)
    by_label: dict[str, set[str]] = {}
    for token, option in found.items():
        by_label.setdefault(option.knobs[key], set()).add(uses[token])
    return [
        option
        if len(by_label[option.knobs[key]]) == 1
        else replace(option, knobs={**option.knobs, key: f"{uses[token]}:{option.knobs[key]}"})
        for token, option in found.items()
    ]


def _grid(axes: Mapping[str, list[Option]]) -> Iterator[dict[str, Option]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _combined(chosen: Mapping[str, Option]) -> tuple[str, dict[str, Step], dict[str, str]]:
    """Token, steps in graph order and knobs of a choice; what nothing uses falls away."""
    retriever = chosen.get("retriever")
    dense = retriever is not None and "dense" in retriever.steps
    unused: tuple[str, ...] = () if dense else _DENSE_ONLY
    if not chosen["generate"].steps:
        unused += ("prompt",)
    used = {key: option for key, option in chosen.items() if key not in unused}
    if _whole_system(chosen["generate"]):
        used = {"generate": chosen["generate"]}
    steps = {stage: step for option in used.values() for stage, step in option.steps.items()}
    knobs = {name: value for option in used.values() for name, value in option.knobs.items()}
    token = digest([[key, option.token] for key, option in used.items()])
    return token, {stage: steps[stage] for stage in PATH if stage in steps}, knobs


def _kept_knobs(
    configurations: Iterable[Configuration], axes: Mapping[str, list[Option]]
) -> dict[str, tuple[str, ...]]:
    """Knobs with more than one value, in graph order; their values in the order of the file."""
    values: dict[str, dict[str, None]] = {
        name: {} for found in axes.values() for option in found for name in option.knobs
    }
    for item in configurations:
        for name, value in item.knobs.items():
            values[name][value] = None
    return {name: tuple(found) for name, found in values.items() if len(found) > 1}


def _only(knobs: Mapping[str, str], kept: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: value for name, value in knobs.items() if name in kept}


def _baselines(axes: Mapping[str, list[Option]]) -> Iterator[_Row]:
    """The generator without retrieval (where one can answer without passages), and BM25 alone."""
    first = {key: found[0] for key, found in axes.items()}
    chat = next((option for option in axes["generate"] if _answers_alone(option)), None)
    if chat is not None:
        yield _Row("no retrieval", ("baseline",), {"prompt": first["prompt"], "generate": chat})
    lexical = next((option for option in axes["retriever"] if "dense" not in option.steps), None)
    if lexical is None:
        lexical = _plain_bm25()
    yield _Row("bm25 only", ("baseline",), {**first, "retriever": lexical})


def _answers_alone(option: Option) -> bool:
    alone = "generate" in option.steps and option.steps["generate"].name != "extractive"
    return alone and not _whole_system(option)


def _whole_system(option: Option) -> bool:
    """Whether a generator is a system of its own, which uses no stage before it."""
    return bool(getattr(option.steps.get("generate"), "whole_system", False))


def _plain_bm25() -> Option:
    steps = {stage: make(stage, name) for stage, name in RETRIEVER_STAGES["bm25"]}
    token = digest([[stage, step.key({})] for stage, step in sorted(steps.items())])
    return Option(steps, {"retriever": "bm25"}, token)


def _included(spec: SweepSpec, axes: Mapping[str, list[Option]], resolve: Resolver) -> Iterator[_Row]:
    first = {key: found[0] for key, found in axes.items()}
    for row in spec.include:
        chosen = dict(first)
        for key, entry in row.stages.items():
            found = _axis(spec, key, (entry,), resolve)
            if len(found) != 1:
                raise SpecError(
                    f"{spec.document.at(join(row.path, key))}: an included row is one configuration; got {len(found)}. "
                    "Give one value for each parameter."
                )
            chosen[key] = found[0]
        yield _Row(row.name, ("include", "reference") if row.reference else ("include",), chosen)

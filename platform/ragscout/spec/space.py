"""The closed space of a sweep: every distinct configuration, once, in the order of the file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ragscout.model.config import Configuration, Node, reached
from ragscout.model.errors import SpaceTooLargeError, SpecError
from ragscout.model.key import digest
from ragscout.model.stages import STAGES, configured, identifying, keys
from ragscout.model.step import Step, identity_of, make, steps_of
from ragscout.spec.document import join
from ragscout.spec.entries import PIPELINE
from ragscout.spec.options import Option, OptionResolver, count, make_option, options
from ragscout.spec.types import StageEntry, SweepSpec
from ragscout.steps.retrievers import KEY, filled, recipe, recipes

LIMIT = 20_000


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


def space(spec: SweepSpec, source: Node, resolve: OptionResolver, limit: int = LIMIT) -> Space:
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


def ineffective(spec: SweepSpec, closed: Space) -> tuple[str, ...]:
    """Return notes on steps that the file names and that no configuration of the grid has: nothing reads them, or what
    they need is not given."""
    notes = []
    for key, entries in spec.pipeline.items():
        stage = keys()[key][0]
        plain, named = identity_of(stage), steps_of(stage)
        if plain is None:
            continue
        used = {plain.name, *(item.steps[stage].name for item in closed.grid if stage in item.steps)}
        notes += [
            f"pipeline.{key}: {entry.use} changes nothing here: no other step of the file goes with it."
            for entry in entries
            if entry.use in named and entry.use not in used
        ]
    return tuple(notes)


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
    sizes = {key: sum(count(spec, item, key) for item in spec.pipeline[key]) for key in PIPELINE}
    for key in PIPELINE:
        for item in spec.pipeline[key]:
            empty = [name for name, value in item.parameters.items() if value == []]
            if empty and count(spec, item, key) == 0:
                raise spec.document.wrong(
                    join(item.path, empty[0]), "it has no values", [], "Give at least one value, or leave the key out."
                )
    # a key that only some retrievers read (the encoder) multiplies those alone
    needed = [chosen.needs() & set(PIPELINE) for chosen in recipes().values()]
    optional = frozenset[str]().union(*needed) - needed[0].intersection(*needed)
    shared = math.prod(sizes[key] for key in PIPELINE if key not in optional and key != KEY)
    total = sum(
        shared
        * count(spec, item, KEY)
        * math.prod(sizes[key] for key in optional & set(recipe(item.use, item.path).needs()))
        for item in spec.pipeline[KEY]
    )
    if total > limit:
        largest = ", ".join(f"{key} ({sizes[key]})" for key in sorted(PIPELINE, key=lambda key: -sizes[key])[:3])
        raise SpaceTooLargeError(
            f"{spec.document.at('pipeline')}: the grid is too large; got {total:,} configurations, at most {limit:,} "
            f"are allowed. Remove alternatives where there are most: {largest}."
        )
    return total


def _axis(spec: SweepSpec, key: str, entries: tuple[StageEntry, ...], resolve: OptionResolver) -> list[Option]:
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
    together = {stage: step for option in chosen.values() for stage, step in option.steps.items()}
    wanted = {STAGES[stage].key for stage in reached(together)} | {STAGES[identifying()].key}
    used = {key: _settled(key, option, together) for key, option in chosen.items() if key in wanted}
    steps = {stage: step for option in used.values() for stage, step in option.steps.items()}
    knobs = {name: value for option in used.values() for name, value in option.knobs.items()}
    token = digest([[key, option.token] for key, option in used.items()])
    return token, {stage: steps[stage] for stage in configured() if stage in steps}, knobs


def _settled(key: str, chosen: Option, together: Mapping[str, Step]) -> Option:
    """Return the option, or that of the identity step where it changes nothing beside the others."""
    plain = identity_of(keys()[key][0])
    if plain is None or not chosen.steps or not all(step.idle(together) for step in chosen.steps.values()):
        return chosen
    return make_option(key, {plain.stage: plain}, {key: plain.name})


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
    """Yield the generator without retrieval (where one can answer without passages), and BM25 alone."""
    first = {key: found[0] for key, found in axes.items()}
    last = identifying()
    alone = next((item for item in axes[last] if last in item.steps and _answers_alone(item.steps[last])), None)
    if alone is not None:
        beyond = {stage.key for stage in STAGES.values() if not stage.in_prefix} - {last}
        kept = {key: found for key, found in first.items() if key in beyond and _without_retrieval(found)}
        yield _Row("no retrieval", ("baseline",), {**kept, last: alone})
    lexical = next((item for item in axes[KEY] if not _encodes(item)), None)
    yield _Row("bm25 only", ("baseline",), {**first, KEY: lexical or _plain_bm25()})


def _answers_alone(step: Step) -> bool:
    """Whether it can answer without passages, and is no system that does all by itself."""
    return not step.needs_passages and bool(step.inputs)


def _without_retrieval(option: Option) -> bool:
    """Whether it has a place where nothing is retrieved: none of its steps reads chunks or rankings."""
    reads = {name for step in option.steps.values() for name in step.inputs}
    return not any(STAGES[name].in_prefix for name in reads)


def _encodes(option: Option) -> bool:
    """Whether a retriever needs the vectors of an encoder."""
    return any("index" in step.inputs for step in option.steps.values())


def _plain_bm25() -> Option:
    default = PIPELINE[KEY].use
    steps = {item.stage: make(item.stage, item.step) for item in filled(recipe(default), {})}
    return make_option(KEY, steps, {KEY: default})


def _included(spec: SweepSpec, axes: Mapping[str, list[Option]], resolve: OptionResolver) -> Iterator[_Row]:
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

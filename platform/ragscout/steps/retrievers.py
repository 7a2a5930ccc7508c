"""Retrievers: which steps a name under ``retriever:`` stands for, and what may be written below it.

The stages that share the key ``retriever`` lie in parts: ``lexical`` (a lexical index and its search), ``dense`` and
``fuse``. A recipe names the parts it has. Everything else comes from the registry: any lexicon's name is a retriever,
any fuse step that joins both sides can be the ``fuse`` of a hybrid one.

A parameter may stand beside ``use``, where every step that has it gets it, or inside its part:
``{use: hybrid, depth: 50, lexical: {use: bm25, k1: 1.2}, dense: {depth: 100}, fuse: {use: rrf, k: 30}}``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ragscout.model.errors import UnknownNameError
from ragscout.model.stages import STAGES, keys, parts
from ragscout.model.step import Step, step_class, steps_of

KEY = "retriever"
FUSION = "fusion"
"""The older spelling of ``fuse: {use: ...}``."""


@dataclass(frozen=True)
class Recipe:
    """One name under ``retriever:``. ``steps``: part to the step of its first stage, which ``use`` inside the part may
    replace where that is another than ``fixed``."""

    name: str
    steps: Mapping[str, str]
    help: str
    fixed: tuple[str, ...] = ()

    def stages(self) -> tuple[str, ...]:
        """Stages that it fills, in graph order."""
        filled = {stage for part in self.steps for stage in parts(KEY)[part]}
        return tuple(stage for stage in keys()[KEY] if stage in filled)

    def needs(self) -> frozenset[str]:
        """Keys of ``pipeline:`` that its stages read, directly or not, its own among them."""
        found: set[str] = set()

        def walk(stage: str) -> None:
            if stage in found:
                return
            found.add(stage)
            for name in STAGES[stage].inputs:
                if STAGES[name].key != KEY or name in self.stages():
                    walk(name)

        for stage in self.stages():
            walk(stage)
        return frozenset(STAGES[stage].key for stage in found)


@dataclass(frozen=True)
class FilledRecipe:
    """A stage of a retriever with the step that was chosen and what was written for it: ``shared`` beside ``use``,
    ``own`` inside its part."""

    stage: str
    part: str
    step: str
    shared: Mapping[str, Any]
    own: Mapping[str, Any]


def recipes() -> dict[str, Recipe]:
    """Return every name that may stand under ``retriever:``."""
    found = {
        name: Recipe(name, {"lexical": name, "fuse": "lexical"}, _first_line(cls), ("lexical", "fuse"))
        for name, cls in steps_of("lexicon").items()
    }
    dense, lexicon, fuse = (STAGES[stage].default_step for stage in ("dense", "lexicon", "fuse"))
    assert dense is not None and lexicon is not None and fuse is not None
    found["dense"] = Recipe("dense", {"dense": dense.use, "fuse": "dense"}, "Vectors alone.", ("fuse",))
    both = {"lexical": lexicon.use, "dense": dense.use, "fuse": fuse.use}
    found["hybrid"] = Recipe("hybrid", both, "Words and vectors, their rankings fused.")
    return found


def recipe(name: str, where: str = "") -> Recipe:
    """Look a retriever up.

    Raises:
        UnknownNameError: with a did-you-mean.
    """
    found = recipes().get(name)
    if found is None:
        raise UnknownNameError(where or KEY, "retriever", name, recipes())
    return found


def choices(chosen: Recipe, part: str) -> tuple[str, ...]:
    """Names that ``use`` may have inside a part: all steps of its first stage; for ``fuse`` those that join both
    sides."""
    lead = parts(KEY)[part][0]
    if part in chosen.fixed:
        return (chosen.steps[part],)
    sides = [name for name in chosen.steps if name != part]
    wanted = [name for name in STAGES[lead].inputs if STAGES[name].part in sides]
    offered = steps_of(lead)
    return tuple(name for name, cls in offered.items() if cls.uses is None or set(wanted) <= set(cls.uses))


def filled(chosen: Recipe, given: Mapping[str, Any]) -> Iterator[FilledRecipe]:
    """Return the stages of a retriever for one combination of what is written. A part is a mapping or a step's name."""
    shared = {name: value for name, value in given.items() if name not in chosen.steps and name != FUSION}
    for stage in chosen.stages():
        part = STAGES[stage].part
        own = dict(part_of(given.get(part, {})))
        lead = own.pop("use", given.get(FUSION, chosen.steps[part]) if part == "fuse" else chosen.steps[part])
        default = STAGES[stage].default_step
        step = str(lead) if stage == parts(KEY)[part][0] or default is None else default.use
        names = {item.name for item in dataclasses.fields(step_class(stage, step))}
        yield FilledRecipe(
            stage,
            part,
            step,
            {name: value for name, value in shared.items() if name in names},
            {name: value for name, value in own.items() if name in names},
        )


def part_of(value: Any) -> Mapping[str, Any]:
    """Return what is written at a part, as a mapping."""
    return value if isinstance(value, Mapping) else {"use": value}


def _first_line(cls: type[Step]) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())

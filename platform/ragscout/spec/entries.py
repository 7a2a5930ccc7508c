"""What stands at a stage of ``pipeline:``: names, short forms, and alternatives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from ragscout.model.errors import UnknownNameError
from ragscout.model.stages import STAGES, identifying, keys
from ragscout.model.step import steps_of
from ragscout.spec.connection import Connection
from ragscout.spec.document import SpecDocument, join
from ragscout.spec.types import StageEntry
from ragscout.steps.retrievers import KEY, recipes


def pipeline() -> dict[str, StageEntry]:
    """Keys of ``pipeline:`` in graph order, each with what is chosen when it is not written."""
    found = {}
    for key, held in keys().items():
        default = next(item for stage in held if (item := STAGES[stage].default_step) is not None)
        found[key] = StageEntry(default.use, default.parameters)
    return found


PIPELINE = pipeline()
NO_GENERATION = (identifying(), "none")
"""Where nothing is generated, retrieval alone is measured."""


def entries(
    document: SpecDocument, stage: str, data: Any, path: str, models: Mapping[str, Connection]
) -> tuple[StageEntry, ...]:
    """Return the alternatives written at a stage; ``use: [a, b]`` means both with the same parameters.

    Raises:
        SpecError: no alternatives, or a name that is unknown at this stage.
    """
    found: list[StageEntry] = []
    for item, at in document.listed(data, path):
        uses = item.get("use") if isinstance(item, dict) else None
        if isinstance(uses, list):
            for use, place in document.listed(uses, join(at, "use")):
                made = entry(document, stage, item | {"use": use}, at)
                found.append(_resolved(document, stage, made, place, models))
        else:
            found.append(_resolved(document, stage, entry(document, stage, item, at), at, models))
    return tuple(found)


def entry(document: SpecDocument, stage: str, data: Any, path: str) -> StageEntry:
    """One name, or a mapping with ``use`` and parameters."""
    if not isinstance(data, dict):
        return StageEntry(document.text(data, path), {}, path)
    fields = {key: value for key, value in data.items() if key != "use"}
    if "use" in data:
        return StageEntry(document.text(data["use"], join(path, "use")), fields, path)
    meant = _meant(stage, "parameters")
    if meant is None:
        raise document.wrong(path, "use is missing", sorted(data), "Add use: with the name of a step.")
    return StageEntry(meant, fields, path)


def names_of(stage: str) -> tuple[str, ...]:
    """Names of what may stand at a key of ``pipeline:``."""
    if stage == KEY:
        return tuple(recipes())
    return (*steps_of(stage), *(name for place, name in (NO_GENERATION,) if place == stage))


def known(name: str, names: Iterable[str]) -> str | None:
    """Return the registered spelling of a name: upper case, spaces, ``_`` and ``-`` do not matter."""
    allowed = list(names)
    if name in allowed:
        return name
    fits = [item for item in allowed if _plain(item) == _plain(name)]
    return fits[0] if len(fits) == 1 else None


def _resolved(
    document: SpecDocument, stage: str, made: StageEntry, path: str, models: Mapping[str, Connection]
) -> StageEntry:
    import ragscout.steps  # noqa: F401 - fills the registry

    names = names_of(stage)
    name = known(made.use, names)
    if name is not None:
        return StageEntry(name, made.parameters, made.path)
    short = _short(stage, made, models)
    if short is not None:
        return short
    allowed = dict.fromkeys([*names, *short_names(stage, models)])
    place = document.at(join(path, "use") if join(path, "use") in document.marks else path)
    raise UnknownNameError(place, f"{stage} step", made.use, allowed)


def _meant(stage: str, what: str) -> str | None:
    """Name of the step that may be written as something else at a stage (see ``Step.stands_for``), ``None`` when none
    may."""
    import ragscout.steps  # noqa: F401 - fills the registry

    return next((name for name, cls in steps_of(stage).items() if what in cls.stands_for), None)


def _short(stage: str, made: StageEntry, models: Mapping[str, Connection]) -> StageEntry | None:
    """Return what stands for a step where its name is expected: a connection, an alias of the catalogue, a hub name."""
    from ragscout.providers.catalogue import CATALOGUE

    if "model" in made.parameters:
        return None
    name = made.use if made.use in models else known(made.use, CATALOGUE) or made.use
    if name in models:
        use = _meant(stage, "connection")
    elif name in CATALOGUE:
        use = _meant(stage, CATALOGUE[name].role)
    else:
        use = _meant(stage, "hub name") if re.fullmatch(r"[\w.-]+/[\w.-]+", made.use) else None
    return None if use is None else StageEntry(use, {"model": name, **made.parameters}, made.path)


def short_names(stage: str, models: Mapping[str, Connection]) -> list[str]:
    """Names beside those of steps that may stand at a stage."""
    from ragscout.providers.catalogue import CATALOGUE

    found = sorted(models) if _meant(stage, "connection") is not None else []
    return found + [name for name, asset in CATALOGUE.items() if _meant(stage, asset.role) is not None]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", name)).lower()

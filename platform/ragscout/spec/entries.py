"""What stands at a stage of ``pipeline:``: names, short forms, and alternatives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from ragscout.model.errors import UnknownNameError
from ragscout.model.step import steps_of
from ragscout.spec.connection import Connection
from ragscout.spec.document import Document, join
from ragscout.spec.types import Entry

RETRIEVERS = ("bm25", "lancedb-fts", "dense", "hybrid")

PIPELINE: dict[str, Entry] = {
    "corpus": Entry("parse"),
    "chunk": Entry("characters", {"size": 1000, "overlap": "10%"}),
    "embed": Entry("use-multilingual"),
    "index": Entry("lancedb"),
    "query": Entry("as-asked"),
    "retriever": Entry("bm25"),
    "rerank": Entry("none"),
    "prompt": Entry("template", {"passages": 3}),
    "generate": Entry("extractive"),
}
"""Keys of ``pipeline:`` in graph order, each with what is chosen when it is not written."""

NOTHING = ("generate", "none")
"""Where nothing is generated, retrieval alone is measured."""

_WITHOUT_USE = {"chunk": "characters", "embed": "sentence-transformers", "prompt": "template", "generate": "chat"}


def entries(
    document: Document, stage: str, data: Any, path: str, models: Mapping[str, Connection]
) -> tuple[Entry, ...]:
    """The alternatives written at a stage; ``use: [a, b]`` means both with the same parameters.

    Raises:
        SpecError: no alternatives, or a name that is unknown at this stage.
    """
    found: list[Entry] = []
    for item, at in document.listed(data, path):
        uses = item.get("use") if isinstance(item, dict) else None
        if isinstance(uses, list):
            for use, place in document.listed(uses, join(at, "use")):
                made = entry(document, stage, item | {"use": use}, at)
                found.append(_resolved(document, stage, made, place, models))
        else:
            found.append(_resolved(document, stage, entry(document, stage, item, at), at, models))
    return tuple(found)


def entry(document: Document, stage: str, data: Any, path: str) -> Entry:
    """One name, or a mapping with ``use`` and parameters."""
    if not isinstance(data, dict):
        return Entry(document.text(data, path), {}, path)
    fields = {key: value for key, value in data.items() if key != "use"}
    if "use" in data:
        return Entry(document.text(data["use"], join(path, "use")), fields, path)
    if stage not in _WITHOUT_USE:
        raise document.wrong(path, "use is missing", sorted(data), "Add use: with the name of a step.")
    return Entry(_WITHOUT_USE[stage], fields, path)


def names_of(stage: str) -> tuple[str, ...]:
    """Names of what may stand at a key of ``pipeline:``."""
    if stage == "retriever":
        return RETRIEVERS
    return (*steps_of(stage), *(name for place, name in (NOTHING,) if place == stage))


def known(name: str, names: Iterable[str]) -> str | None:
    """The registered spelling of a name: upper case, spaces, ``_`` and ``-`` do not matter."""
    allowed = list(names)
    if name in allowed:
        return name
    fits = [item for item in allowed if _plain(item) == _plain(name)]
    return fits[0] if len(fits) == 1 else None


def _resolved(document: Document, stage: str, made: Entry, path: str, models: Mapping[str, Connection]) -> Entry:
    import ragscout.steps  # noqa: F401 - fills the registry

    names = names_of(stage)
    name = known(made.use, names)
    if name is not None:
        return Entry(name, made.parameters, made.path)
    short = _short(stage, made, models)
    if short is not None:
        return short
    allowed = dict.fromkeys([*names, *short_names(stage, models)])
    place = document.at(join(path, "use") if join(path, "use") in document.marks else path)
    raise UnknownNameError(place, f"{stage} step", made.use, allowed)


def _short(stage: str, made: Entry, models: Mapping[str, Connection]) -> Entry | None:
    """A model's name where a step's name is expected: an alias or a hub name at ``embed``, a connection at
    ``generate`` and ``embed``."""
    from ragscout.providers.catalogue import CATALOGUE

    if "model" in made.parameters:
        return None
    name = made.use if made.use in models else known(made.use, CATALOGUE) or made.use
    parameters = {"model": name, **made.parameters}
    if name in models:
        use = {"generate": "chat", "embed": "openai"}.get(stage)
        return Entry(use, parameters, made.path) if use else None
    if stage != "embed":
        return None
    asset = CATALOGUE.get(name)
    if asset is not None and asset.role == "static embedder":
        return Entry("static", parameters, made.path)
    if (asset is not None and asset.role == "embedder") or re.fullmatch(r"[\w.-]+/[\w.-]+", made.use):
        return Entry("sentence-transformers", parameters, made.path)
    return None


def short_names(stage: str, models: Mapping[str, Connection]) -> list[str]:
    """Names beside those of steps that may stand at a stage."""
    from ragscout.providers.catalogue import CATALOGUE

    if stage == "generate":
        return sorted(models)
    if stage == "embed":
        return [name for name, asset in CATALOGUE.items() if asset.role.endswith("embedder")]
    return []


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", name)).lower()

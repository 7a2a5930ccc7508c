"""``{use: http, url: ...}``: an existing system as a connection of its own."""

from __future__ import annotations

from collections.abc import Iterable

from ragscout.spec.connection import Connection, connection
from ragscout.spec.document import SpecDocument, join
from ragscout.spec.types import StageEntry


def systems(
    entries: Iterable[StageEntry], models: dict[str, Connection], document: SpecDocument
) -> tuple[StageEntry, ...]:
    """Entries with every ``{use: http, url: ...}`` turned into a connection of its own, named by its address."""
    found = []
    for item in entries:
        url = item.parameters.get("url")
        if item.use != "http" or url is None:
            found.append(item)
            continue
        address = document.text(url, join(item.path, "url"))
        made = connection(document, address, {"provider": "http", "base_url": address}, item.path)
        models.setdefault(address, made)
        rest = {name: value for name, value in item.parameters.items() if name != "url"}
        found.append(StageEntry(item.use, {"model": address, **rest}, item.path))
    return tuple(found)

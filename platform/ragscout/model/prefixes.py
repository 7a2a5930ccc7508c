"""Retrieval prefixes: what configurations have in common up to the ranking, each one once."""

from __future__ import annotations

from collections.abc import Iterable

from ragscout.model.config import Configuration


def distinct_prefixes(configurations: Iterable[Configuration]) -> dict[str, Configuration]:
    """Return the retrieval prefixes of configurations by key, in order of appearance."""
    prefixes: dict[str, Configuration] = {}
    seen: set[tuple[object, ...]] = set()
    for configuration in configurations:
        if configuration.retrieves:
            prefix = configuration.retrieval()
            # a key takes longer than all else here, and most rows share their steps with another one
            steps = (prefix.source.key, *map(id, prefix.steps.values()))
            if steps not in seen:
                seen.add(steps)
                prefixes.setdefault(prefix.key, prefix)
    return prefixes

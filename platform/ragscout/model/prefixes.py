"""Retrieval prefixes: what configurations have in common up to the ranking, each one once."""

from __future__ import annotations

from collections.abc import Iterable

from ragscout.model.config import Configuration


def distinct_prefixes(configurations: Iterable[Configuration]) -> dict[str, Configuration]:
    """Return the retrieval prefixes of configurations by key, in order of appearance."""
    prefixes: dict[str, Configuration] = {}
    for configuration in configurations:
        if configuration.retrieves:
            prefix = configuration.retrieval()
            prefixes.setdefault(prefix.key, prefix)
    return prefixes

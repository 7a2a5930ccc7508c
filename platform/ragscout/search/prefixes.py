"""Which retrieval prefixes are scored before the first answer, and in which order.

Lexical ones cost next to nothing and come first. Then the others one group per encoder, the group with the largest
expected gain per second first. A prefix with a paid or slow step (a language model in query or rerank, a
cross-encoder) is not scored on its own: it takes the figure of the same prefix without that step, with a mark, and gets
its own from the answers the search buys.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from ragscout.model.config import Configuration, Node
from ragscout.model.prefixes import distinct_prefixes
from ragscout.model.stages import STAGES
from ragscout.store.ledger import ValueRow

SECONDS_PER_QUESTION = 0.02
"""What a dense query takes until one was measured."""


@dataclass(frozen=True)
class Group:
    """Prefixes that are scored together. ``seconds``: what building and asking them is expected to take."""

    prefixes: tuple[Configuration, ...]
    seconds: float

    @property
    def gain(self) -> float:
        """Expected gain per second: the best of n prefixes lies sqrt(2 log n) standard deviations above the mean."""
        return math.sqrt(2 * math.log(len(self.prefixes) + 1)) / max(self.seconds, 1e-9)


def slow(configuration: Configuration) -> bool:
    """Whether a step of the prefix works with a model for every question."""
    return bool(_slow_stages(configuration))


def _slow_stages(configuration: Configuration) -> frozenset[str]:
    return frozenset(
        stage
        for stage, step in configuration.steps.items()
        if STAGES[stage].in_prefix and STAGES[stage].grain == "question" and step.models()
    )


def parents(configurations: Iterable[Configuration]) -> dict[str, str]:
    """Key of each prefix with a slow step to the key of the nearest prefix of the space without one: the same in all
    other knobs."""
    prefixes = distinct_prefixes(configurations)
    stages = frozenset[str]().union(*(_slow_stages(item) for item in prefixes.values()))
    aside = {STAGES[stage].key for stage in stages}
    plain: dict[tuple[tuple[str, str], ...], str] = {}
    for key, item in prefixes.items():
        if not slow(item):
            plain.setdefault(_rest(item, aside), key)
    near = {key: plain.get(_rest(item, aside)) for key, item in prefixes.items() if slow(item)}
    return {key: parent for key, parent in near.items() if parent is not None}


def _rest(prefix: Configuration, aside: Set[str]) -> tuple[tuple[str, str], ...]:
    """Its knobs without those of some keys."""
    return tuple(sorted((knob, value) for knob, value in prefix.knobs.items() if knob.split(".")[0] not in aside))


def with_sample(
    found: tuple[tuple[Configuration, ...], ...], sampled: Mapping[str, Configuration]
) -> tuple[tuple[Configuration, ...], ...]:
    """Return ``rounds`` of a sweep with a corpus sample: the lexical prefixes, which cost next to nothing, on the whole
    corpus, then every prefix on the sample."""
    lexical = tuple(group for group in found if not any("embed" in item.steps for item in group))
    return (*lexical, tuple(sampled[item.key] for group in found for item in group))


class Values(Protocol):
    """Whole values of a store."""

    def value(self, key: str) -> ValueRow | None:
        """Return the value of a node, ``None`` when it is not computed."""
        ...


def building(configurations: Iterable[Configuration], values: Values) -> dict[str, float]:
    """Seconds of building what each prefix still lacks, by its key: for every whole node that is not computed what the
    computed ones of its stage took on average, nothing where none is."""
    prefixes = distinct_prefixes(configurations)
    took: dict[str, list[float]] = {}
    missing: dict[str, list[Node]] = {key: [] for key in prefixes}
    seen: dict[str, ValueRow | None] = {}
    for key, item in prefixes.items():
        for node in item.nodes.values():
            if node.per_question or node.step is None:
                continue
            if node.key not in seen:
                row = seen[node.key] = values.value(node.key)
                if row is not None:
                    took.setdefault(node.stage, []).append(row.usage.seconds)
            if seen[node.key] is None:
                missing[key].append(node)
    mean = {stage: sum(found) / len(found) for stage, found in took.items()}
    return {key: sum(mean.get(node.stage, 0.0) for node in nodes) for key, nodes in missing.items()}


def rounds(
    configurations: Iterable[Configuration], questions: int, seconds: Mapping[str, float]
) -> tuple[tuple[Configuration, ...], ...]:
    """Prefixes to score, in rounds. ``seconds``: expected seconds of building what a prefix still lacks, by key."""
    every = tuple(configurations)
    borrowing = parents(every)
    groups: dict[str, list[Configuration]] = {}
    for item in distinct_prefixes(every).values():
        if item.key in borrowing:
            continue
        encoder = item.steps["embed"].key({}) if "embed" in item.steps else ""
        groups.setdefault(encoder, []).append(item)
    lexical = tuple(groups.pop("", ()))
    made = [
        Group(tuple(items), sum(seconds.get(item.key, 0.0) + questions * SECONDS_PER_QUESTION for item in items))
        for items in groups.values()
    ]
    made.sort(key=lambda group: -group.gain)
    return tuple(found for found in (lexical, *(group.prefixes for group in made)) if found)

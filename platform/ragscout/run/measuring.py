"""From what the engine filled to the blocks of a round: which rows have scores, which cannot run, what stayed open.

Pure: nothing that is passed in is changed, and equal arguments give an equal result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragscout.engine.fill import Filled
from ragscout.engine.worker import WAITING
from ragscout.model.config import Configuration
from ragscout.model.outcome import Usage
from ragscout.plan.setup import Setup
from ragscout.search.contract import Block, Request

ReadBlock = Callable[[Request, Mapping[str, str]], Block]
"""Reads what came back for a request; the mapping holds measure nodes that cannot be computed, with the cause."""


@dataclass(frozen=True)
class MeasuredRound:
    """What came of a round.

    ``blocks``: in the order of the requests. ``broken``: key of a measure node to why it cannot be computed.
    ``silent``: key of a configuration to why it did not answer, for whole systems that did not answer in this round or
    before. ``left``: why cells stayed open, in words, those of silent systems left out. ``spent``: whether nothing but
    the budget kept them open.
    """

    blocks: tuple[Block, ...]
    broken: Mapping[str, str] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    spent: bool = False

    @property
    def failed(self) -> dict[str, str]:
        """Configurations that cannot run, with the cause; a silent system is asked again by the next run."""
        told = {block.configuration.key: block.failed for block in self.blocks if block.failed}
        return {key: why for key, why in told.items() if key not in self.silent}


def asked_of(requests: Sequence[Request], *but: Mapping[str, str]) -> list[Request]:
    """Return the requests of configurations that are in none of some mappings: those that are worth asking."""
    return [request for request in requests if not any(request.configuration.key in keys for keys in but)]


def measure(
    requests: Sequence[Request],
    filled: Filled,
    prepared: Setup,
    read: ReadBlock,
    *,
    failed: Mapping[str, str],
    silent: Mapping[str, str],
) -> MeasuredRound:
    """Measure a round.

    Args:
        requests: of the round.
        filled: what the engine made of the requests that are neither ``failed`` nor ``silent``.
        prepared: knows the nodes of a configuration.
        read: reads the block of a request.
        failed: configurations that an earlier process found unable to run, with the cause.
        silent: whole systems that did not answer before, with the reason.
    """
    live = asked_of(requests, failed, silent)
    silent = {**silent, **_silent([request.configuration for request in live], filled)}
    causes = {**failed, **silent}
    broken: dict[str, str] = {}
    for configuration in (request.configuration for request in live):
        if configuration.last.key in filled.failed:
            causes[configuration.key] = filled.failed[configuration.last.key]
            continue
        nodes = [node.key for node in prepared.measures(configuration)]
        broken |= {key: filled.failed[key] for key in nodes if key in filled.failed}
    blocks = (
        Block(request.configuration, {}, Usage(), causes[request.configuration.key])
        if request.configuration.key in causes
        else read(request, broken)
        for request in requests
    )
    open_cells = _others(filled, prepared, [item.configuration for item in live if item.configuration.key in silent])
    return MeasuredRound(tuple(blocks), broken, silent, tuple(open_cells.why_open()), only_budget(open_cells))


def only_budget(filled: Filled) -> bool:
    """Whether something stayed open, and nothing but the budget kept it so."""
    reasons = (*filled.retry.values(), *filled.unfilled.values())
    return {reason.kind for reason in reasons if reason.detail != WAITING} == {"budget"}


def _silent(configurations: Sequence[Configuration], filled: Filled) -> dict[str, str]:
    """Rows that are set aside, with the reason: whole systems that did not answer, and rows with a value (an index,
    say) that the budget does not allow. A model that does not answer concerns every row that asks it."""
    reasons: dict[str, str] = {}
    for configuration in configurations:
        why, dear = filled.unanswered(configuration.last.key), filled.beyond_budget(configuration.last)
        if why and configuration.whole_system:
            reasons[configuration.key] = f"endpoint: {configuration.label()}: {why}"
        elif dear:
            reasons[configuration.key] = f"budget: {dear}"
    return reasons


def _others(filled: Filled, prepared: Setup, silent: Sequence[Configuration]) -> Filled:
    """Return what was filled without what nothing but rows that are set aside needs."""
    theirs: set[str] = set()
    for configuration in silent:
        for node in prepared.wanted(configuration):
            if configuration.whole_system:
                theirs.add(node.key)
            else:
                theirs |= {item.key for item in node.ancestors() if filled.beyond_budget(item)}
    return replace(
        filled,
        unfilled={at: reason for at, reason in filled.unfilled.items() if at[0] not in theirs},
        retry={key: reason for key, reason in filled.retry.items() if key not in theirs},
    )

"""From what the engine filled to the blocks of a round: which rows have scores, which cannot run, what stayed open.

Pure: nothing that is passed in is changed, and equal arguments give an equal result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragscout.engine.fill import Filled
from ragscout.engine.worker import WAITING
from ragscout.model.outcome import Unfilled, Usage
from ragscout.plan.setup import Setup
from ragscout.run.waiting import Waiting
from ragscout.search.contract import Block, Request

ReadBlock = Callable[[Request, Mapping[str, str]], Block]
"""Reads what came back for a request; the mapping holds measure nodes that cannot be computed, with the cause."""


@dataclass(frozen=True)
class MeasuredRound:
    """What came of a round.

    ``blocks``: in the order of the requests. ``failed``: key of a configuration to why it cannot run. ``broken``: key
    of a measure node to why it cannot be computed. ``waiting``: rows and columns that wait for the next run since this
    round or before. ``left``: why cells of others stayed open, in words. ``spent``: whether nothing but the budget
    kept them open.
    """

    blocks: tuple[Block, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    left: tuple[str, ...] = ()
    spent: bool = False


def asked_of(
    requests: Sequence[Request], failed: Mapping[str, str], waiting: Waiting, prepared: Setup
) -> list[Request]:
    """Return the requests that are worth asking: of configurations that can run and do not wait."""
    return [
        request
        for request in requests
        if request.configuration.key not in failed and not waiting.why(request.configuration, prepared)
    ]


def measure(
    requests: Sequence[Request],
    filled: Filled,
    prepared: Setup,
    read: ReadBlock,
    *,
    failed: Mapping[str, str],
    waiting: Waiting,
) -> MeasuredRound:
    """Measure a round.

    Args:
        requests: of the round.
        filled: what the engine made of the requests that are worth asking, see ``asked_of``.
        prepared: knows the nodes of a configuration.
        read: reads the block of a request.
        failed: configurations that an earlier process found unable to run, with the cause.
        waiting: what waits since an earlier round.
    """
    live = [request.configuration for request in asked_of(requests, failed, waiting, prepared)]
    for configuration in live:
        waiting = waiting.found(configuration, filled, prepared)
    causes = dict(failed)
    broken: dict[str, str] = {}
    for configuration in live:
        if configuration.last.key in filled.failed:
            causes[configuration.key] = filled.failed[configuration.last.key]
            continue
        nodes = [node.key for node in prepared.measures(configuration)]
        broken |= {key: filled.failed[key] for key in nodes if key in filled.failed}
        if not waiting.why(configuration, prepared):
            broken |= waiting.columns(configuration, prepared)
    told = {item.configuration.key: causes.get(item.configuration.key, "") for item in requests}
    waits = {item.configuration.key: waiting.why(item.configuration, prepared) for item in requests}
    blocks = (
        Block(request.configuration, {}, Usage(), why)
        if (why := told[request.configuration.key] or waits[request.configuration.key])
        else read(request, broken)
        for request in requests
    )
    open_cells = _others(filled, waiting)
    return MeasuredRound(
        tuple(blocks),
        {key: why for key, why in told.items() if why},
        broken,
        waiting,
        tuple(open_cells.why_open()),
        only_budget(open_cells),
    )


def only_budget(filled: Filled) -> bool:
    """Whether something stayed open, and nothing but the budget kept it so."""
    reasons = (*filled.retry.values(), *filled.unfilled.values())
    return {reason.kind for reason in reasons if reason.detail != WAITING} == {"budget"}


def _others(filled: Filled, waiting: Waiting) -> Filled:
    """Return what was filled without what waits for an endpoint or for more budget."""
    if not waiting:
        return filled

    def counts(key: str, reason: Unfilled) -> bool:
        return reason.kind != "endpoint" and reason.detail != WAITING and key not in waiting.nodes

    return replace(
        filled,
        unfilled={at: reason for at, reason in filled.unfilled.items() if counts(at[0], reason)},
        retry={key: reason for key, reason in filled.retry.items() if counts(key, reason)},
    )

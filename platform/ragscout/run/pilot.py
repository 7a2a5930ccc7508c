"""``plan --pilot``: a few questions to one configuration of each generator, so that a plan's figures are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragscout.engine.cancel import Stopped
from ragscout.engine.fill import Want
from ragscout.model.config import Configuration
from ragscout.model.results.reason import STOPPED, Reason
from ragscout.model.stages import identifying
from ragscout.run.session import Session

PILOT = 3
"""Questions that are asked."""


@dataclass(frozen=True)
class Piloted:
    """``calls``: requests sent by purpose; ``open``: why something could not be measured, in words; ``stopped``: the
    reason when somebody stopped the pilot."""

    calls: Mapping[str, int] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    stopped: Reason | None = None


async def pilot(session: Session, questions: int) -> Piloted:
    """Ask, score and keep what comes back; the sweep finds it in the store and does not pay again.

    Raises:
        SpecError: the budget does not allow the models that the sweep names.
    """
    prepared = session.prepared
    first: dict[str, Configuration] = {}
    for item in prepared.space.configurations:
        if item.generates and not item.roles:
            first.setdefault(item.steps[identifying()].key({}), item)
    asked = prepared.questions[:questions]
    try:
        await prepared.preflight(session.runtime)
        filled = await session.fill([Want(node, asked) for item in first.values() for node in prepared.wanted(item)])
    except Stopped:
        return Piloted(dict(session.runtime.counters.calls), stopped=STOPPED)
    left = {*filled.why_open(), *filled.failed.values()}
    return Piloted(dict(session.runtime.counters.calls), tuple(sorted(left)))

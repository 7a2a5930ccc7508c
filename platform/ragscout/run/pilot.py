"""``plan --pilot``: a few questions to one configuration of each generator, so that a plan's figures are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragscout.engine.executors import InProcess
from ragscout.engine.fill import Engine, Want
from ragscout.engine.session import open_runtime
from ragscout.engine.worker import Worker
from ragscout.model.config import Configuration
from ragscout.plan.setup import Prepared
from ragscout.store.journal import Journal
from ragscout.store.store import Store

PILOT = 3
"""Questions that are asked."""


@dataclass(frozen=True)
class Piloted:
    """``calls``: requests sent by purpose; ``open``: why something could not be measured, in words."""

    calls: Mapping[str, int] = field(default_factory=dict)
    open: tuple[str, ...] = ()


async def pilot(prepared: Prepared, store: Store, journal: Journal, questions: int) -> Piloted:
    """Ask, score and keep what comes back; the sweep finds it in the store and does not pay again.

    Raises:
        SpecError: the budget does not allow the models that the sweep names.
    """
    prepared.affordable()
    if not journal.entries():
        journal.append("opened", prepared.opened().payload())
    runtime = open_runtime(store, prepared.sweep_id, prepared.opening)
    worker = Worker(store, runtime, prepared.eval_set, prepared.questions)
    engine = Engine(store, InProcess(worker), prepared.sweep_id)
    first: dict[str, Configuration] = {}
    for item in prepared.space.configurations:
        if item.generates and not item.roles:
            first.setdefault(item.steps["generate"].key({}), item)
    asked = prepared.questions[:questions]
    try:
        await prepared.preflight(runtime)
        filled = await engine.fill([Want(node, asked) for item in first.values() for node in prepared.wanted(item)])
    finally:
        await engine.close()
        await runtime.close()
    left = {f"{reason.kind}: {reason.detail}" for reason in filled.unfilled.values()} | set(filled.failed.values())
    return Piloted(dict(runtime.counters.calls), tuple(sorted(left)))

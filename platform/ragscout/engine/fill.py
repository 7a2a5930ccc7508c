"""The engine's one verb: ``fill(wants)`` computes the missing cells and whatever they need.

A block of questions is a request, not a key: what is asked is first joined over all configurations, node by node, so
that a shared prefix is computed once however many configurations ask; then every node is one task that waits for its
inputs and for nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from ragscout.engine.cancel import GRACE, CancelToken
from ragscout.engine.task import Done, Executor, Task, write_nodes
from ragscout.engine.worker import WAITING, question_key
from ragscout.model.config import Node
from ragscout.model.evalset import Question
from ragscout.model.outcome import Unfilled
from ragscout.store.store import Store

log = logging.getLogger(__name__)

SLICE = 10
"""Questions per task at stages that ask models: small enough that an interruption loses little, and that the judge of
one answer need not wait for all the others."""


@dataclass(frozen=True)
class Want:
    """Cells of a per-question node for some questions, or the value of a whole node."""

    node: Node
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Progress:
    """State of a fill for people: nodes by stage that are done, cached or left."""

    stage: str
    done: int
    cached: int
    left: int


@dataclass
class Filled:
    """What could not be filled. ``failed``: node key to cause; ``unfilled``: (node key, question id) to why."""

    failed: dict[str, str] = field(default_factory=dict)
    unfilled: dict[tuple[str, str], Unfilled] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=dict)
    cached: dict[str, int] = field(default_factory=dict)
    reports: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def why_open(self) -> list[str]:
        """Why cells stayed open, in words; what only waits for another open cell is said only when nothing else is."""
        reasons = {f"{reason.kind}: {reason.detail}" for reason in self.unfilled.values()}
        first = {reason for reason in reasons if reason != f"step: {WAITING}"}
        return sorted(first or reasons)

    def unanswered(self, node: str) -> str:
        """Why cells of a node stayed open because of its endpoint; empty when none did."""
        kinds = {reason.kind: reason.detail for (key, _), reason in self.unfilled.items() if key == node}
        return kinds.get("endpoint", "")

    def drop(self, nodes: Set[str]) -> None:
        """Forget that cells of these nodes stayed open."""
        self.unfilled = {at: reason for at, reason in self.unfilled.items() if at[0] not in nodes}

    def add(self, other: Filled) -> None:
        """Add what another fill did to the counts."""
        for mine, its in ((self.computed, other.computed), (self.cached, other.cached)):
            for stage, number in its.items():
                _count(mine, stage, number)
        self.reports |= other.reports
        self.failed |= other.failed


class Engine:
    """Fills nodes through an executor. ``computed``/``cached`` of the result count cells (or values) per stage."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        sweep: str,
        progress: Callable[[Progress], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Args: sweep = journal that holds the opening record the workers read; cancel = what asks to hold or stop."""
        self._store, self._executor, self._sweep = store, executor, sweep
        self._progress = progress or (lambda _: None)
        self._cancel = cancel or CancelToken()
        self._written: set[str] = set()

    async def fill(self, wants: Sequence[Want]) -> Filled:
        """Compute what is missing. Never raises for a step's trouble: see ``Filled``.

        When the sweep is held, what is on its way gets a few seconds to come back, and the rest is computed after the
        hold.

        Raises:
            Stopped: the sweep was asked to stop; what came back is kept.
        """
        while True:
            await self._cancel.passed()
            filled = await self._uninterrupted(wants)
            if filled is not None:
                return filled

    async def _uninterrupted(self, wants: Sequence[Want]) -> Filled | None:
        """Fill once; ``None`` when it was interrupted and something may be missing."""
        work = asyncio.create_task(self._filled(wants))
        interruption = asyncio.create_task(self._cancel.interruption())
        try:
            await asyncio.wait({work, interruption}, return_when=asyncio.FIRST_COMPLETED)
            if interruption.done():
                await asyncio.wait({work}, timeout=GRACE)
        finally:
            interruption.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
        if interruption.done() and not interruption.cancelled():
            if not work.cancelled():
                work.exception()  # whatever came of it, it is done again after the hold
            return None
        return work.result()

    async def _filled(self, wants: Sequence[Want]) -> Filled:
        new = {want.node.key: want.node for want in wants if want.node.key not in self._written}
        await asyncio.to_thread(write_nodes, self._store.ledger, new.values())
        self._written |= new.keys()
        nodes, asked = self._joined(wants)
        filled = Filled()
        tasks: dict[str, asyncio.Task[None]] = {}
        counts = {"done": 0, "cached": 0, "left": len(nodes)}

        async def one(node: Node) -> None:
            await asyncio.gather(*(tasks[parent.key] for parent in node.inputs if parent.key in tasks))
            cause = next((filled.failed[parent.key] for parent in node.inputs if parent.key in filled.failed), "")
            if cause:
                filled.failed[node.key] = cause
            else:
                cached = await self._node(node, asked[node.key], filled)
                counts["cached" if cached else "done"] += 1
            counts["left"] -= 1
            self._progress(Progress(node.stage, **counts))

        async with asyncio.TaskGroup() as group:
            for node in nodes:
                tasks[node.key] = group.create_task(one(node))
        return filled

    async def close(self) -> None:
        """Close the executor."""
        await self._executor.close()

    def _joined(self, wants: Sequence[Want]) -> tuple[list[Node], dict[str, dict[str, Question]]]:
        order: dict[str, Node] = {}
        asked: dict[str, dict[str, Question]] = {}
        for want in wants:
            for item in want.node.ancestors():
                if item.stage == "source":
                    continue
                order.setdefault(item.key, item)
                questions = asked.setdefault(item.key, {})
                if item.per_question:
                    questions.update({question.id: question for question in want.questions})
        return list(order.values()), asked

    async def _node(self, node: Node, asked: Mapping[str, Question], filled: Filled) -> bool:
        """Fill one node; whether nothing had to be computed."""
        if self._cancel.wish != "run":
            return False
        if not node.per_question:
            cached = self._store.value_folder(node.key) is not None
            if not cached:
                self._note(node, await self._executor.run(Task(self._sweep, node.key)), filled)
            _count(filled.cached if cached else filled.computed, node.stage, 1)
            return cached
        keys = {name: question_key(node.stage, question) for name, question in asked.items()}
        present = self._store.ledger.cells_present(node.key, list(set(keys.values())))
        open_ = [name for name in asked if keys[name] not in present]
        _count(filled.cached, node.stage, len(set(keys.values()) & present))
        if not open_:
            return True
        _count(filled.computed, node.stage, len({keys[name] for name in open_}))
        slices = [tuple(open_[start : start + SLICE]) for start in range(0, len(open_), SLICE)]
        if node.stage not in ("generate", "measure"):
            slices = [tuple(open_)]
        for done in await asyncio.gather(*(self._executor.run(Task(self._sweep, node.key, names)) for names in slices)):
            self._note(node, done, filled)
        return False

    def _note(self, node: Node, done: Done, filled: Filled) -> None:
        if done.failed and self._cancel.wish == "run":
            log.warning("%s.%s failed: %s", node.stage, node.step.name if node.step else "", done.failed)
            filled.failed[node.key] = done.failed
        if done.reports:
            filled.reports[node.key] = done.reports
        for name, reason in done.unfilled.items():
            filled.unfilled[node.key, name] = reason


def _count(counts: dict[str, int], stage: str, n: int) -> None:
    counts[stage] = counts.get(stage, 0) + n

"""The engine's one verb: ``fill(wants)`` computes the missing cells and whatever they need.

A block of questions is a request, not a key: what is asked is first joined over all configurations, node by node, so
that a shared prefix is computed once however many configurations ask; then every node is one task that waits for its
inputs and for nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ragscout.engine.cancel import GRACE, CancelToken
from ragscout.engine.task import Done, Executor, Task, write_nodes
from ragscout.engine.trouble import TROUBLES, outside
from ragscout.engine.worker import WAITING, cell_key
from ragscout.model.config import Node
from ragscout.model.evalset import Question
from ragscout.model.outcome import Unfilled
from ragscout.model.stages import STAGES
from ragscout.store.store import Store

log = logging.getLogger(__name__)

QUESTIONS_PER_TASK = 10
"""Questions per task at stages that ask models: small enough that an interruption loses little, and that the judge of
one answer need not wait for all the others."""


@dataclass(frozen=True)
class Want:
    """Cells of a per-question node for some questions, or the value of a whole node."""

    node: Node
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class FillProgress:
    """State of a fill for people: nodes by stage that are done, cached or left."""

    stage: str
    done: int
    cached: int
    left: int


@dataclass
class Filled:
    """What could not be filled, and what was done.

    ``failed``: node key to the candidate's own cause, which is final. What the candidate is not to blame for stays
    open and is asked again by the next run: ``unfilled`` holds cells, (node key, question id) to why, and ``retry``
    values of whole nodes, node key to why. What depends on an open node is open for the same reason.
    """

    failed: dict[str, str] = field(default_factory=dict)
    unfilled: dict[tuple[str, str], Unfilled] = field(default_factory=dict)
    retry: dict[str, Unfilled] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=dict)
    cached: dict[str, int] = field(default_factory=dict)
    reports: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def leave_open(self, node: Node, names: Iterable[str], reason: Unfilled) -> None:
        """Say why a node's value, or its cells of these question ids, stay open."""
        if node.per_question:
            self.unfilled |= {(node.key, name): reason for name in names}
        else:
            self.retry[node.key] = reason

    def why_open(self) -> list[str]:
        """Why cells and values stayed open, every cause once, in words; what only waits for another open cell is said
        only when nothing else is."""
        reasons = {f"{reason.kind}: {reason.detail}" for reason in (*self.retry.values(), *self.unfilled.values())}
        first = {reason for reason in reasons if reason != f"step: {WAITING}"}
        return sorted(first or reasons)

    def unanswered(self, node: str) -> str:
        """Why a node's value, or a cell of it, stayed open because of its endpoint; empty when none did."""
        cells = (reason for (key, _), reason in self.unfilled.items() if key == node)
        reasons = (*cells, *([self.retry[node]] if node in self.retry else ()))
        return next((reason.detail for reason in reasons if reason.kind == "endpoint"), "")

    def beyond_budget(self, node: str) -> str:
        """Why a whole node's value stayed open because of the budget; empty when it did not."""
        reason = self.retry.get(node)
        return reason.detail if reason is not None and reason.kind == "budget" else ""

    def add(self, other: Filled) -> None:
        """Add what another fill did to the counts."""
        for mine, its in ((self.computed, other.computed), (self.cached, other.cached)):
            for stage, number in its.items():
                _count(mine, stage, number)
        self.reports |= other.reports
        self.failed |= other.failed


class Closing(Protocol):
    """What can be closed."""

    async def close(self) -> None:
        """Keep what is left to keep and give everything back."""
        ...


class Engine:
    """Fills nodes through an executor. ``computed``/``cached`` of the result count cells (or values) per stage."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        sweep: str,
        progress: Callable[[FillProgress], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Args: sweep = journal that holds the opening record the workers read; cancel = what asks to hold or stop."""
        self._store, self._executor, self._sweep = store, executor, sweep
        self._progress = progress or (lambda _: None)
        self._cancel = cancel or CancelToken()
        self._written: set[str] = set()

    async def fill(self, wants: Sequence[Want]) -> Filled:
        """Compute what is missing. Never raises for the trouble of a step, the store or an executor: see ``Filled``.

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
        filled = Filled()
        new = {want.node.key: want.node for want in wants if want.node.key not in self._written}
        try:
            await asyncio.to_thread(write_nodes, self._store.ledger, new.values())
            self._written |= new.keys()
            nodes, asked = self._joined(wants)
        except TROUBLES as error:
            for want in wants:
                filled.leave_open(want.node, [question.id for question in want.questions], outside(error))
            return filled
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
            self._progress(FillProgress(node.stage, **counts))

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
                if item.step is None:
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
        try:
            return await (self._cells(node, asked, filled) if node.per_question else self._value(node, filled))
        except TROUBLES as error:
            filled.leave_open(node, asked, outside(error))
            return False

    async def _value(self, node: Node, filled: Filled) -> bool:
        cached = self._store.value_folder(node.key) is not None
        waits = _open_input(node, filled)
        if not cached and waits is not None:
            filled.leave_open(node, (), waits)
            return False
        if not cached:
            self._note(node, (), await self._done(Task(self._sweep, node.key)), filled)
        _count(filled.cached if cached else filled.computed, node.stage, 1)
        return cached

    async def _cells(self, node: Node, asked: Mapping[str, Question], filled: Filled) -> bool:
        keys = {name: cell_key(node, question) for name, question in asked.items()}
        present = self._store.ledger.cells_present(node.key, list(set(keys.values())))
        missing = [name for name in asked if keys[name] not in present]
        _count(filled.cached, node.stage, len(set(keys.values()) & present))
        if not missing:
            return True
        ready = []
        for name in missing:
            waits = _open_input(node, filled, name)
            if waits is None:
                ready.append(name)
            else:
                filled.leave_open(node, (name,), waits)
        if not ready:
            return False
        _count(filled.computed, node.stage, len({keys[name] for name in ready}))
        size = QUESTIONS_PER_TASK if _asks(node) else len(ready)
        slices = [tuple(ready[start : start + size]) for start in range(0, len(ready), size)]
        for names, done in zip(
            slices,
            await asyncio.gather(*(self._done(Task(self._sweep, node.key, names)) for names in slices)),
            strict=True,
        ):
            self._note(node, names, done, filled)
        return False

    async def _done(self, task: Task) -> Done:
        """Run a task. What its executor could not do says nothing about the candidate."""
        try:
            return await self._executor.run(task)
        except TROUBLES as error:
            return Done(retry=outside(error))

    def _note(self, node: Node, names: Sequence[str], done: Done, filled: Filled) -> None:
        if done.retry is not None:
            filled.leave_open(node, names, done.retry)
        if done.failed and self._cancel.wish == "run":
            log.warning("%s.%s failed: %s", node.stage, node.step.name if node.step else "", done.failed)
            filled.failed[node.key] = done.failed
        if done.reports:
            filled.reports[node.key] = done.reports
        for name, reason in done.unfilled.items():
            filled.unfilled[node.key, name] = reason


async def close_all(*parts: Closing) -> list[str]:
    """Close an engine and a runtime. What they could not keep any more is asked for again by the next run; why, in
    words."""
    reasons = []
    for part in parts:
        try:
            await part.close()
        except TROUBLES as error:
            reason = outside(error)
            reasons.append(f"{reason.kind}: {reason.detail}")
    return list(dict.fromkeys(reasons))


def _open_input(node: Node, filled: Filled, name: str = "") -> Unfilled | None:
    """Why an input of a node (its cell of question ``name``) is open; ``None`` when none is known to be."""
    for parent in node.inputs:
        reason = filled.unfilled.get((parent.key, name)) if parent.per_question else filled.retry.get(parent.key)
        if reason is not None:
            return reason
    return None


def _asks(node: Node) -> bool:
    """Whether a per-question node works with models, or stands where steps usually do: at an answer or a score."""
    stage = STAGES[node.stage]
    return stage.purpose is not None and (not stage.in_prefix or (node.step is not None and bool(node.step.models())))


def _count(counts: dict[str, int], stage: str, n: int) -> None:
    counts[stage] = counts.get(stage, 0) + n

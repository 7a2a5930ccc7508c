"""Executes one task: reads inputs from the store, runs the step, writes the value or the cells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragscout.engine.runtime import EngineRuntime, MeteredRuntime
from ragscout.engine.task import Done, Task, read_node
from ragscout.engine.trouble import TROUBLES, classify, outside, unexpected
from ragscout.model.cells import decode, encode
from ragscout.model.config import Node
from ragscout.model.errors import StepError, StoreError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.inputs import apart, arguments, whole_value
from ragscout.model.key import short
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.stages import STAGES, frozen
from ragscout.model.step import chat_models
from ragscout.model.training import SEEN, TrainingSplit
from ragscout.model.values import Source, codec
from ragscout.steps.measure.base import without_model
from ragscout.store.leases import TIMER
from ragscout.store.rows import CellRef
from ragscout.store.store import CellData, Store

log = logging.getLogger(__name__)
WAITING = "an input of this cell is open"
"""Why a cell stays open whose input does."""


def question_key(stage: str, question: Question) -> str:
    """Key that addresses a question's cell at a stage: the digest of the fields which that stage reads."""
    reads = STAGES[stage].reads
    if reads == "text":
        return question.text_key
    return question.evidence_key if reads == "evidence" else question.full_key


def cell_key(node: Node, question: Question) -> str:
    """Key that addresses a question's cell of a node. Below what was learnt from questions it depends on the documents
    that the question is about too, as these say which of the learnt values may serve it."""
    if node.learnt and STAGES[node.stage].reads == "text":
        return question.learnt_key
    return question_key(node.stage, question)


class Worker:
    """Runs tasks against one store and one pinned evaluation set. Loaded whole values are kept while it lives."""

    def __init__(self, store: Store, runtime: EngineRuntime, eval_set: EvalSet, questions: Sequence[Question]) -> None:
        """Args: questions = those that may be asked (the development view, or the opened hold-out)."""
        self._store, self._runtime, self._eval_set = store, runtime, eval_set
        self._questions = {question.id: question for question in questions}
        self._values: dict[str, Any] = {}
        self._nodes: dict[str, Node] = {}

    def admit(self, questions: Sequence[Question]) -> None:
        """More questions may be asked: the hold-out was opened."""
        self._questions |= {question.id: question for question in questions}

    async def run(self, task: Task) -> Done:
        """Run one task to its end. Whatever a step raises becomes a failed or an open node: see ``engine.trouble``."""
        try:
            node = read_node(self._store.ledger, task.node, self._nodes)
        except TROUBLES as error:
            return Done(retry=outside(error))
        questions = [self._questions[name] for name in task.questions]
        scoped = MeteredRuntime(self._runtime)
        unfilled: Mapping[str, Unfilled] = {}
        try:
            if node.per_question:
                unfilled = await self._cells(node, questions, scoped)
            else:
                await self._whole(node, scoped)
        except Exception as error:  # a step may be anybody's code and raise anything
            if unexpected(error):
                log.exception("%s failed", _label(node))
            trouble = classify(error, _label(node), metric=node.stage == "measure")
            return Done(failed=trouble.failed, retry=trouble.retry)
        return Done(unfilled, reports=scoped.reports)

    async def close(self) -> None:
        """Close the runtime."""
        await self._runtime.close()

    async def value(self, node: Node) -> Any:
        """Value of a whole node, from memory or from the store."""
        if node.step is None and node.stage == frozen():
            return TrainingSplit.read(self._store.blobs.read(node.key), f"training split {short(node.key)}")
        if node.step is None:
            return Source(self._eval_set.files, self._store.blobs.read)
        if node.key not in self._values:
            folder = self._store.value_folder(node.key)
            if folder is None:
                raise StoreError(f"{node.stage}: the value of node {short(node.key)} is missing. Run the sweep again.")
            self._values[node.key] = codec(node.stage).load(folder)
        return self._values[node.key]

    async def _whole(self, node: Node, runtime: MeteredRuntime) -> None:
        claim, owner = f"node:{node.key}", self._runtime.owner
        ledger = self._store.ledger
        while self._store.value_folder(node.key) is None:
            if not await asyncio.to_thread(ledger.claim, claim, owner, TIMER.lease):
                await asyncio.sleep(0.2)
                continue
            try:
                with TIMER.kept(ledger, owner):
                    if self._store.value_folder(node.key) is None:
                        await self._build(node, runtime)
            finally:
                # a claim that cannot be given back lapses; the value is there, or its own error is on its way
                with contextlib.suppress(StoreError):
                    ledger.release(claim, owner)

    async def _build(self, node: Node, runtime: MeteredRuntime) -> None:
        assert node.step is not None
        started = time.perf_counter()
        inputs = {parent.stage: await self.value(parent) for parent in node.inputs}
        value = await whole_value(node.step, inputs, runtime)
        usage = runtime.usage + Usage(seconds=time.perf_counter() - started - runtime.usage.seconds)

        def write(folder: Path) -> None:
            codec(node.stage).save(value, folder)

        self._store.save_value(node.key, write, usage, runtime.reports)

    async def _cells(self, node: Node, questions: Sequence[Question], runtime: MeteredRuntime) -> dict[str, Unfilled]:
        keys = {question.id: cell_key(node, question) for question in questions}
        lying = await self._lying(node, questions)
        open_ = [question for question in questions if keys[question.id] not in lying[node.key]]
        # one cell per distinct key: rows that differ only in fields this stage does not read share it
        first: dict[str, Question] = {}
        for question in open_:
            first.setdefault(keys[question.id], question)
        ready, inputs, passed, unfilled = await self._inputs(node, list(first.values()), lying)
        outcomes: dict[str, tuple[Any, Usage]] = {question.id: (failure, Usage()) for question, failure in passed}
        for asked, own in apart(ready, inputs) if ready else ():
            outcomes |= await self._run(node, asked, own, runtime)
        # no learnt value may serve these
        outcomes |= {question.id: (SEEN, Usage()) for question in ready if question.id not in outcomes}
        paths = _paths(node, list(first.values()), lying)
        cells: dict[str, CellData] = {}
        for question in first.values():
            outcome, usage = outcomes.get(question.id, (None, Usage()))
            if isinstance(outcome, Unfilled):
                unfilled[question.id] = outcome
            elif outcome is not None:
                data = encode(node.stage, outcome)
                cells[keys[question.id]] = CellData(data, usage, paths[question.id] + usage)
        await self._runtime.write_cells(node.key, cells)
        return {
            question.id: unfilled[twin.id] for question in open_ if (twin := first[keys[question.id]]).id in unfilled
        }

    async def _inputs(
        self, node: Node, questions: Sequence[Question], lying: Mapping[str, Mapping[str, CellRef]]
    ) -> tuple[list[Question], dict[str, Any], list[tuple[Question, Failure]], dict[str, Unfilled]]:
        """Questions whose inputs are all there, those inputs, the ones that only pass a failure on, the open ones."""
        columns: dict[str, dict[str, Any]] = {}
        for parent in node.inputs:
            if parent.per_question:
                keys = {question.id: cell_key(parent, question) for question in questions}
                refs = {key: lying[parent.key][key] for key in keys.values() if key in lying[parent.key]}
                cells = await asyncio.to_thread(self._store.load_cells, parent.key, refs)
                columns[parent.stage] = {
                    name: decode(parent.stage, cells[key].data) for name, key in keys.items() if key in cells
                }
        ready: list[Question] = []
        passed: list[tuple[Question, Failure]] = []
        unfilled: dict[str, Unfilled] = {}
        for question in questions:
            values = [column.get(question.id) for column in columns.values()]
            failures = [value for value in values if isinstance(value, Failure)]
            if any(value is None for value in values):
                unfilled[question.id] = Unfilled("step", WAITING)
            elif failures and not node.measures:
                passed.append((question, failures[0]))
            else:
                ready.append(question)
        inputs: dict[str, Any] = {
            stage: [column[question.id] for question in ready] for stage, column in columns.items()
        }
        for parent in node.inputs:
            if not parent.per_question:
                inputs[parent.stage] = await self.value(parent)
        return ready, inputs, passed, unfilled

    async def _run(
        self, node: Node, questions: Sequence[Question], inputs: Mapping[str, Any], runtime: MeteredRuntime
    ) -> dict[str, tuple[Any, Usage]]:
        step = node.step
        assert step is not None
        given = await arguments(step, inputs, questions, runtime)

        async def alone(position: int) -> tuple[Any, Usage]:
            scoped = MeteredRuntime(self._runtime)
            own = {
                stage: [value[position]] if STAGES[stage].grain == "question" else value
                for stage, value in given.items()
            }
            (outcome,) = await step.run(scoped, [questions[position]], **own)  # type: ignore[attr-defined]
            return outcome, scoped.usage

        # one question at a time, so that each is charged what its own requests took
        if chat_models(step):
            # every question is waited for: what one of them met does not take the answers of the others away
            results = await asyncio.gather(*map(alone, range(len(questions))), return_exceptions=True)
            return {question.id: _settled(node, result) for question, result in zip(questions, results, strict=True)}
        started = time.perf_counter()
        outcomes = await step.run(runtime, questions, **given)  # type: ignore[attr-defined]
        if node.measures and (why := next(filter(None, map(_absent_model, outcomes)), "")):
            # not an outcome to keep: the same sweep with the model pulled fills these cells
            raise StepError(why)
        each = Usage(seconds=(time.perf_counter() - started) / len(questions))
        return {
            question.id: (outcome, step.spent(question) or each)
            for question, outcome in zip(questions, outcomes, strict=True)
        }

    async def _lying(self, node: Node, questions: Sequence[Question]) -> dict[str, dict[str, CellRef]]:
        """Where the questions' cells of a node and of everything above it lie, by node and question key."""
        wanted = {
            item.key: {cell_key(item, question) for question in questions}
            for item in node.ancestors()
            if item.per_question
        }
        return await asyncio.to_thread(self._store.ledger.cells_at, wanted)


def _paths(node: Node, questions: Sequence[Question], lying: Mapping[str, Mapping[str, CellRef]]) -> dict[str, Usage]:
    """Return what the cells above took, each ancestor once, whether or not it was computed for this configuration."""
    sums = {question.id: Usage() for question in questions}
    for item in node.ancestors():
        if item.per_question and item.key != node.key:
            for question in questions:
                ref = lying[item.key].get(cell_key(item, question))
                if ref is not None:
                    sums[question.id] += ref.usage
    return sums


def _settled(node: Node, result: tuple[Any, Usage] | BaseException) -> tuple[Any, Usage]:
    """Outcome and usage of one question; what stood in its way and is not the candidate's leaves its cell open.

    Raises:
        BaseException: what was raised, when it concerns the whole node.
    """
    if not isinstance(result, BaseException):
        return result
    if isinstance(result, Exception):
        open_ = classify(result, _label(node), metric=node.stage == "measure").retry
        if open_ is not None:
            return open_, Usage()
    raise result


def _label(node: Node) -> str:
    return f"{node.stage}.{node.step.name}" if node.step else node.stage


def _absent_model(outcome: Any) -> str:
    return "" if isinstance(outcome, Unfilled) else without_model(outcome)

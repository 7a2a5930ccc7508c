"""After the search: the latency probe, the choice of what to export, and its confirmation on the sealed hold-out.

Every step is written to the journal before the next one begins, so that a sweep that was stopped at any point goes on
behind it: nothing is probed twice, the choice stays as it was made, and the hold-out is opened once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ragscout.board.limits import probe_targets
from ragscout.engine.fill import Engine, Filled, Want
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.worker import Worker
from ragscout.model.board import Board
from ragscout.model.errors import ModelCallError
from ragscout.plan.budget import Purse
from ragscout.plan.holdout import use_of
from ragscout.plan.setup import Prepared, ordered
from ragscout.run.read_model import View
from ragscout.serve.probe import probe
from ragscout.store.journal import Journal, Once
from ragscout.store.store import Store

MOST_PROBED = 12
"""Rows that are probed at most: with a limit in seconds the next best ones follow those that pass it."""
FEWEST_SEALED = 10
"""A hold-out is not opened for fewer questions per row: it would be used up and say next to nothing."""


class Finish:
    """The last part of a sweep."""

    def __init__(
        self,
        prepared: Prepared,
        store: Store,
        journal: Journal,
        view: View,
        engine: Engine,
        runtime: EngineRuntime,
        worker: Worker,
        purse: Purse,
    ) -> None:
        """Args: worker = what computes in this process; it learns of the sealed questions."""
        self._prepared, self._store, self._journal, self._view = prepared, store, journal, view
        self._engine, self._runtime, self._worker, self._purse = engine, runtime, worker, purse

    async def run(self, totals: Filled, show: Callable[[str], None]) -> list[str]:
        """Probe, choose, confirm; why cells stayed open, in words. ``show`` is told what begins."""
        self._journal_once("closing", {"clock": self._purse.elapsed})
        self._runtime.allow(self._prepared.opening.limits(closing=True), self._purse.deadline())
        if self._prepared.spec.probe.questions and self._journal.last("probe_over") is None:
            try:
                await self._probe(show)
            except ModelCallError as error:
                return [f"endpoint: {error}"]
            self._journal_once("probe_over", {"clock": self._purse.elapsed})
        board = self._view.snapshot().board
        chosen: Mapping[str, Any] = self._journal.last("chosen") or self._choose(board)
        if not chosen["questions"]:
            return []
        show("hold-out")
        return await self._confirm(chosen["rows"], int(chosen["questions"]), totals)

    def _journal_once(self, kind: str, payload: dict[str, object]) -> None:
        Once(self._store.ledger, self._prepared.sweep_id).append(kind, payload)

    async def _probe(self, show: Callable[[str], None]) -> None:
        asked = self._prepared.spec.probe
        texts = [question.text for question in self._prepared.questions[: asked.questions]]
        while keys := probe_targets(self._view.snapshot().board, list(self._view.probes()), MOST_PROBED):
            show("latency probe")
            for key in keys:
                found = await asyncio.to_thread(
                    probe,
                    self._prepared.configuration(key),
                    texts,
                    store=self._store,
                    opening=self._prepared.opening,
                    sweep=self._prepared.sweep_id,
                    concurrency=asked.concurrency,
                    deadline=self._purse.deadline(),
                )
                self._journal.append("probed", {"key": key, "clock": self._purse.elapsed, **found.payload()})

    def _choose(self, board: Board) -> dict[str, Any]:
        """Fix what is exported and what is confirmed, before any sealed question is read."""
        recommended, leader = board.recommended(), board.leader()
        first = [row for row in (leader, recommended, board.reference()) if row is not None]
        baselines = [row for row in board.rows if row.has("baseline")]
        held = self._prepared.held if recommended is not None else 0
        keys = list(dict.fromkeys(row.key for row in (*first, *baselines) if not row.failed))
        asked, why = self._affordable(held, keys), ""
        if asked < held:
            # what was chosen comes before the baselines
            keys = list(dict.fromkeys(row.key for row in first if not row.failed))
            asked = self._affordable(held, keys)
        if asked < min(held, FEWEST_SEALED):
            why = f"the budget leaves {asked} answers for each of {len(keys)} rows, {FEWEST_SEALED} are needed"
            asked = 0
        if asked and self._purse.late(1.0):
            # an opening without an answer would use the hold-out up for nothing
            why, asked = "the minutes of the budget are over", 0
        use = use_of(self._prepared.eval_set, self._store, self._prepared.sweep_id) if held else None
        chosen: dict[str, Any] = {
            "leader": leader.key if leader else "",
            "recommended": recommended.key if recommended else "",
            "rows": keys,
            "questions": asked,
            "why": why,
            "used_by": list(use.opened) if use else [],
            "seen": use.seen if use else 0,
        }
        self._journal.append("chosen", chosen)
        return chosen

    def _affordable(self, held: int, keys: list[str]) -> int:
        """How many sealed questions each row can answer."""
        rows = sum(1 for key in keys if self._prepared.configuration(key).generates)
        if not rows or not held:
            return held
        left = [self._purse.answers(self._prepared.opening.limits(closing=True))]
        if self._prepared.spec.budget.answers is not None:
            left.append(max(0, self._prepared.spec.budget.answers - self._view.answers_asked()))
        known = [number for number in left if number is not None]
        return min(held, min(known) // rows) if known else held

    async def _confirm(self, keys: list[str], count: int, totals: Filled) -> list[str]:
        held = self._prepared.eval_set.open_sealed(Once(self._store.ledger, self._prepared.sweep_id))
        asked = ordered(held, self._prepared.spec.seed)[:count]
        self._worker.admit(asked)
        wants = [Want(node, asked) for key in keys for node in self._prepared.wanted(self._prepared.configuration(key))]
        filled = await self._engine.fill(wants)
        totals.add(filled)
        left = filled.why_open()
        if left and not all(reason.startswith("budget") for reason in left):
            return left
        self._journal_once("confirmed", {"broken": dict(filled.failed)})
        return []

"""After the search: the latency probe, the choice of what to export, and its confirmation on the sealed hold-out.

Every step is written to the journal before the next one begins, so that a sweep that was stopped at any point goes on
behind it: nothing is probed twice, the choice stays as it was made, and the hold-out is opened once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ragscout.board.limits import probe_targets
from ragscout.engine.fill import Want
from ragscout.engine.journal import SealRecord
from ragscout.engine.trouble import TROUBLES, outside
from ragscout.model.results.board import Board
from ragscout.model.results.journal import Chosen, ClosingBegun, HoldoutConfirmed, ProbeOver
from ragscout.model.results.reason import Reason
from ragscout.plan.holdout import use_of
from ragscout.plan.setup import ordered
from ragscout.run.measuring import only_budget
from ragscout.run.session import Session
from ragscout.serve.probe import probe

MOST_PROBED = 12
"""Rows that are probed at most: with a limit in seconds the next best ones follow those that pass it."""
FEWEST_SEALED = 10
"""A hold-out is not opened for fewer questions per row: it would be used up and say next to nothing."""


async def close_sweep(session: Session) -> list[str]:
    """Probe, choose, confirm; return why cells stayed open, in words.

    Raises:
        Stopped: the sweep was asked to stop.
    """
    journal = session.journal
    journal.append_once(ClosingBegun(session.budget.elapsed))
    session.allow_closing()
    if session.prepared.spec.probe.questions and journal.last(ProbeOver) is None:
        try:
            await _probe(session)
        except TROUBLES as error:
            reason = outside(error)
            return [f"{reason.kind}: {reason.detail}"]
        journal.append_once(ProbeOver(session.budget.elapsed))
    board = session.view.snapshot().board
    chosen = journal.last(Chosen)
    if chosen is None:
        chosen = _choice(session, board)
        journal.append(chosen)
    if not chosen.questions:
        return []
    session.events.phase("hold-out")
    return await _confirm(session, chosen)


async def _probe(session: Session) -> None:
    """Probe rows until no further one has to be; one that the sweep's end interrupts is probed again."""
    prepared, cancel = session.prepared, session.options.cancel
    asked = prepared.spec.probe
    texts = [question.text for question in prepared.questions[: asked.questions]]
    while keys := probe_targets(session.view.snapshot().board, list(session.view.probes()), MOST_PROBED):
        session.events.phase("latency probe")
        for key in keys:
            await cancel.passed()
            measured = await asyncio.to_thread(
                probe,
                prepared.configuration(key),
                texts,
                store=session.store,
                opening=prepared.opening,
                sweep=prepared.sweep_id,
                concurrency=asked.concurrency,
                deadline=session.budget.deadline(),
                go_on=lambda: cancel.wish == "run",
            )
            if cancel.wish != "run":
                break
            session.journal.append(measured.entry(key, session.budget.elapsed))
        await cancel.passed()


def _choice(session: Session, board: Board) -> Chosen:
    """Fix what is exported and what is confirmed, before any sealed question is read."""
    prepared = session.prepared
    recommended, leader = board.recommended(), board.leader()
    first = [row for row in (leader, recommended, board.reference()) if row is not None]
    baselines = [row for row in board.rows if row.has("baseline")]
    held = prepared.held if recommended is not None else 0
    keys = list(dict.fromkeys(row.key for row in (*first, *baselines) if not row.failed))
    asked, sealed = _affordable(session, held, keys), None
    if asked < held:
        # what was chosen comes before the baselines
        keys = list(dict.fromkeys(row.key for row in first if not row.failed))
        asked = _affordable(session, held, keys)
    if asked < min(held, FEWEST_SEALED):
        sealed = Reason("few_answers", {"each": asked, "rows": len(keys), "needed": FEWEST_SEALED})
        asked = 0
    if asked and session.budget.late(1.0):
        # an opening without an answer would use the hold-out up for nothing
        sealed, asked = Reason("late"), 0
    use = use_of(prepared.eval_set, session.store, prepared.sweep_id) if held else None
    return Chosen(
        leader=leader.key if leader else "",
        recommended=recommended.key if recommended else "",
        rows=tuple(keys),
        questions=asked,
        sealed=sealed,
        used_by=use.opened if use else (),
        seen=use.seen if use else 0,
    )


def _affordable(session: Session, held: int, keys: Sequence[str]) -> int:
    """Return how many sealed questions each row can answer."""
    prepared, limit = session.prepared, session.prepared.spec.budget.answers
    rows = sum(1 for key in keys if prepared.configuration(key).generates)
    if not rows or not held:
        return held
    left = [session.budget.answers(prepared.opening.limits(closing=True))]
    if limit is not None:
        left.append(max(0, limit - session.view.answers_asked()))
    known = [number for number in left if number is not None]
    return min(held, min(known) // rows) if known else held


async def _confirm(session: Session, chosen: Chosen) -> list[str]:
    """Ask the sealed questions of the chosen rows; return why cells stayed open, in words."""
    prepared = session.prepared
    held = prepared.eval_set.open_sealed(SealRecord(session.journal))
    asked = ordered(held, prepared.spec.seed)[: chosen.questions]
    session.worker.admit(asked)
    configurations = [prepared.configuration(key) for key in chosen.rows]
    filled = await session.fill([Want(node, asked) for item in configurations for node in prepared.wanted(item)])
    if filled.why_open() and not only_budget(filled):
        return filled.why_open()
    session.journal.append_once(HoldoutConfirmed(dict(filled.failed)))
    return []

"""The main flow of a sweep, to be read first: ask, fill, measure, tell, record; then close.

A sweep is a conversation between a proposer, which chooses which questions to ask of which configurations, and the
engine, which fills what is asked. Every round is written to the journal before it runs and again when it is measured,
so that a sweep that was stopped at any point goes on with the same rounds and ends with the same board.
"""

from __future__ import annotations

from ragscout.engine.cancel import Stopped
from ragscout.engine.fill import Want
from ragscout.engine.trouble import TROUBLES, passing
from ragscout.model.results.journal import SweepClosed
from ragscout.model.results.reason import OPEN, STOPPED
from ragscout.plan.sampling import apply_sample
from ragscout.run.closing import close_sweep
from ragscout.run.session import Ended, Session


async def run_sweep(session: Session) -> Ended:
    """Run a sweep, or go on where it stopped, until it is closed, cells stay open or somebody stops it.

    Raises:
        SpecError, StepError: the preflight found something that the sweep needs and that is not there.
    """
    try:
        await session.prepared.preflight(session.runtime)
        return await _run_on(session)
    except Stopped:
        return Ended(STOPPED)


async def _run_on(session: Session) -> Ended:
    """Run what is left of a sweep. When the journal cannot be read or written, the next run goes on from there."""
    try:
        closed = session.journal.last(SweepClosed)
        if closed is not None:
            left = await mend(session)
            return Ended(OPEN, tuple(left)) if left else Ended(closed.reason)
        if left := await apply_sample(session.prepared, session.journal, session.store, session.fill):
            return Ended(OPEN, tuple(left))
        ended = await run_rounds(session)
        left = list(ended.left) or await close_sweep(session)
        if left:
            return Ended(OPEN, tuple(left))
        session.journal.append(SweepClosed(ended.reason))
        return ended
    except TROUBLES as error:
        reason = passing(error)
        if reason is None:
            raise
        return Ended(OPEN, (f"{reason.kind}: {reason.detail}",))


async def run_rounds(session: Session) -> Ended:
    """Ask, compute, measure and tell until the proposer is done or a limit ends the search."""
    search = session.search()
    for asked in search.rounds():  # replays the journal first, then asks
        session.events.round(asked.number, asked.reason, asked.answers)
        filled = await session.fill(session.wants(asked, search.waiting))
        measured = session.measure(asked, filled, search.waiting)  # pure
        if measured.left and not measured.spent:
            return Ended(OPEN, (*search.leave(measured.waiting), *measured.left))
        if measured.left:
            search.break_off(measured)
            break
        search.tell(asked, measured)
        if not asked.replayed:
            session.recording.measured()
    return Ended(search.reason, search.leave(search.waiting))


async def mend(session: Session) -> list[str]:
    """Fill what a finished sweep could not compute: a metric whose model was absent may work by now.

    Returns why cells stayed open, in words.
    """
    broken = session.view.broken()
    wants = [
        Want(node, session.prepared.pick(names))
        for configuration, names in session.view.asked()
        for node in session.prepared.measures(configuration)
        if node.key in broken
    ]
    return (await session.fill(wants)).why_open() if wants else []

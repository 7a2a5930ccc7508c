"""Shows a sweep that another process runs: its progress, what its journal says, its board when it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ragscout.model.results.journal import (
    Chosen,
    ClosingBegun,
    HoldoutConfirmed,
    HoldoutOpened,
    JournalEntry,
    Probed,
    RoundAsked,
    RoundMeasured,
    SampleSettled,
    SearchEnded,
    SweepClosed,
    SweepOpened,
)

if TYPE_CHECKING:
    from ragscout.cli.support.progress import ProgressLine
    from ragscout.cli.support.sweeps import FoundSweep

EVERY = 0.5
"""Seconds between two looks."""


def follow(found: FoundSweep, progress: ProgressLine) -> str:
    """Show a sweep until its run ends; return the state that it is left in, see ``run.pulse.STATES``.

    A run whose process is gone without a word leaves the state ``gone``. Of what the journal said before, the last
    entry is told, so that the first line comes at once.
    """
    from ragscout.engine.journal import SweepJournal
    from ragscout.run.events import SweepEvent
    from ragscout.run.pulse import STATES

    journal = SweepJournal(found.store.ledger, found.id)
    told = max(len(journal.entries()) - 1, 0)
    while True:
        holder = found.holder()  # looked at first: what is read below is then the last word of a run that is over
        row = found.store.ledger.progress(found.id)
        lines = journal.entries()
        for line in lines[told:]:
            if words := entry_words(line.entry):
                progress.say(words)
                if isinstance(line.entry, RoundMeasured) and found.sweep is not None:
                    progress.provisional(found.sweep.board)
        told = len(lines)
        state = str(row["state"]) if row is not None else ""
        if row is not None and state in STATES.values():
            progress(SweepEvent.of_row(row), state="" if state == STATES["run"] else state)
        if holder is None:
            return "gone" if state in (*STATES.values(), "") else state
        time.sleep(EVERY)


def entry_words(entry: JournalEntry) -> str:
    """Put what happened into words; empty for what only programs read."""
    from ragscout.board.words.reasons import reason_phrase
    from ragscout.words import Words

    if isinstance(entry, RoundAsked):
        questions = sum(len(request.questions) for request in entry.requests)
        reason = entry.requests[0].reason if entry.requests else ""
        return f"round {entry.round} ({reason}): {questions} questions to {len(entry.requests)} configurations"
    if isinstance(entry, RoundMeasured):
        failed = f", {len(entry.failed)} cannot run" if entry.failed else ""
        return f"round {entry.round} is measured{failed}"
    if isinstance(entry, SearchEnded):
        return f"the search ends: {Words('en').value(reason_phrase(entry.reason))}"
    if isinstance(entry, SampleSettled):
        return f"corpus sample: {entry.documents} of {entry.of} documents"
    if isinstance(entry, Chosen):
        return f"the choice is made; {entry.questions} sealed questions will be asked"
    words: dict[type[JournalEntry], str] = {
        SweepOpened: "the sweep begins",
        ClosingBegun: "the search is over",
        Probed: "a row's latency is probed",
        HoldoutOpened: "the hold-out is opened",
        HoldoutConfirmed: "the hold-out is confirmed",
        SweepClosed: "the sweep is finished",
    }
    return words.get(type(entry), "")

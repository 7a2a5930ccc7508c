"""What the search may ask: the proposer's rounds as far as its part of the budget goes, then the finals.

Money, requests, tokens and minutes are looked at between rounds only, on what is settled, and what was decided is
written down: a sweep that was stopped decides the same again. In the middle of a round the limits themselves hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ragscout.plan.budget import FINALS_SHARE, Purse
from ragscout.plan.estimate import each_answer
from ragscout.plan.setup import Prepared
from ragscout.run.read_model import BUDGET
from ragscout.search.contract import Proposer, Request
from ragscout.store.journal import Journal
from ragscout.store.store import Store

DONE = "the search is over"
BATCH = 20
"""Most requests per round; policies with smaller rounds ask for fewer."""


class Allowance:
    """The search's part of a sweep's budget."""

    def __init__(self, prepared: Prepared, store: Store, journal: Journal) -> None:
        """Args: journal = of the sweep; earlier processes left there how long they took and what ended the search."""
        self._journal, self._opening = journal, prepared.opening
        clocks = [float(entry.payload["clock"]) for entry in journal.entries() if "clock" in entry.payload]
        self.purse = Purse(
            store.ledger,
            prepared.sweep_id,
            minutes=prepared.spec.budget.minutes,
            spent_seconds=max(clocks, default=0.0),
            expected=lambda: each_answer(prepared, store),
        )
        self._ended: Mapping[str, Any] | None = journal.last("search_over")

    @property
    def deadline(self) -> float | None:
        """Moment on the monotonic clock at which the search's minutes are over, ``None`` without a limit."""
        return self.purse.deadline(1 - self._opening.closing)

    def stops(self, proposer: Proposer, number: int) -> bool:
        """Whether a limit ended the search in the middle of this round or before; the limit of the finals is passed on
        where they begin."""
        ended = self._ended
        if ended is None or number < ended["round"]:
            return False
        if number == ended["round"] and ended["answers"] is not None:
            proposer.allow(int(ended["answers"]))
        return bool(ended["broken"])

    def next(self, proposer: Proposer, number: int, waiting: bool = False) -> list[Request]:
        """The proposer's next round, cut to what fits; its finals once it has nothing to ask or nothing fits.
        ``waiting``: a row waits for the next run, so that a search without anything more to ask is not over."""
        if self._ended is None:
            requests = list(proposer.ask(BATCH))
            share = 1 - FINALS_SHARE
            # the proposer itself keeps the limit on calls
            limits = replace(self._opening.limits(closing=False), calls=None)
            fits = self.purse.answers(limits, share)
            kept = requests if fits is None else _fitting(requests, fits, cut=self.purse.untouched)
            late = self.purse.late((1 - self._opening.closing) * share)
            if kept and not late:
                return kept
            # the finals shrink to what is left, whether a limit ended the search or it had nothing more to ask
            answers = self.purse.answers(limits)
            why = DONE
            if requests:
                part = "the search's part of the minutes is over" if late else "the search's part of the budget is used"
                why = f"{BUDGET}: {part}"
            if requests or (answers is not None and not waiting):
                self.over(number, why, broken=False, answers=answers)
            if answers is not None:
                proposer.allow(answers)
        return list(proposer.finals())

    def over(self, number: int, why: str, *, broken: bool, answers: int | None = None) -> None:
        """Write down what ended the search. ``broken``: in the middle of round ``number``; ``answers``: how
        many the finals may ask."""
        ended: dict[str, Any] = {
            "round": number,
            "why": why,
            "broken": broken,
            "answers": answers,
            "clock": self.purse.elapsed,
        }
        self._journal.append("search_over", ended)
        self._ended = ended


def _fitting(requests: Sequence[Request], answers: int, *, cut: bool) -> list[Request]:
    """The first requests whose answers fit. ``cut``: when not even the first round fits, every row gets the same few
    questions of the common order instead (or the first rows one)."""
    asking = [request for request in requests if request.configuration.generates]
    if cut and 0 < answers < sum(len(request.questions) for request in asking):
        each = max(1, answers // len(asking))
        requests = [replace(request, questions=request.questions[:each]) for request in requests]
    kept = []
    for request in requests:
        answers -= len(request.questions) if request.configuration.generates else 0
        if answers < 0:
            break
        kept.append(request)
    return kept

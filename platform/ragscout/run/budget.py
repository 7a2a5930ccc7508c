"""The search within its part of the budget: the proposer's rounds as far as they fit, then its finals.

Money, requests, tokens and minutes are looked at between rounds only, on what is settled, and what was decided is
written down: a sweep that was stopped decides the same again. In the middle of a round the limits themselves hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragscout.engine.cancel import CancelToken
from ragscout.engine.journal import SweepJournal
from ragscout.engine.session import Opening
from ragscout.model.results.board import Note
from ragscout.model.results.journal import SearchEnded
from ragscout.model.results.reason import DONE, Reason
from ragscout.plan.budget import SweepBudget
from ragscout.plan.estimate import each_answer
from ragscout.plan.setup import Setup
from ragscout.search.contract import Block, Proposer, Request
from ragscout.search.rounds import FINALS_SHARE
from ragscout.store.store import Store


def budget_of(prepared: Setup, store: Store, journal: SweepJournal, cancel: CancelToken) -> SweepBudget:
    """Return the budget of a sweep; earlier processes left in its journal how long they took."""
    return SweepBudget(
        store.ledger,
        prepared.sweep_id,
        minutes=prepared.spec.budget.minutes,
        spent_seconds=max((getattr(line.entry, "clock", 0.0) for line in journal.entries()), default=0.0),
        expected=lambda: each_answer(prepared, store),
        held=lambda: cancel.held_seconds,
    )


class BudgetedProposer:
    """A proposer whose rounds are cut to what the search may still spend, and that goes over to the finals when nothing
    fits or nothing is left to ask."""

    def __init__(
        self,
        inner: Proposer,
        budget: SweepBudget,
        opening: Opening,
        journal: SweepJournal,
        waits: Callable[[], bool],
    ) -> None:
        """Wrap a proposer.

        Args:
            inner: what proposes.
            budget: of the whole sweep.
            opening: says which part of it the search has.
            journal: where the end of the search is written down, or was by an earlier process.
            waits: whether a row waits for the next run, so that a search without anything more to ask is not over.
        """
        self._inner, self._budget, self._opening = inner, budget, opening
        self._journal, self._waits = journal, waits
        self._round = 0
        self.ended = journal.last(SearchEnded)
        self._limit_finals()

    def broke(self, number: int) -> bool:
        """Whether a limit ended the search in the middle of this round, or before."""
        return self.ended is not None and self.ended.broken and number >= self.ended.round

    def ask(self, n: int) -> Sequence[Request]:
        """Return the next round, cut to what fits; the finals once the search is over."""
        return self._searched(n) if self.ended is None else self._inner.finals()

    def end(self, reason: Reason, *, broken: bool, answers: int | None = None) -> None:
        """Write down what ended the search, see ``SearchEnded``."""
        self.ended = SearchEnded(self._round, reason, broken, answers, self._budget.elapsed)
        self._journal.append(self.ended)

    def tell(self, blocks: Sequence[Block]) -> None:
        """Take the blocks of a round."""
        self._inner.tell(blocks)
        self._counted()

    def restore(self, requests: Sequence[Request], blocks: Sequence[Block]) -> None:
        """Replay a journalled round."""
        self._inner.restore(requests, blocks)
        self._counted()

    def know(self, blocks: Sequence[Block], free: bool = True) -> None:
        """Take what earlier sweeps measured, which is a round of its own."""
        self._inner.know(blocks, free)
        self._counted()

    def notes(self) -> Sequence[Note]:
        """Return what the board must say about how the search went."""
        return self._inner.notes()

    def allow(self, answers: int) -> None:
        """Ask at most so many further answers from here on."""
        self._inner.allow(answers)

    def finals(self) -> Sequence[Request]:
        """Return what is still to be measured for the configurations that may win."""
        return self._inner.finals()

    def _searched(self, n: int) -> Sequence[Request]:
        requests = list(self._inner.ask(n))
        share = 1 - FINALS_SHARE
        # the proposer itself keeps the limit on calls
        limits = replace(self._opening.limits(closing=False), calls=None)
        fits = self._budget.answers(limits, share)
        kept = requests if fits is None else fitting(requests, fits, cut=self._budget.untouched)
        late = self._budget.late((1 - self._opening.closing) * share)
        if kept and not late:
            return kept
        # the finals shrink to what is left, whether a limit ended the search or it had nothing more to ask
        answers = self._budget.answers(limits)
        if requests:
            self.end(Reason("search_minutes" if late else "search_share"), broken=False, answers=answers)
        elif answers is not None and not self._waits():
            self.end(DONE, broken=False, answers=answers)
        if answers is not None:
            self._inner.allow(answers)
        return self._inner.finals()

    def _counted(self) -> None:
        self._round += 1
        self._limit_finals()

    def _limit_finals(self) -> None:
        """Pass the limit of the finals on where they begin, when an earlier process came to them."""
        ended = self.ended
        if ended is not None and ended.round == self._round and ended.answers is not None:
            self._inner.allow(ended.answers)


def fitting(requests: Sequence[Request], answers: int, *, cut: bool) -> list[Request]:
    """Return the first requests whose answers fit. ``cut``: when not even the first round fits, every row gets the same
    few questions of the common order instead (or the first rows one)."""
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

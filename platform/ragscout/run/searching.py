"""The search of one sweep: rounds replayed from the journal, then opening moves and the search within its budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from ragscout.board.question_weights import weights_of
from ragscout.engine.journal import SweepJournal
from ragscout.model.config import Configuration
from ragscout.model.outcome import Usage
from ragscout.model.results.journal import (
    AskedRequest,
    RoundAsked,
    RoundMeasured,
    RowsDropped,
    RowsWaiting,
    SampleSettled,
)
from ragscout.model.results.reason import DONE, Reason
from ragscout.plan.budget import SweepBudget
from ragscout.plan.cells import CellReader
from ragscout.plan.setup import Setup
from ragscout.run.budget import BudgetedProposer
from ragscout.run.measuring import MeasuredRound, asked_of
from ragscout.run.read_model import request_of
from ragscout.run.waiting import Waiting
from ragscout.search import check, make_proposer, prefixes
from ragscout.search.contract import Block, Proposer, Request
from ragscout.search.known import known
from ragscout.search.opening_moves import OpeningMoves, answers_of
from ragscout.store.store import Store

BATCH = 20
"""Most requests per round; policies with smaller rounds ask for fewer."""


@dataclass(frozen=True)
class Round:
    """One round of a search. ``replayed``: an earlier process asked it; ``measured``: what that process made of it,
    ``None`` when it did not come so far.
    ``dropped``: configurations that were left out of the sweep, with the cause."""

    number: int
    requests: tuple[Request, ...]
    replayed: bool = False
    measured: RoundMeasured | None = None
    dropped: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> Mapping[str, str]:
        """Configurations that were found unable to run or left out, with the cause."""
        return self.dropped if self.measured is None else {**self.measured.failed, **self.dropped}

    @property
    def reason(self) -> str:
        """Why the round is asked, for people; empty when all that was proposed waits."""
        return self.requests[0].reason if self.requests else ""

    @property
    def answers(self) -> int:
        """How many answers are asked for."""
        return answers_of(self.requests, free=False)


class SweepSearch:
    """Gives the rounds of a sweep and hears what came of them."""

    def __init__(self, prepared: Setup, store: Store, journal: SweepJournal, budget: SweepBudget) -> None:
        """Args: journal = where earlier processes wrote their rounds down; budget = of the whole sweep."""
        self._prepared, self._store, self._journal, self._budget = prepared, store, journal, budget
        self._free, self._asked = prepared.spec.budget.answers is None, 0
        self.waiting = Waiting()
        """What is asked nothing more till the next run."""
        self._refused: Sequence[Request] = ()
        self._dropped = {key: why for entry in journal.of(RowsDropped) for key, why in entry.rows.items()}
        inner = proposer_of(prepared, store)
        self._limited = BudgetedProposer(inner, budget, prepared.opening, journal, lambda: bool(self.waiting))
        self._proposer: Proposer = OpeningMoves(
            self._limited,
            [question.id for question in prepared.questions],
            _prefix_groups(prepared, store, journal),
            floor=_floor(prepared, store),
            known=self._known,
            free=self._free,
        )

    def rounds(self) -> Iterator[Round]:
        """Yield the rounds of the journal, then those that are asked now, each written down before it runs."""
        asked = list(self._journal.of(RoundAsked))
        measured = {entry.round: entry for entry in self._journal.of(RoundMeasured)}
        for number in count():
            if self._limited.broke(number):
                return
            if number < len(asked):
                requests = tuple(request_of(self._prepared, item) for item in asked[number].requests)
                yield Round(number, requests, True, measured.get(number), self._dropped)
                continue
            proposed = self._proposer.ask(BATCH)
            if not proposed:
                return
            # who waits is asked nothing: a later run proposes it anew
            requests = tuple(asked_of(proposed, self._dropped, self.waiting, self._prepared))
            self._refused = tuple(request for request in proposed if request not in requests)
            self._journal.append(RoundAsked(number, tuple(_written(request) for request in requests)))
            yield Round(number, requests)

    def tell(self, asked: Round, measured: MeasuredRound) -> None:
        """Tell the proposer what came of a round, and write down that it is measured."""
        if asked.replayed:
            self._proposer.restore(asked.requests, measured.blocks)
        else:
            refused = [self._unasked(request.configuration) for request in self._refused]
            self._proposer.tell([*measured.blocks, *refused])
        self._asked += answers_of(asked.requests, self._free)
        if self._prepared.answers is not None and (self._refused or measured.waiting != self.waiting):
            # what one who waits was asked is still to come, and no other row may take its place
            self._proposer.allow(max(0, self._prepared.answers - self._asked))
        self.waiting, self._refused = measured.waiting, ()
        if asked.measured is None:
            notes = tuple(self._proposer.notes())
            self._journal.append(
                RoundMeasured(asked.number, measured.failed, measured.broken, notes, self._budget.elapsed)
            )

    def break_off(self, measured: MeasuredRound) -> None:
        """Write down that the budget ended the search in the middle of a round."""
        self.waiting = measured.waiting
        over = self._budget.late(1 - self._prepared.opening.closing)
        self._limited.end(Reason("minutes" if over else "request"), broken=True)

    @property
    def reason(self) -> Reason:
        """What ended the search."""
        return DONE if self._limited.ended is None else self._limited.ended.reason

    def leave(self, waiting: Waiting) -> tuple[str, ...]:
        """Write down what waits for the next run, and say it."""
        rows = waiting.among(self._prepared, self._dropped)
        known = self._journal.last(RowsWaiting)
        if rows != dict(known.rows if known is not None else {}):
            self._journal.append(RowsWaiting(rows))
        return waiting.words(rows, self._prepared)

    def _unasked(self, configuration: Configuration) -> Block:
        why = self._dropped.get(configuration.key, "") or self.waiting.why(configuration, self._prepared)
        return Block(configuration, {}, Usage(), why)

    def _known(self, asked: Mapping[str, Collection[str]]) -> Sequence[Request]:
        """Return what earlier sweeps left in the store."""
        prepared = self._prepared
        if not check(prepared.search, prepared.spec.search.parameters)[0].warm:
            return ()
        questions = [question.id for question in prepared.questions]
        reader, nodes = CellReader(self._store, prepared), self._store.ledger.cell_nodes()
        return known(prepared.space.configurations, questions, reader, nodes, asked)


def _written(request: Request) -> AskedRequest:
    return AskedRequest(request.configuration.key, request.questions, request.reason)


def proposer_of(prepared: Setup, store: Store) -> Proposer:
    """Make the proposer that a sweep names, with everything that it knows before the first answer."""
    return make_proposer(
        prepared.search,
        prepared.space,
        [question.id for question in prepared.questions],
        prepared.goal,
        seed=prepared.spec.seed,
        budget=prepared.answers,
        options=prepared.spec.search.parameters,
        sweep=prepared.sweep_id,
        storage=prepared.study(store),
        building=prefixes.building(prepared.space.configurations, store.ledger),
        sampled={item.key: prefix for prefix, item in prepared.sampled.items()},
        weights=weights_of(prepared.questions),
    )


def _prefix_groups(prepared: Setup, store: Store, journal: SweepJournal) -> tuple[tuple[Configuration, ...], ...]:
    """Return retrieval prefixes that are scored before the first answer, in rounds; none without a retrieval metric."""
    if not prepared.figures_of("retrieval"):
        return ()
    configurations = prepared.space.configurations
    seconds = prefixes.building(configurations, store.ledger)
    groups = prefixes.rounds(configurations, len(prepared.questions), seconds)
    sample = journal.last(SampleSettled)
    return prefixes.with_sample(groups, prepared.sampled) if sample is not None and sample.used else groups


def _floor(prepared: Setup, store: Store) -> list[Configuration]:
    """Baselines that answer without a model and that no sweep asked yet."""
    answered = store.ledger.cell_nodes()
    return [item for item in prepared.floor if item.last.key not in answered]

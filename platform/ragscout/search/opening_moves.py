"""The first rounds of every search: retrieval prefixes, the floor beside them, then what earlier sweeps left behind.

They are proposed by one proposer around the search's own: it asks its opening moves and then passes everything on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ragscout.model.config import Configuration
from ragscout.model.results.board import Note
from ragscout.search.contract import Block, Proposer, Request
from ragscout.search.known import KNOWN

FLOOR = 10
"""Questions of the first block of the extractive floor."""

Asked = Mapping[str, Mapping[str, None]]
"""Configuration key to the questions that this sweep asked, in order."""


class OpeningMoves:
    """A proposer that opens for another one.

    One round for each group of retrieval prefixes, every question; the floor is asked beside the first group, so that
    the first board has answers to compare with. Then one round of what the store knows already, when it knows any. None
    of these rounds is cut by a budget: prefixes cost no answer, and known scores cost nothing.
    """

    def __init__(
        self,
        inner: Proposer,
        questions: Sequence[str],
        prefixes: Sequence[Sequence[Configuration]] = (),
        *,
        floor: Sequence[Configuration] = (),
        known: Callable[[Asked], Sequence[Request]] = lambda _: (),
        free: bool = True,
    ) -> None:
        """Wrap a proposer.

        Args:
            inner: what proposes after the opening.
            questions: development question ids in the common order.
            prefixes: groups of retrieval prefixes, a round each.
            floor: configurations that answer without a model.
            known: given what was asked, the requests whose scores the store holds already.
            free: whether known answers are outside the limit on answers.
        """
        self._inner, self._questions, self._prefixes = inner, tuple(questions), tuple(map(tuple, prefixes))
        self._floor, self._known, self._free = tuple(floor), known, free
        self._rounds = 0
        self._asked: dict[str, dict[str, None]] = {}
        self._pending: Sequence[Request] = ()

    def ask(self, n: int) -> Sequence[Request]:
        """Return the next round: an opening move as a whole, else at most ``n`` requests of the inner proposer."""
        self._pending = self._opening() or self._inner.ask(n)
        return self._pending

    def tell(self, blocks: Sequence[Block]) -> None:
        """Take the blocks of the round that was asked last."""
        self._note(self._pending)
        if _are_known(self._pending):
            self._inner.know(blocks, self._free)
        else:
            self._inner.tell(blocks)

    def restore(self, requests: Sequence[Request], blocks: Sequence[Block]) -> None:
        """Replay one journalled round without asking anew."""
        self._note(requests)
        if _are_known(requests):
            self._inner.know(blocks, self._free)
        else:
            self._inner.restore(requests, blocks)

    def know(self, blocks: Sequence[Block], free: bool = True) -> None:
        """Take what earlier sweeps measured."""
        self._inner.know(blocks, free)

    def notes(self) -> Sequence[Note]:
        """Return what the board must say about how the search went."""
        return self._inner.notes()

    def allow(self, answers: int) -> None:
        """Ask at most so many further answers from here on."""
        self._inner.allow(answers)

    def finals(self) -> Sequence[Request]:
        """Return what is still to be measured for the configurations that may win."""
        return self._inner.finals()

    def _opening(self) -> Sequence[Request]:
        if self._rounds > len(self._prefixes):
            return ()
        # by what was asked, not by number: a sweep that goes on may find its groups in another order
        group = next((prefixes for prefixes in self._prefixes if prefixes[0].key not in self._asked), ())
        requests = [Request(item, self._questions, "sampled" if item.sampled else "retrieval") for item in group]
        if group and not self._rounds:
            requests += [Request(item, self._questions[:FLOOR], "floor") for item in self._floor]
        return requests or self._known(self._asked)

    def _note(self, requests: Sequence[Request]) -> None:
        self._rounds += 1
        for request in requests:
            self._asked.setdefault(request.configuration.key, {}).update(dict.fromkeys(request.questions))


def answers_of(requests: Sequence[Request], free: bool) -> int:
    """Count the answers that a round asks for; known ones count nothing when they are ``free``."""
    if free and _are_known(requests):
        return 0
    return sum(len(request.questions) for request in requests if request.configuration.generates)


def _are_known(requests: Sequence[Request]) -> bool:
    return bool(requests) and requests[0].reason == KNOWN

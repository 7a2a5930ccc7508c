"""What one process holds of a sweep's limits ahead of its requests, so that most requests need not ask the ledger."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable

from ragscout.engine.admission import Ticket
from ragscout.store.amounts import Amount, SpendLimits, Spent

AHEAD = 16
"""Requests for which a block is reserved ahead, each at the largest price seen."""
NO_AMOUNT = Amount()


class ReservedBlock:
    """In flight, free, and those who wait for some. Everything that is in flight or free is reserved in the ledger,
    unless nothing limits the sweep."""

    def __init__(self, limits: SpendLimits, wake: Callable[[], None]) -> None:
        """Args: wake = called when the ledger has to be asked."""
        self.limits = limits
        self._wake = wake
        self._flying: dict[Ticket, Amount] = {}
        self._free = NO_AMOUNT
        self._largest = NO_AMOUNT
        self._waiting: deque[tuple[Ticket, asyncio.Future[bool]]] = deque()
        self._pause, self._not_before = 0.0, -math.inf

    @property
    def idle(self) -> bool:
        """Whether something is free that nobody uses."""
        return not self._flying and not self._waiting and self._free != NO_AMOUNT

    async def enter(self, ticket: Ticket) -> bool:
        """Set the largest price of a request aside; ``False`` when the limits do not allow it.

        A reply costs far less than the most it could: while requests on their way hold what is left, this waits until
        they are settled, so that a limit ends a sweep where it is used and not where it is set aside.
        """
        need = _need(ticket)
        self._largest = self._largest.at_least(need)
        if self.limits == SpendLimits():
            self._flying[ticket] = need
            return True
        if not self._waiting and need.fits(self._free):
            self._start(ticket, need)
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((ticket, future))
        self._not_before = -math.inf
        self._wake()
        try:
            return await future
        except asyncio.CancelledError:
            if ticket in self._flying:
                self.leave(ticket, paid=False)
            raise

    def leave(self, ticket: Ticket, *, paid: bool) -> None:
        """End a request. What it held is free again when nothing was paid, else it goes with the next window, which
        brings what was really paid."""
        need = self._flying.pop(ticket)
        if not paid and self.limits != SpendLimits():
            self._free += need
        if self._waiting:
            self._not_before = -math.inf
            self._wake()

    def due(self) -> float:
        """Return the moment on the monotonic clock at which the ledger has to be asked, infinity for none."""
        return self._not_before if self._waiting else math.inf

    def ask(self, expected: Iterable[Ticket], *, keep: bool) -> tuple[Amount, Amount, Amount]:
        """Return what is held, what more is wanted, and the least of it that helps anybody.

        Args:
            expected: requests that may be sent, if nothing is known of them.
            keep: whether what is free stays here; otherwise it is given back.
        """
        self._drop_cancelled()
        wanted = Amount.total(_need(ticket) for ticket in (*expected, *(ticket for ticket, _ in self._waiting)))
        if self._waiting or not keep:
            # who waits is asked for whole, so that what is free but not enough never stands in its own way
            self._free = NO_AMOUNT
        held = Amount.total(self._flying.values()) + self._free
        lacking = (wanted - self._free).at_least(NO_AMOUNT)
        if self.limits == SpendLimits() or lacking == NO_AMOUNT:
            return held, NO_AMOUNT, NO_AMOUNT
        return held, lacking + self._largest * AHEAD, _need(self._waiting[0][0]) if self._waiting else NO_AMOUNT

    def took(self, granted: Amount | None, spent: Spent) -> None:
        """Take the ledger's answer and let pass, or refuse, who waits."""
        self._free += granted or NO_AMOUNT
        self._drop_cancelled()
        while self._waiting and _need(self._waiting[0][0]).fits(self._free):
            ticket, future = self._waiting.popleft()
            self._start(ticket, _need(ticket))
            future.set_result(True)
            self._pause = 0.0
        if granted is None:
            self._refuse(spent.room(self.limits))
        if self._waiting:
            self._pause = min(max(0.05, self._pause * 1.5), 1.0)
            self._not_before = time.monotonic() + (self._pause if granted is None else 0.0)

    def fail(self, error: Exception) -> None:
        """Tell everybody who waits that there is no answer."""
        self._drop_cancelled()
        for _, future in self._waiting:
            future.set_exception(error)
        self._waiting.clear()

    def _start(self, ticket: Ticket, need: Amount) -> None:
        self._flying[ticket] = need
        self._free -= need

    def _refuse(self, room: Amount) -> None:
        """Refuse what would not fit even when nothing were on its way."""
        staying = [(ticket, future) for ticket, future in self._waiting if _need(ticket).fits(room)]
        for ticket, future in self._waiting:
            if not _need(ticket).fits(room):
                future.set_result(False)
        self._waiting = deque(staying)

    def _drop_cancelled(self) -> None:
        self._waiting = deque(item for item in self._waiting if not item[1].done())


def _need(ticket: Ticket) -> Amount:
    return Amount.of(ticket.purpose, ticket.most or 0.0)

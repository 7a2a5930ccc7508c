"""Replies, money and rate limits of model requests, kept in a store's ledger: a few transactions for many requests.

What requests need of the ledger and what came back waits in a window, and one task sends window after window, each as
one transaction in a thread. A window is sent as soon as somebody waits for its answer, else when it holds 64 replies
or its first one is 250 ms old. A process that is killed loses at most its window: those replies are asked for again,
and what they cost counts as reserved until the process is known to be dead or its lease is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from ragscout.engine.admission import Reply, Ticket
from ragscout.engine.block import ReservedBlock
from ragscout.engine.pacing import Pacing
from ragscout.engine.trouble import TROUBLES
from ragscout.model.errors import StoreError
from ragscout.model.outcome import Unfilled, Usage
from ragscout.store.amounts import Amount, Charge, SpendLimits
from ragscout.store.leases import TIMER
from ragscout.store.ledger import Ledger
from ragscout.store.owners import new_owner
from ragscout.store.rows import ShardRows
from ragscout.store.windows import Granted, RateNeed, Window

FULL = 64
"""Replies that make a window due."""
OLD = 0.25
"""Seconds after which a window is due."""
AGAIN = 1.0
"""Seconds after which a window is sent again that the ledger did not take."""

_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
_Right = Literal["ours", "another's", "nobody's"]


@dataclass
class _Pending:
    """What the next window hands over."""

    replies: dict[str, Reply] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    cells: list[tuple[ShardRows, asyncio.Future[int]]] = field(default_factory=list)
    flushes: list[asyncio.Future[None]] = field(default_factory=list)
    looking: dict[str, tuple[Ticket, asyncio.Future[Reply | _Right]]] = field(default_factory=dict)
    due: float = math.inf

    def within(self, seconds: float) -> None:
        """Let the window be sent within so many seconds."""
        self.due = min(self.due, time.monotonic() + seconds)

    def charge(self, purpose: str, charge: Charge) -> None:
        """Add what a request took."""
        self.charges[purpose] = self.charges.get(purpose, Charge()) + charge
        self.within(0.0 if sum(item.settled for item in self.charges.values()) >= FULL else OLD)

    def put_back(self, other: _Pending) -> None:
        """Hand over once more what the ledger did not take; who waited for an answer has been told."""
        self.replies |= other.replies
        self.done |= other.done
        for purpose, charge in other.charges.items():
            self.charges[purpose] = self.charges.get(purpose, Charge()) + charge
        if other.replies or other.charges or other.done:
            self.within(AGAIN)

    def fail(self, error: Exception) -> None:
        """Tell everybody who waits that there is no answer."""
        waiting: list[asyncio.Future[Any]] = [*self.flushes]
        waiting += [future for _, future in self.cells]
        waiting += [future for _, future in self.looking.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(error)


class LedgerAdmission:
    """``engine.admission.Admission`` over a ledger, for one sweep."""

    def __init__(
        self,
        ledger: Ledger,
        sweep: str,
        limits: SpendLimits,
        *,
        deadline: float | None = None,
        remembers: bool = True,
    ) -> None:
        """Let requests of a sweep pass.

        Args:
            ledger: where replies, totals, reservations and buckets lie.
            sweep: whose limits hold.
            limits: what may be spent altogether.
            deadline: moment on the monotonic clock after which nothing new is sent.
            remembers: whether replies are looked up and kept; otherwise each request is sent and paid.
        """
        self.remembers = remembers
        self.owner = new_owner("calls")
        self._ledger, self._sweep, self._deadline = ledger, sweep, deadline
        self._wake = asyncio.Event()
        self._block = ReservedBlock(limits, self._wake.set)
        self._pacing = Pacing(self._wake.set)
        self._pending = _Pending()
        self._sent = _Pending()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._reserved = False

    def allow(self, limits: SpendLimits, deadline: float | None) -> None:
        """From here on these limits hold."""
        self._block.limits, self._deadline = limits, deadline

    async def enter(self, ticket: Ticket) -> Reply | Unfilled | None:
        """See ``Admission.enter``.

        Raises:
            StoreError: the ledger cannot be used.
        """
        self._begin()
        refused = self._unsendable(ticket)
        if ticket.key:
            known = await self._known(ticket, claim=refused is None)
            if known is not None:
                return known
        if refused is not None:
            return refused
        try:
            allowed = await self._block.enter(ticket)
        except BaseException:
            self._give_back(ticket)
            raise
        if allowed:
            return None
        self._give_back(ticket)
        return Unfilled("budget", "the next request could exceed the budget")

    async def pace(self, ticket: Ticket) -> None:
        """See ``Admission.pace``."""
        for need in ticket.rates:
            await self._pacing.passed(need)

    def leave(self, ticket: Ticket, reply: Reply | None, usage: Usage | None) -> None:
        """See ``Admission.leave``."""
        self._block.leave(ticket, paid=usage is not None)
        if ticket.key and reply is not None:
            self._pending.replies[ticket.key] = reply
        self._give_back(ticket)
        if usage is not None:
            self._pending.charge(ticket.purpose, Charge.of(usage, min(1, usage.calls)))
        self._wake.set()

    async def commit(self, cells: ShardRows) -> int:
        """Make cells visible together with the replies that they were made of; returns how many were new.

        Raises:
            StoreError: the ledger did not take them.
        """
        self._begin()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.cells.append((cells, future))
        self._send_now()
        return await future

    async def flush(self) -> None:
        """See ``Admission.flush``.

        Raises:
            StoreError: the ledger did not take the window.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._pending.charges:
            self._pending.flushes.append(future)
            self._send_now()
        elif self._sent.charges:
            self._sent.flushes.append(future)
        else:
            return
        await future

    async def close(self) -> None:
        """See ``Admission.close``.

        Raises:
            StoreError: the ledger did not take the last window.
        """
        if self._task is None:
            return
        self._closing = True
        self._wake.set()
        try:
            await asyncio.wait([self._task])
            self._task = None
            if self._reserved or self._pending.charges or self._pending.done:
                await self._send()
        finally:
            TIMER.let_go(self._ledger, self.owner)

    def _begin(self) -> None:
        if self._task is None:
            TIMER.keep(self._ledger, self.owner)
        if self._task is None or self._task.done():
            self._closing = False
            self._task = asyncio.create_task(self._live())

    def seconds_left(self) -> float:
        """See ``Admission.seconds_left``: until the minutes of the budget are over."""
        return math.inf if self._deadline is None else self._deadline - time.monotonic()

    def _unsendable(self, ticket: Ticket) -> Unfilled | None:
        if ticket.unsendable:
            return Unfilled("endpoint", ticket.unsendable)
        if self.seconds_left() < 0:
            return Unfilled("budget", "the minutes of the budget are over")
        if ticket.most is None and self._block.limits.money is not None:
            return Unfilled("budget", f"the price of {ticket.model!r} is unknown; add price: to its connection")
        return None

    async def _known(self, ticket: Ticket, *, claim: bool) -> Reply | None:
        """Return the reply to a request; ``None`` when there is none and, with ``claim``, this process may send it.
        While another process sends it, this waits for its reply."""
        pause = 0.05
        while True:
            for replies in (self._pending.replies, self._sent.replies):
                if ticket.key in replies:
                    return replies[ticket.key]
            future: asyncio.Future[Reply | _Right] = asyncio.get_running_loop().create_future()
            self._pending.looking[ticket.key] = (ticket if claim else Ticket("", "", ""), future)
            self._send_now()
            try:
                found = await future
            except asyncio.CancelledError:
                if (
                    future.done()
                    and not future.cancelled()
                    and future.exception() is None
                    and future.result() == "ours"
                ):
                    self._give_back(ticket)
                raise
            if not isinstance(found, str):
                return found
            if found != "another's":
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def _give_back(self, ticket: Ticket) -> None:
        if ticket.key:
            self._pending.done.add(ticket.key)
            self._pending.within(OLD)
            self._wake.set()

    def _send_now(self) -> None:
        self._pending.within(0.0)
        self._wake.set()

    # -- windows ------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            await self._until_due()
            if self._closing:
                return
            # everybody who waited for the window has been told, and what it handed over is sent again
            with contextlib.suppress(*TROUBLES):
                await self._send()

    async def _until_due(self) -> None:
        idle = math.inf
        while not self._closing:
            self._wake.clear()
            now = time.monotonic()
            idle = min(idle, now + OLD) if self._block.idle else math.inf
            due = min(self._pending.due, self._block.due(), self._pacing.due(), idle)
            if due <= now:
                break
            try:
                async with asyncio.timeout(None if math.isinf(due) else due - now):
                    await self._wake.wait()
            except TimeoutError:
                continue
        # whoever asks in the same turn of the event loop comes along
        await asyncio.sleep(0)

    async def _send(self) -> None:
        """Send one window and hand its answer out.

        Raises:
            StoreError: the ledger did not take it; everybody who waits is told the same.
        """
        pending, self._pending = self._pending, _Pending()
        self._sent = pending
        try:
            window, needs = self._window(pending)
            granted = await asyncio.to_thread(self._ledger.exchange, window)
        except BaseException as error:
            self._pending.put_back(pending)
            told = error if isinstance(error, Exception) else StoreError("The ledger was given up. Run again.")
            pending.fail(told)
            self._block.fail(told)
            self._pacing.fail(told)
            raise
        finally:
            self._sent = _Pending()
        self._reserved = bool((window.held + (granted.amount or Amount())).requests)
        self._block.took(granted.amount, granted.spent)
        self._pacing.took(needs, granted.waits)
        self._hand_out(pending, granted)

    def _window(self, pending: _Pending) -> tuple[Window, list[RateNeed]]:
        expected = [ticket for ticket, _ in pending.looking.values() if ticket.key]
        held, extra, least = self._block.ask(
            expected, keep=not self._closing and bool(expected or not self._block.idle)
        )
        needs = self._pacing.needs(need for ticket in expected for need in ticket.rates)
        window = Window(
            self._sweep,
            self.owner,
            self._block.limits,
            TIMER.lease,
            replies={key: _REPLY.dump_json(reply).decode() for key, reply in pending.replies.items()},
            charges=pending.charges,
            cells=[cells for cells, _ in pending.cells],
            done=pending.done,
            looked_up=list(pending.looking),
            wanted=[ticket.key for ticket in expected],
            held=held,
            extra=extra,
            least=least,
            rates=needs,
        )
        return window, needs

    def _hand_out(self, pending: _Pending, granted: Granted) -> None:
        for (_, cells), new in zip(pending.cells, granted.new_cells, strict=True):
            if not cells.done():
                cells.set_result(new)
        for flushed in pending.flushes:
            if not flushed.done():
                flushed.set_result(None)
        for key, (ticket, looking) in pending.looking.items():
            if looking.done():
                if key in granted.claimed:
                    self._give_back(ticket)
            elif key in granted.replies:
                looking.set_result(_REPLY.validate_json(granted.replies[key]))
            elif not ticket.key:
                looking.set_result("nobody's")
            else:
                looking.set_result("ours" if key in granted.claimed else "another's")

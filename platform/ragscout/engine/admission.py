"""Whether a model request may be sent, and what becomes of its reply: the side of the calls that remembers and counts.

``engine.ledger_admission`` keeps replies and money in a store's ledger; ``MemoryAdmission`` keeps replies in memory.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatReply
from ragscout.store.windows import RateNeed

Reply = ChatReply | Failure


@dataclass(frozen=True, eq=False)
class Ticket:
    """One request on its way. ``key``: under which its reply is remembered, empty when it is not. ``most``: the
    largest price that it can have, ``None`` when nobody knows. ``unsendable``: why it cannot be sent at all."""

    key: str
    purpose: str
    model: str
    most: float | None = 0.0
    rates: tuple[RateNeed, ...] = ()
    unsendable: str = ""


class Admission(Protocol):
    """What stands between the calls and the endpoints. It belongs to one event loop."""

    remembers: bool
    """Whether equal requests are one request."""

    async def enter(self, ticket: Ticket) -> Reply | Unfilled | None:
        """Return the reply that is known, or why the request may not be sent. ``None`` lets it pass; whoever was let
        pass calls ``leave`` once."""
        ...

    async def pace(self, ticket: Ticket) -> None:
        """Wait for the endpoint's rate limits, before each attempt."""
        ...

    def leave(self, ticket: Ticket, reply: Reply | None, usage: Usage | None) -> None:
        """Take a reply to remember, if there is one, and what it took, attempts before it included; ``usage`` is
        ``None`` when nothing was paid."""
        ...

    def seconds_left(self) -> float:
        """Return how long requests may still be sent, infinite where nothing ends."""
        ...

    async def flush(self) -> None:
        """Wait until everything that left is kept for good."""
        ...

    async def close(self) -> None:
        """Keep what is left to keep and give everything back."""
        ...


class MemoryAdmission:
    """Lets everything pass and remembers the latest replies in memory."""

    def __init__(self, keep: int | None) -> None:
        """Args: keep = replies that are remembered at most, ``None`` = all; with 0 each request is sent."""
        self.remembers = keep != 0
        self._keep = keep
        self._replies: OrderedDict[str, Reply] = OrderedDict()

    async def enter(self, ticket: Ticket) -> Reply | Unfilled | None:
        """See ``Admission.enter``."""
        reply = self._replies.get(ticket.key)
        if reply is None and ticket.unsendable:
            return Unfilled("endpoint", ticket.unsendable)
        return reply

    async def pace(self, ticket: Ticket) -> None:
        """Wait for nothing: rate limits are shared through a ledger, and here is none."""

    def leave(self, ticket: Ticket, reply: Reply | None, usage: Usage | None) -> None:
        """See ``Admission.leave``."""
        if reply is None or not ticket.key or not self.remembers:
            return
        self._replies[ticket.key] = reply
        while self._keep is not None and len(self._replies) > self._keep:
            self._replies.popitem(last=False)

    def seconds_left(self) -> float:
        """Nothing ends."""
        return math.inf

    async def flush(self) -> None:
        """Nothing is on its way anywhere."""

    async def close(self) -> None:
        """Nothing is held."""

"""Everything that a process tells the ledger about model requests and asks of it, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ragscout.store import tables as db
from ragscout.store.amounts import Amount, Charge, SpendLimits, Spent
from ragscout.store.rates import Rates
from ragscout.store.rows import ShardRows
from ragscout.store.spending import Spending

CHAT = "chat"
"""Kind of the memo's rows that hold replies."""


@dataclass(frozen=True)
class RateNeed:
    """So much of a token bucket. ``if_claimed``: only when the window claims a request at all."""

    bucket: str
    per_minute: float
    amount: float = 1.0
    if_claimed: bool = False


@dataclass(frozen=True)
class Window:
    """What one process hands over and what it asks for.

    Handed over: ``replies`` (memo key to JSON text) and what they took (``charges`` by purpose), ``cells``, and
    claims that are given back (``done``, memo keys). Asked for: the replies of ``looked_up`` (memo keys); the right
    to send those of ``wanted`` for which there is no reply; ``extra`` of the sweep's limits beyond what is ``held``
    already, at ``least`` a part of it; and ``rates``.
    """

    sweep: str
    owner: str
    limits: SpendLimits
    seconds: float
    replies: Mapping[str, str] = field(default_factory=dict)
    charges: Mapping[str, Charge] = field(default_factory=dict)
    cells: Sequence[ShardRows] = ()
    done: Collection[str] = ()
    looked_up: Collection[str] = ()
    wanted: Collection[str] = ()
    held: Amount = Amount()
    extra: Amount = Amount()
    least: Amount = Amount()
    rates: Sequence[RateNeed] = ()


@dataclass(frozen=True)
class Granted:
    """What the ledger answers. ``replies``: those that it knew; ``claimed``: what may be sent; ``amount``: what was
    added to what is held, ``None`` when not even the least fits beside ``spent`` and what others hold; ``waits``:
    seconds till a bucket may be asked again, 0 when its amount was taken; ``new_cells``: how many were new, by shard.
    """

    replies: Mapping[str, str]
    claimed: Collection[str]
    amount: Amount | None
    spent: Spent
    waits: Mapping[str, float]
    new_cells: Sequence[int]


class Windows(Spending, Rates):
    """Hand-overs in one transaction."""

    def exchange(self, window: Window) -> Granted:
        """Take everything that is handed over and give what is asked for, in one transaction.

        What is recorded already stays. All rows are written in the order of their keys, so that two processes wait
        for each other and never both.
        """
        with self.writing(f"spend:{window.sweep}") as connection:
            replies = [{"kind": CHAT, "key": key, "value": text} for key, text in sorted(window.replies.items())]
            self.insert_new(connection, db.memo, replies)
            new_cells = [self.insert_new(connection, db.cells, item.values()) for item in window.cells]
            self._charge(connection, window.sweep, window.charges)
            self._give_back(connection, window)
            known = {
                row.key: row.value for row in self.select_in(connection, db.memo, "kind", CHAT, "key", window.looked_up)
            }
            claimed = self._claim_requests(connection, window, [key for key in window.wanted if key not in known])
            amount, spent = self._reserve(
                connection,
                window.sweep,
                window.owner,
                window.held,
                window.extra,
                window.least,
                window.limits,
                window.seconds,
            )
            waits = {
                need.bucket: self._take(connection, need.bucket, need.per_minute, need.amount)
                for need in sorted(window.rates, key=lambda need: need.bucket)
                if claimed or not need.if_claimed
            }
        return Granted(known, claimed, amount, spent, waits, new_cells)

    def _give_back(self, connection: sa.Connection, window: Window) -> None:
        names = [claim_of_request(key) for key in window.done]
        if names:
            held = db.claims.c.name.in_(names), db.claims.c.owner == window.owner
            connection.execute(sa.delete(db.claims).where(*held))

    def _claim_requests(self, connection: sa.Connection, window: Window, keys: Sequence[str]) -> set[str]:
        names = {claim_of_request(key): key for key in keys}
        lost = self._lost(connection, names, window.owner, window.seconds) if names else set()
        return {key for name, key in names.items() if name not in lost}


def claim_of_request(key: str) -> str:
    """Return the name of the claim on a request, by its memo key."""
    return f"chat:{key}"

"""What work may cost, and how fast it may go: reservations and token buckets on the ledger's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from ragscout.model.outcome import Usage
from ragscout.store import tables as db
from ragscout.store.claims import Claims

ANSWERS = ("answer", "probe")
"""Purposes of requests that are candidate answers."""

LEASE = 600.0
"""Seconds after which a reservation whose owner gave no sign of life lapses."""


@dataclass(frozen=True)
class SpendLimits:
    """What a sweep may spend: ``money`` in the connections' currency, ``calls`` candidate answers, ``llm_calls``
    requests to chat models of any kind, ``tokens`` in and out of them; ``None``: all."""

    money: float | None = None
    calls: int | None = None
    llm_calls: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Spent:
    """What a sweep has settled so far. ``calls`` counts candidate answers only (those of the latency probe too);
    ``by_purpose`` everything, with ``money=None`` where a price was unknown. ``open_money`` is reserved for requests
    in flight."""

    money: float
    calls: int
    by_purpose: Mapping[str, Usage]
    open_money: float = 0.0

    @property
    def llm_calls(self) -> int:
        """Requests of every purpose."""
        return sum(usage.calls for usage in self.by_purpose.values())

    @property
    def tokens(self) -> int:
        """Tokens of every purpose, in and out."""
        return sum(usage.input_tokens + usage.output_tokens for usage in self.by_purpose.values())

    def leaves_room(self, purpose: str, money: float, limits: SpendLimits) -> bool:
        """Whether one more request fits beside what is settled, whatever is in flight."""
        calls = self.calls + (purpose in ANSWERS)
        wanted = (
            (self.money + money, limits.money),
            (calls, limits.calls if purpose in ANSWERS else None),
            (self.llm_calls + 1, limits.llm_calls),
            (self.tokens + 1, limits.tokens),
        )
        return all(limit is None or value <= limit for value, limit in wanted)


class Coordination(Claims):
    """Spend and rate limits, beside claims."""

    def reserve(
        self,
        sweep: str,
        request: str,
        purpose: str,
        money: float,
        limits: SpendLimits,
        owner: str = "",
        seconds: float = LEASE,
    ) -> bool:
        """Set the largest possible price of a request aside before it leaves; ``False`` when a limit would be passed.

        Settled amounts, open reservations and this one together never pass ``limits``; tokens are known only once a
        request is settled, so they may be passed by the requests in flight. A reservation lapses when its
        owner neither settles nor renews it for ``seconds``. Reserving the same request again replaces its open
        reservation and keeps what was settled.
        """
        table = db.spend
        others = sa.and_(table.c.reserved.is_not(None), table.c.expires > self.now, table.c.request != request)
        answers = table.c.purpose.in_(ANSWERS)
        one = sa.literal(1, sa.BigInteger)
        totals = sa.select(
            sa.func.coalesce(sa.func.sum(table.c.money), 0.0),
            sa.func.coalesce(sa.func.sum(sa.case((others, table.c.reserved), else_=0.0)), 0.0),
            sa.func.coalesce(sa.func.sum(sa.case((answers, table.c.settled), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(sa.case((sa.and_(answers, others), one), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(table.c.settled + sa.case((others, one), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(table.c.input_tokens + table.c.output_tokens), 0),
        ).where(table.c.sweep == sweep)
        with self.writing(f"spend:{sweep}") as connection:
            settled, reserved, calls, open_calls, requests, tokens = connection.execute(totals).one()
            if limits.money is not None and float(settled) + float(reserved) + money > limits.money:
                return False
            if limits.calls is not None and purpose in ANSWERS and int(calls) + int(open_calls) + 1 > limits.calls:
                return False
            if limits.llm_calls is not None and int(requests) + 1 > limits.llm_calls:
                return False
            if limits.tokens is not None and int(tokens) >= limits.tokens:
                return False
            statement = self.insert(table).values(
                sweep=sweep,
                request=request,
                purpose=purpose,
                reserved=money,
                owner=owner,
                expires=self.now + seconds,
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["sweep", "request"],
                    set_={name: statement.excluded[name] for name in ("reserved", "owner", "expires", "purpose")},
                )
            )
        return True

    def settle(self, sweep: str, request: str, usage: Usage) -> None:
        """Replace a reservation by what the request really took. Ignored when nothing was reserved."""
        table = db.spend
        with self.writing() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.sweep == sweep, table.c.request == request, table.c.reserved.is_not(None))
                .values(
                    money=table.c.money + (usage.money or 0.0),
                    unpriced=table.c.unpriced + int(usage.money is None),
                    settled=table.c.settled + 1,
                    input_tokens=table.c.input_tokens + usage.input_tokens,
                    output_tokens=table.c.output_tokens + usage.output_tokens,
                    seconds=table.c.seconds + usage.seconds,
                    reserved=None,
                )
            )

    def cancel(self, sweep: str, request: str) -> None:
        """Give a reservation back: nothing was paid."""
        table = db.spend
        with self.writing() as connection:
            connection.execute(
                sa.update(table).where(table.c.sweep == sweep, table.c.request == request).values(reserved=None)
            )

    def spent(self, sweep: str) -> Spent:
        """What a sweep has spent so far."""
        table = db.spend
        open_money = sa.case((table.c.expires > self.now, sa.func.coalesce(table.c.reserved, 0.0)), else_=0.0)
        names = ("settled", "money", "unpriced", "input_tokens", "output_tokens", "seconds")
        query = (
            sa.select(
                table.c.purpose,
                sa.func.sum(open_money).label("open_money"),
                *(sa.func.sum(table.c[name]).label(name) for name in names),
            )
            .where(table.c.sweep == sweep)
            .group_by(table.c.purpose)
            .order_by(table.c.purpose)
        )
        with self.reading() as connection:
            rows = connection.execute(query).all()
        by_purpose = {
            row.purpose: Usage(
                int(row.input_tokens),
                int(row.output_tokens),
                float(row.seconds),
                None if row.unpriced else float(row.money),
                int(row.settled),
            )
            for row in rows
            if row.settled
        }
        answers = sum((by_purpose.get(purpose, Usage()) for purpose in ANSWERS), Usage())
        money = sum(float(row.money) for row in rows)
        return Spent(money, answers.calls, by_purpose, sum(float(row.open_money) for row in rows))

    def take(self, bucket: str, per_minute: float, amount: float = 1.0) -> float:
        """Take from a token bucket: 0.0 when taken, else the seconds to wait before asking again.

        The generic cell rate algorithm with one second of burst: an amount larger than the burst is let through once
        the bucket is quiet and paid off by those who come after, so large requests do not starve.

        Raises:
            ValueError: when ``per_minute`` is not above 0.
        """
        if per_minute <= 0:
            raise ValueError(f"a rate must be above 0 per minute, got {per_minute}")
        table = db.buckets
        with self.writing(f"bucket:{bucket}") as connection:
            now = self.clock(connection)
            row = connection.execute(sa.select(table.c.next).where(table.c.name == bucket)).first()
            free_at = now if row is None else max(float(row[0]), now)
            if free_at - now > 1.0:
                return free_at - now - 1.0
            statement = self.insert(table).values(name=bucket, next=free_at + amount * 60.0 / per_minute)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"next": statement.excluded.next})
            )
        return 0.0

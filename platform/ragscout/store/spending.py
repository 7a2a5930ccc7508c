"""Money, answers and requests of a sweep: running totals, and what each process holds ahead of its requests.

What is settled lies in one row a purpose, what a process holds in one row a process: neither grows with the number of
requests.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from ragscout.model.outcome import Usage
from ragscout.store import tables as db
from ragscout.store.amounts import ANSWERS, Amount, Charge, SpendLimits, Spent
from ragscout.store.claims import Claims

_FIGURES = ("settled", "money", "unpriced", "input_tokens", "output_tokens", "seconds")


class Spending(Claims):
    """Totals and reservations."""

    def spent(self, sweep: str) -> Spent:
        """Return what a sweep has spent so far."""
        with self.reading() as connection:
            return self._spent(connection, sweep)

    def _spent(self, connection: sa.Connection, sweep: str, but: str = "") -> Spent:
        """Settled totals and what owners (``but`` one) hold."""
        totals = sa.select(db.totals).where(db.totals.c.sweep == sweep).order_by(db.totals.c.purpose)
        rows = connection.execute(totals).all()
        table = db.reservations
        held = connection.execute(
            sa.select(
                *(sa.func.coalesce(sa.func.sum(table.c[name]), 0) for name in ("money", "answers", "requests"))
            ).where(table.c.sweep == sweep, table.c.owner != but, table.c.expires > self.now)
        ).one()
        by_purpose = {
            row.purpose: Usage(
                int(row.input_tokens),
                int(row.output_tokens),
                float(row.seconds),
                None if row.unpriced else float(row.money),
                int(row.settled),
            )
            for row in rows
        }
        answers = sum(by_purpose[purpose].calls for purpose in ANSWERS if purpose in by_purpose)
        money = sum(float(row.money) for row in rows)
        return Spent(money, answers, by_purpose, Amount(float(held[0]), int(held[1]), int(held[2])))

    def _charge(self, connection: sa.Connection, sweep: str, charges: Mapping[str, Charge]) -> None:
        """Add what requests took to the totals."""
        table = db.totals
        for purpose, charge in sorted(charges.items()):
            added = {name: getattr(charge, name) for name in _FIGURES}
            statement = self.insert(table).values(sweep=sweep, purpose=purpose, **added)
            summed = {name: table.c[name] + statement.excluded[name] for name in _FIGURES}
            connection.execute(statement.on_conflict_do_update(index_elements=["sweep", "purpose"], set_=summed))

    def _reserve(
        self,
        connection: sa.Connection,
        sweep: str,
        owner: str,
        held: Amount,
        extra: Amount,
        least: Amount,
        limits: SpendLimits,
        seconds: float,
    ) -> tuple[Amount | None, Spent]:
        """Set what an owner holds to ``held`` and as much of ``extra`` as fits.

        Settled amounts and what all owners hold never pass the limits. Near them an owner gets at most a quarter of
        what is left beyond the ``least`` that it needs, so that others find something too. ``None`` is granted when
        not even the least fits.
        """
        spent = self._spent(connection, sweep, but=owner)
        left = spent.room(limits) - spent.reserved - held
        granted = extra.at_most(left.quarter()).at_least(least) if least.fits(left) else None
        self._hold(connection, sweep, owner, held + (granted or Amount()), seconds)
        return granted, spent

    def _hold(self, connection: sa.Connection, sweep: str, owner: str, amount: Amount, seconds: float) -> None:
        table = db.reservations
        if not amount.requests:
            connection.execute(sa.delete(table).where(table.c.sweep == sweep, table.c.owner == owner))
            return
        statement = self.insert(table).values(
            sweep=sweep,
            owner=owner,
            money=amount.money,
            answers=int(amount.answers),
            requests=int(amount.requests),
            expires=self.now + seconds,
        )
        replaced = {name: statement.excluded[name] for name in ("money", "answers", "requests", "expires")}
        connection.execute(statement.on_conflict_do_update(index_elements=["sweep", "owner"], set_=replaced))

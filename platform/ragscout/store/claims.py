"""Who does what: claims with an owner and a lease on the ledger's clock, and the fence of a sweep's claim."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from ragscout.model.errors import StoreError
from ragscout.store import tables as db
from ragscout.store.database import Database
from ragscout.store.owners import is_dead, process_of, shown


class Claims(Database):
    """Claims, and the numbers that tell the claims of one sweep apart."""

    def claim(self, name: str, owner: str, seconds: float) -> bool:
        """Take a name for some seconds, when it is free, expired or held by the same owner. What a dead process of
        this machine holds is free."""
        with self.writing() as connection:
            return not self._lost(connection, [name], owner, seconds)

    def claim_sweep(self, sweep: str, owner: str, seconds: float) -> int | None:
        """Take a sweep for some seconds and return the claim's fence, ``None`` when another owner holds the sweep.

        A fence is above those of all claims of the sweep before it, released ones too: 1, 2, 3, ...
        """
        table = db.fences
        statement = self.insert(table).values(sweep=sweep, fence=1)
        statement = statement.on_conflict_do_update(index_elements=["sweep"], set_={"fence": table.c.fence + 1})
        with self.writing() as connection:
            if self._lost(connection, [claim_of(sweep)], owner, seconds):
                return None
            return int(connection.execute(statement.returning(table.c.fence)).scalar_one())

    def require_fence(self, connection: sa.Connection, sweep: str, fence: int | None) -> None:
        """Refuse the writing of a process whose claim on a sweep was taken over. Call it in the transaction that
        writes; ``None`` asks nothing.

        Raises:
            StoreError: there was a later claim; says who holds the sweep now.
        """
        if fence is None:
            return
        # a claim that comes meanwhile waits for this row until what is written here is committed
        newest = sa.select(db.fences.c.fence).where(db.fences.c.sweep == sweep).with_for_update(read=True)
        if fence == connection.execute(newest).scalar():
            return
        holder = self._holder(connection, claim_of(sweep))
        now = f"{shown(holder)} holds it now" if holder else "another process has run it since"
        raise StoreError(
            f"sweep {sweep[:12]}: this process lost its claim on the sweep, and {now}. What it wanted to write was "
            "refused; what it wrote before is kept. Run the sweep again when nobody else runs it."
        )

    def renew(self, owners: Collection[str], seconds: float) -> None:
        """Take a sign of life: what these owners hold (claims, reservations) lasts these seconds from now on.

        A claim that expired and that nobody took is held on; a reservation that lapsed is not, since others may have
        been promised its money.
        """
        with self.writing() as connection:
            until = {"expires": self.now + seconds}
            connection.execute(sa.update(db.claims).where(db.claims.c.owner.in_(owners)).values(until))
            living = db.reservations.c.owner.in_(owners), db.reservations.c.expires > self.now
            connection.execute(sa.update(db.reservations).where(*living).values(until))

    def release(self, name: str, owner: str) -> None:
        """Give a name back; ignored when another owner holds it by now."""
        with self.writing() as connection:
            connection.execute(sa.delete(db.claims).where(db.claims.c.name == name, db.claims.c.owner == owner))

    def forget(self, prefix: str) -> None:
        """Free what owners whose names begin so held (claims, reservations): their process is gone for good."""
        with self.writing() as connection:
            self._forget(connection, prefix)

    def forget_dead(self) -> list[str]:
        """Free what dead processes of this machine held, whatever it was; returns for people who they were."""
        with self.reading() as connection:
            owners = {
                owner
                for table in (db.claims, db.reservations)
                for owner in connection.execute(sa.select(table.c.owner).distinct()).scalars()
            }
        dead = {process: owner for owner in owners if is_dead(owner) and (process := process_of(owner))}
        for process in dead:
            self.forget(process.prefix)
        return sorted(shown(owner) for owner in dead.values())

    def claimant(self, name: str) -> str | None:
        """Return who holds a name, ``None`` when it is free or expired."""
        with self.reading() as connection:
            return self._holder(connection, name)

    def _lost(self, connection: sa.Connection, names: Collection[str], owner: str, seconds: float) -> set[str]:
        """Claim names; those that living others hold."""
        lost = set(names) - self._claimed(connection, names, owner, seconds)
        if not lost:
            return lost
        holders = connection.execute(sa.select(db.claims.c.owner).where(db.claims.c.name.in_(lost)).distinct())
        dead = {process for item in holders.scalars() if is_dead(item) and (process := process_of(item))}
        for process in dead:
            self._forget(connection, process.prefix)
        return lost - self._claimed(connection, lost, owner, seconds) if dead else lost

    def _claimed(self, connection: sa.Connection, names: Collection[str], owner: str, seconds: float) -> set[str]:
        table = db.claims
        # in one order everywhere: two processes that want the same names wait for each other, and never both
        rows = [{"name": name, "owner": owner, "expires": self.now + seconds} for name in sorted(names)]
        statement = self.insert(table).values(rows)
        statement = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": statement.excluded.owner, "expires": statement.excluded.expires},
            where=sa.or_(table.c.owner == owner, table.c.expires <= self.now),
        )
        return set(connection.execute(statement.returning(table.c.name)).scalars())

    def _forget(self, connection: sa.Connection, prefix: str) -> None:
        for table in (db.claims, db.reservations):
            connection.execute(sa.delete(table).where(table.c.owner.startswith(prefix, autoescape=True)))

    def _holder(self, connection: sa.Connection, name: str) -> str | None:
        query = sa.select(db.claims.c.owner).where(db.claims.c.name == name, db.claims.c.expires > self.now)
        holder = connection.execute(query).scalar()
        return None if holder is None else str(holder)


def claim_of(sweep: str) -> str:
    """Return the name of the claim on a sweep."""
    return f"sweep:{sweep}"

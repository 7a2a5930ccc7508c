"""Running totals of what a sweep spent, and one reservation a process, instead of a row for every request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COUNTS = ("settled", "unpriced", "input_tokens", "output_tokens")


def upgrade() -> None:
    """Sum up what was settled. Open reservations lapse: whoever held them has ended."""
    op.create_table(
        "totals",
        sa.Column("sweep", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, primary_key=True),
        _count("settled"),
        _number("money"),
        _count("unpriced"),
        _count("input_tokens"),
        _count("output_tokens"),
        _number("seconds"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reservations",
        sa.Column("sweep", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, primary_key=True),
        _number("money"),
        _count("answers"),
        _count("requests"),
        _number("expires"),
        sqlite_with_rowid=False,
    )
    op.create_index("reservations_by_owner", "reservations", ["owner"])
    sums = ", ".join(f"cast(sum({name}) as bigint)" for name in _COUNTS)
    op.execute(
        f"insert into totals (sweep, purpose, money, seconds, {', '.join(_COUNTS)}) "
        f"select sweep, purpose, sum(money), sum(seconds), {sums} from spend where settled > 0 group by sweep, purpose"
    )
    op.drop_table("spend")


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False, server_default="0")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")

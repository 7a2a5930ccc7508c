"""A number for every claim of a sweep, what people want of it, and how far it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the three tables that have one row a sweep."""
    op.create_table(
        "fences",
        sa.Column("sweep", sa.Text, primary_key=True),
        sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "controls",
        sa.Column("sweep", sa.Text, primary_key=True),
        sa.Column("wanted", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "progress",
        sa.Column("sweep", sa.Text, primary_key=True),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )

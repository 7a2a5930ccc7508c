"""The tables of a ledger that was made before versions were written down."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _table("about", _key("name"), _text("value"))
    _table("nodes", _key("key"), _text("stage"), _text("step"), _text("inputs"))
    _table("node_values", _key("key"), _text("manifest"), _text("usage"), _text("notes"))
    failed = sa.Column("failed", sa.Boolean, nullable=False)
    _table(
        "cells", _key("node"), _key("question"), _text("shard"), _count("row"), failed, _text("usage"), _text("path")
    )
    _table("memo", _key("kind"), _key("key"), _text("value"))
    _table("vectors", _key("encoder"), _key("text"), _text("shard"), _count("row"))
    _table("claims", _key("name"), _text("owner"), _number("expires"))
    _table(
        "spend",
        *(_key("sweep"), _key("request"), _text("purpose"), _number("money"), _count("settled"), _count("unpriced")),
        *(_count("input_tokens"), _count("output_tokens"), _number("seconds"), sa.Column("reserved", sa.Double)),
        *(_text("owner"), _number("expires")),
    )
    _table("buckets", _key("name"), _number("next"))
    _table("journal", _key("sweep"), _key_number("seq"), _text("kind"), _text("payload"), _number("at"))
    _table(
        "evalsets",
        *(_key("name"), _key_number("version"), _text("digest"), _text("parent"), _text("info"), _text("manifest")),
        *(_number("at"), sa.Column("removed", sa.Boolean, nullable=False), sa.UniqueConstraint("name", "digest")),
    )
    op.create_index("cells_by_shard", "cells", ["shard"])
    op.create_index("vectors_by_shard", "vectors", ["shard"])
    op.create_index("claims_by_owner", "claims", ["owner"])
    op.create_index("spend_by_owner", "spend", ["owner"])


def _table(name: str, *columns: Any) -> None:
    op.create_table(name, *columns, sqlite_with_rowid=False)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _key_number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False, server_default="0")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")

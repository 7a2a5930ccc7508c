"""The ledger's tables as they are now. Whoever changes one adds a migration (``store.migrations``)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

BATCH = 500
"""Values in one IN clause."""

metadata = sa.MetaData()
_PLAIN: Any = {"sqlite_with_rowid": False}


def _table(name: str, *columns: Any, rowid: bool = False) -> sa.Table:
    return sa.Table(name, metadata, *columns, **({} if rowid else _PLAIN))


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False, server_default="0")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


about = _table("about", _key("name"), _text("value"))
nodes = _table("nodes", _key("key"), _text("stage"), _text("step"), _text("inputs"))
node_values = _table("node_values", _key("key"), _text("manifest"), _text("usage"), _text("notes"))
cells = _table(
    "cells",
    _key("node"),
    _key("question"),
    _text("shard"),
    _count("row"),
    sa.Column("failed", sa.Boolean, nullable=False),
    _text("usage"),
    _text("path"),
    sa.Index("cells_by_shard", "shard"),
)
memo = _table("memo", _key("kind"), _key("key"), _text("value"))
vectors = _table(
    "vectors",
    _key("encoder"),
    _key("text"),
    _text("shard"),
    _count("row"),
    sa.Index("vectors_by_shard", "shard"),
)
claims = _table("claims", _key("name"), _text("owner"), _number("expires"), sa.Index("claims_by_owner", "owner"))
fences = _table("fences", _key("sweep"), _count("fence"))
controls = _table("controls", _key("sweep"), _text("wanted"))
progress = _table("progress", _key("sweep"), _text("payload"), _number("at"))
totals = _table(
    "totals",
    _key("sweep"),
    _key("purpose"),
    _count("settled"),
    _number("money"),
    _count("unpriced"),
    _count("input_tokens"),
    _count("output_tokens"),
    _number("seconds"),
)
reservations = _table(
    "reservations",
    _key("sweep"),
    _key("owner"),
    _number("money"),
    _count("answers"),
    _count("requests"),
    _number("expires"),
    sa.Index("reservations_by_owner", "owner"),
)
buckets = _table("buckets", _key("name"), _number("next"))
journal = _table(
    "journal",
    _key("sweep"),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("payload"),
    _number("at"),
)
evalsets = _table(
    "evalsets",
    _key("name"),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("digest"),
    _text("parent"),
    _text("info"),
    _text("manifest"),
    _number("at"),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.UniqueConstraint("name", "digest"),
)

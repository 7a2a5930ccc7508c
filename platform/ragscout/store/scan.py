"""Reads all cells of many nodes at once: a few queries, every shard decoded once and not kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from ragscout.store import tables as db
from ragscout.store.blobs import DamagedBlobError
from ragscout.store.shards import Row, decode_shard
from ragscout.store.store import Store

NODES = 200
"""Nodes of one query."""


def scan_cells(store: Store, nodes: Collection[str]) -> Iterator[tuple[str, list[Row]]]:
    """Give question keys and data of the cells of some nodes, by node; a node may come several times, once a shard.

    Nodes without a cell do not come. Damage is handled as in ``Store.read_cells``.
    """
    cells = db.cells.c
    for batch in _batches(nodes):
        query = sa.select(cells.node, cells.shard, sa.func.count()).where(cells.node.in_(batch))
        with store.ledger.reading() as connection:
            found = connection.execute(query.group_by(cells.node, cells.shard)).all()
        for node, shard, count in found:
            yield node, _rows(store, node, shard, count)


def scan_usage(store: Store, nodes: Collection[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Give question keys and the usage along the path (JSON text) of the cells of some nodes, by node."""
    cells = db.cells.c
    for batch in _batches(nodes):
        query = sa.select(cells.node, cells.question, cells.path).where(cells.node.in_(batch))
        found: dict[str, list[tuple[str, str]]] = {}
        with store.ledger.reading() as connection:
            for node, question, path in connection.execute(query):
                found.setdefault(node, []).append((question, path))
        yield from found.items()


def _rows(store: Store, node: str, shard: str, count: int) -> list[Row]:
    """Return the cells of a shard that count for a node. Where another shard was first with some of them, or the shard
    is damaged or was joined with others since, all cells of the node are looked up one by one."""
    try:
        rows = decode_shard(store.blobs.read(shard))
    except (ValueError, KeyError, DamagedBlobError):
        rows = []
    if len(rows) == count:
        return rows
    cells = db.cells.c
    with store.ledger.reading() as connection:
        query = sa.select(cells.question).where(cells.node == node)
        questions = list(connection.execute(query).scalars())
    known: dict[str, Any] = {key: cell.data for key, cell in store.read_cells(node, questions).items()}
    return list(known.items())


def _batches(nodes: Collection[str]) -> Iterator[list[str]]:
    wanted = list(nodes)
    for start in range(0, len(wanted), NODES):
        yield wanted[start : start + NODES]

"""The ledger: which values, cells, vectors and replies exist, and in which blobs they lie.

All methods are synchronous, short and safe to call from many threads and processes. What is committed first stays:
committing the same thing again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ragscout.model.outcome import Usage
from ragscout.model.runtime import VectorRef
from ragscout.store import tables as db
from ragscout.store.amounts import SpendLimits, Spent
from ragscout.store.control import Control
from ragscout.store.journal import Entry, EvalSetRow, History, Journal
from ragscout.store.rows import CellRef, CellRow, ShardRows, batches, json_text, usage_of, usage_text
from ragscout.store.windows import Windows

__all__ = [
    "CellRef",
    "CellRow",
    "Entry",
    "EvalSetRow",
    "Journal",
    "Ledger",
    "NodeRow",
    "SpendLimits",
    "Spent",
    "ValueRow",
]


@dataclass(frozen=True)
class NodeRow:
    """A node that was asked for once. ``step``: JSON text with name, version and parameters; ``inputs``: stage name to
    key of the input nodes."""

    key: str
    stage: str
    step: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class ValueRow:
    """A whole node's value: digest of its manifest blob, what it took, and figures worth showing about it."""

    manifest: str
    usage: Usage
    notes: Mapping[str, float]


class Ledger(Windows, Control, History):
    """All tables of a store.

    ``Claims`` says who does what, ``Spending`` what it may cost, ``Rates`` how fast it may go; ``Windows`` joins them
    for requests. ``Control`` says what is wanted of a sweep, ``History`` has journals and evaluation sets.
    """

    def nodes_add(self, nodes: Iterable[NodeRow]) -> None:
        """Name nodes, all in one transaction; naming one again changes nothing."""
        rows = {node.key: node for node in nodes}
        self._insert_all(
            db.nodes,
            [
                {"key": key, "stage": row.stage, "step": row.step, "inputs": json_text(dict(row.inputs))}
                for key, row in sorted(rows.items())
            ],
        )

    def node(self, key: str) -> NodeRow | None:
        """Return a node by key."""
        with self.reading() as connection:
            row = connection.execute(sa.select(db.nodes).where(db.nodes.c.key == key)).first()
        return None if row is None else NodeRow(row.key, row.stage, row.step, json.loads(row.inputs))

    def value_commit(self, key: str, manifest: str, usage: Usage, notes: Mapping[str, float]) -> bool:
        """Record a whole node's value; ``False`` when another commit came first (its value stays)."""
        row = {"key": key, "manifest": manifest, "usage": usage_text(usage), "notes": json_text(dict(notes))}
        with self.writing() as connection:
            statement = self.insert(db.node_values).values(row).on_conflict_do_nothing()
            return connection.execute(statement.returning(db.node_values.c.key)).first() is not None

    def value(self, key: str) -> ValueRow | None:
        """Return a whole node's value, ``None`` when it is not computed."""
        with self.reading() as connection:
            row = connection.execute(sa.select(db.node_values).where(db.node_values.c.key == key)).first()
        return None if row is None else ValueRow(row.manifest, usage_of(row.usage), json.loads(row.notes))

    def manifests(self) -> dict[str, list[str]]:
        """Manifest digest to the keys of the nodes whose value it is."""
        found: dict[str, list[str]] = {}
        with self.reading() as connection:
            for row in connection.execute(sa.select(db.node_values.c.manifest, db.node_values.c.key)):
                found.setdefault(row.manifest, []).append(row.key)
        return found

    def values_drop_manifest(self, manifest: str) -> int:
        """Forget the values of a damaged manifest; returns how many."""
        with self.writing() as connection:
            dropped = connection.execute(sa.delete(db.node_values).where(db.node_values.c.manifest == manifest))
            return int(dropped.rowcount)

    def values_drop_stages(self, stages: Sequence[str]) -> int:
        """Forget all values of some stages; returns how many."""
        keys = sa.select(db.nodes.c.key).where(db.nodes.c.stage.in_(stages))
        with self.writing() as connection:
            dropped = connection.execute(sa.delete(db.node_values).where(db.node_values.c.key.in_(keys)))
            return int(dropped.rowcount)

    def cells_present(self, node: str, question_keys: Iterable[str]) -> set[str]:
        """Which of these questions have a cell at a node."""
        return {row.question for row in self._select(db.cells, "node", node, "question", question_keys)}

    def cells_commit(self, node: str, shard: str, rows: Sequence[CellRow]) -> int:
        """Make cells of a shard visible; returns how many were new (a cell that is there stays as it is)."""
        values = ShardRows(node, shard, tuple(rows)).values()
        return self._insert_all(db.cells, values)

    def cells(self, node: str, question_keys: Iterable[str]) -> dict[str, CellRef]:
        """Where the cells of these questions lie, by question key; missing ones are absent."""
        return {
            row.question: _reference(row) for row in self._select(db.cells, "node", node, "question", question_keys)
        }

    def cells_at(self, wanted: Mapping[str, Collection[str]]) -> dict[str, dict[str, CellRef]]:
        """Where cells of several nodes lie, in one transaction: question keys by node in, references by node and
        question key out. Missing ones are absent."""
        found: dict[str, dict[str, CellRef]] = {node: {} for node in wanted}
        keys = sorted({key for questions in wanted.values() for key in questions})
        with self.reading() as connection:
            for batch in batches(keys, db.BATCH):
                query = sa.select(db.cells).where(db.cells.c.node.in_(list(wanted)), db.cells.c.question.in_(batch))
                for row in connection.execute(query):
                    if row.question in wanted[row.node]:
                        found[row.node][row.question] = _reference(row)
        return found

    def cells_drop_shard(self, shard: str) -> int:
        """Forget the cells of a damaged shard; returns how many."""
        with self.writing() as connection:
            return int(connection.execute(sa.delete(db.cells).where(db.cells.c.shard == shard)).rowcount)

    def cells_move(self, node: str, shards: Sequence[str], shard: str, rows: Mapping[str, int]) -> None:
        """Point the cells of some shards to their rows in one joined shard, all at once."""
        with self.writing() as connection:
            for question, row in rows.items():
                connection.execute(
                    sa.update(db.cells)
                    .where(db.cells.c.node == node, db.cells.c.question == question, db.cells.c.shard.in_(shards))
                    .values(shard=shard, row=row)
                )

    def cell_nodes(self) -> set[str]:
        """Keys of the nodes that have any cell."""
        with self.reading() as connection:
            return {row.node for row in connection.execute(sa.select(db.cells.c.node).distinct())}

    def cell_shards(self, node: str | None = None) -> dict[str, dict[str, list[str]]]:
        """Node to shard to the question keys that lie there."""
        query = sa.select(db.cells.c.node, db.cells.c.shard, db.cells.c.question)
        if node is not None:
            query = query.where(db.cells.c.node == node)
        found: dict[str, dict[str, list[str]]] = {}
        with self.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.node, {}).setdefault(row.shard, []).append(row.question)
        return found

    def memo_get(self, kind: str, keys: Iterable[str]) -> dict[str, str]:
        """Return recorded values (JSON text) of item functions, by key; missing ones are absent."""
        return {row.key: row.value for row in self._select(db.memo, "kind", kind, "key", keys)}

    def memo_put(self, kind: str, items: Mapping[str, str]) -> dict[str, str]:
        """Record values of item functions; returns what is recorded, which is the earlier value where there was one."""
        values = [{"kind": kind, "key": key, "value": value} for key, value in sorted(items.items())]
        if not values:
            return {}
        with self.writing() as connection:
            if self.insert_new(connection, db.memo, values) == len(values):
                return dict(items)
            rows = self.select_in(connection, db.memo, "kind", kind, "key", items)
            return {row.key: row.value for row in rows}

    def vectors_get(self, encoder: str, digests: Iterable[str]) -> dict[str, VectorRef]:
        """Where the vectors of texts lie, by the SHA-256 of the text; missing ones are absent."""
        return {
            row.text: VectorRef(row.shard, row.row)
            for row in self._select(db.vectors, "encoder", encoder, "text", digests)
        }

    def vectors_put(self, encoder: str, shard: str, digests: Sequence[str]) -> None:
        """Make a vector shard visible; row i of it is the vector of the i-th text."""
        self._insert_all(
            db.vectors,
            [{"encoder": encoder, "text": text, "shard": shard, "row": row} for row, text in enumerate(digests)],
        )

    def vectors_drop_shard(self, shard: str) -> int:
        """Forget the vectors of a damaged shard; returns how many."""
        with self.writing() as connection:
            return int(connection.execute(sa.delete(db.vectors).where(db.vectors.c.shard == shard)).rowcount)

    def vector_shards(self) -> list[str]:
        """Digests of all vector shards."""
        with self.reading() as connection:
            return list(connection.execute(sa.select(db.vectors.c.shard).distinct()).scalars())

    def counts(self) -> dict[str, int]:
        """Rows per table, for ``store`` reports."""
        tables = (db.nodes, db.node_values, db.cells, db.memo, db.vectors, db.evalsets)
        with self.reading() as connection:
            return {
                table.name: int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
                for table in tables
            }

    def _insert_all(self, table: sa.Table, values: Sequence[Mapping[str, Any]]) -> int:
        """Insert what is not there, in one transaction; returns how many rows were new."""
        if not values:
            return 0
        with self.writing() as connection:
            return self.insert_new(connection, table, values)

    def _select(self, table: sa.Table, scope: str, value: str, column: str, wanted: Iterable[str]) -> list[Any]:
        with self.reading() as connection:
            return self.select_in(connection, table, scope, value, column, wanted)


def _reference(row: Any) -> CellRef:
    return CellRef(row.shard, row.row, bool(row.failed), usage_of(row.usage), usage_of(row.path))

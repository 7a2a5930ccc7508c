"""A row of the board on its way out: as a bundle that answers, or as a sweep file of its own."""

from __future__ import annotations

import json
from pathlib import Path

from ragscout.board.words.headline import headline
from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.results.board import Board
from ragscout.plan.setup import Setup
from ragscout.serve import bundle
from ragscout.serve.spec_file import as_spec
from ragscout.store.store import Store


def export_bundle(prepared: Setup, store: Store, board: Board, row: str, path: Path) -> Path:
    """Write a row (rank, name or key; empty for the recommended one) as a bundle, and return where it lies.

    Raises:
        SpecError: nothing is recommended and no row is named.
        UnknownNameError: no such row.
        BundleError: something else lies at ``path``.
    """
    chosen = chosen_row(prepared, board, row)
    plain = next(item for item in json.loads(board.to_json())["rows"] if item["key"] == chosen.key)
    return bundle.export(
        chosen,
        store=store,
        opening=prepared.opening,
        eval_set=prepared.eval_set,
        row=plain,
        path=path,
        metrics=prepared.metrics,
        sweep=prepared.sweep_id,
    )


def export_file(prepared: Setup, board: Board, row: str) -> str:
    """Return a row as the text of a sweep file.

    Raises:
        SpecError: nothing is recommended and no row is named.
        UnknownNameError: no such row.
    """
    spec, opening = prepared.spec, prepared.opening
    return as_spec(
        chosen_row(prepared, board, row),
        eval_set=f"{prepared.eval_set.name}@{prepared.eval_set.version}",
        metrics=prepared.metrics,
        goal=prepared.goal.metric,
        weights=spec.goal.weights,
        connections=opening.connections,
        network=opening.network,
        seed=opening.seed,
        holdout=spec.holdout,
        usd=opening.money,
    )


def chosen_row(prepared: Setup, board: Board, row: str) -> Configuration:
    """Return the configuration of a row: of the recommended one when ``row`` is empty.

    Raises:
        SpecError: nothing is recommended and no row is named.
        UnknownNameError: no such row.
    """
    best = board.recommended()
    if best is None and not row:
        raise SpecError(f"{prepared.spec.sweep}: {headline(board)} Name the row to export, for example '#1'.")
    rows = board.find(row) if row else (best,) if best else ()
    # a retrieval-only row may have the same name or rank as a complete one, which is what is meant then
    rows = tuple(item for item in rows if item in board.rows) or rows
    if len(rows) != 1:
        names = [item.name for item in board.rows]
        raise UnknownNameError(prepared.spec.sweep, "row of the board", row or "recommended", names)
    return prepared.configuration(rows[0].key)

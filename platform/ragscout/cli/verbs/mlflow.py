"""``ragscout mlflow``: MLflow's pages on loopback over the sweeps of this store."""

from __future__ import annotations

from typing import Annotated

import typer

from ragscout.cli.support.output import StoreOption, say


def run(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Open the leaderboard in MLflow's own pages. Stop with Ctrl-C."""
    from ragscout.plan.setup import open_store
    from ragscout.record.mlflow import default_tracking_uri
    from ragscout.record.mlflow_ui import leaderboard_path, serve_ui

    opened = open_store(store)
    uri = default_tracking_uri(opened.folder)

    def ready(address: str) -> None:
        say(f"MLflow on {address} (Ctrl-C stops it)")
        for name in sorted({sweep.rpartition("-")[0] for sweep in opened.ledger.sweeps()}):
            say(f"  {name}: {address}{leaderboard_path(uri, name)}")

    serve_ui(uri, port=port, ready=ready)

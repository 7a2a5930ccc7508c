"""``ragscout mlflow``: MLflow's pages on loopback over the sweeps of this store."""

from __future__ import annotations

from typing import Annotated

import typer

from ragscout.cli.output import StoreOption, say


def run(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Open the leaderboard in MLflow's own pages. Stop with Ctrl-C."""
    from ragscout.engine.prepare import open_store
    from ragscout.record.mlflow import default_tracking_uri
    from ragscout.record.mlflow_ui import serve_ui

    uri = default_tracking_uri(open_store(store).folder)
    say(f"MLflow on http://127.0.0.1:{port} (Ctrl-C stops it)")
    serve_ui(uri, port=port)

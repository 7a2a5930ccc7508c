"""``ragscout export FILE``: write a configuration as a bundle, or as a sweep file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import StoreOption, say, write


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Bundle folder, .zip, or .yaml with --config.")],
    row: Annotated[str, typer.Option(help="Rank, name or key of the row. Default: the recommended one.")] = "",
    config: Annotated[bool, typer.Option("--config", help="Write a one-configuration sweep file instead.")] = False,
    register: Annotated[str, typer.Option(help="Also register the bundle as an MLflow model of this name.")] = "",
    store: StoreOption = None,
) -> None:
    """Export the recommended configuration (or any row) as a pipeline that runs."""
    from ragscout.sweep import Sweep

    sweep = Sweep.load(file, store)
    if config:
        write(output, sweep.export_config(row))
        say(f"Wrote {output}. Run it with: ragscout sweep {output}")
        return
    path = sweep.export(output, row)
    say(f'Wrote {path}. Try it: ragscout ask {path} "your question"')
    if register:
        from ragscout.record.mlflow import default_tracking_uri
        from ragscout.record.model import log_bundle_model

        uri = log_bundle_model(path, tracking_uri=default_tracking_uri(sweep.store.folder), registered_name=register)
        say(f"Registered as {uri}.")

"""``ragscout plan FILE``: what would run, what is there already, what it would cost, what leaves the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, say


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Show what a sweep would do. Nothing is computed and nothing is sent."""
    from ragscout.sweep import Sweep

    sweep = Sweep.load(file, store)
    plan = sweep.plan()
    if json_output:
        as_json(plan.as_json())
        return
    for note in sweep.prepared.notes:
        say(f"· {note}")
    for line in plan.lines():
        say(line)

"""``ragscout stop NAME_OR_FILE``: end a running sweep cleanly, from any terminal."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from ragscout.cli.support.output import StoreOption, fail, say

PATIENCE = 60.0


def run(
    sweep: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="Name of the sweep, or its file.")],
    store: StoreOption = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for its end.", min=0)] = PATIENCE,
) -> None:
    """End a running sweep: it asks nothing more and keeps what came. Running it again goes on."""
    from ragscout.cli.support.sweeps import find_sweep
    from ragscout.model.errors import StoreError

    found = find_sweep(sweep, store)
    holder = found.holder()
    if holder is None:
        raise StoreError(f"{found.name}: nobody runs this sweep. There is nothing to stop.")
    found.store.ledger.control_set(found.id, "stop")
    until = time.monotonic() + wait
    while found.holder() is not None:
        if time.monotonic() >= until:
            fail(f"{found.name}: {holder} was asked to stop and has not done so yet. It ends after its present step.")
            raise typer.Exit(3)
        time.sleep(0.2)
    say(f"{found.name}: stopped. Nothing that was measured is lost: run the sweep again to go on.")

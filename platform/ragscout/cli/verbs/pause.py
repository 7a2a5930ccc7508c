"""``ragscout pause NAME_OR_FILE``: let a running sweep wait, from any terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from ragscout.cli.support.output import StoreOption, say


def run(
    sweep: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="Name of the sweep, or its file.")],
    store: StoreOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Let a paused sweep go on.")] = False,
) -> None:
    """Let a running sweep hold: it asks nothing until it is resumed, and the minutes of its budget stand still."""
    from ragscout.cli.support.sweeps import find_sweep
    from ragscout.model.errors import StoreError

    found = find_sweep(sweep, store)
    if found.holder() is None:
        raise StoreError(f"{found.name}: nobody runs this sweep. Run it with: ragscout sweep FILE.")
    found.store.ledger.control_set(found.id, "run" if resume else "pause")
    if resume:
        say(f"{found.name}: goes on.")
    else:
        say(f"{found.name}: holds within seconds. Let it go on with: ragscout pause --resume {sweep}")

"""``ragscout store ...``: look after the store."""

from __future__ import annotations

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say, size

app = typer.Typer(help="Look after the store: size, check, compact.", no_args_is_help=True)


@app.command("show")
def show(store: StoreOption = None, json_output: Json = False) -> None:
    """Where the store lies, how large it is and what it holds."""
    from ragscout.plan.setup import open_store

    opened = open_store(store)
    counts = opened.ledger.counts()
    if json_output:
        as_json({"location": opened.location, "bytes": opened.size().bytes, **counts})
        return
    say(f"Store {opened.location}: {size(opened.size().bytes)}")
    for name, number in counts.items():
        say(f"  {name}: {number}")


@app.command("check")
def check(store: StoreOption = None, json_output: Json = False) -> None:
    """Read every blob and compare it with its digest; damaged ones are set aside and computed again when needed."""
    from ragscout.plan.setup import open_store

    damage = open_store(store).check()
    if json_output:
        as_json({"damage": damage})
    else:
        for line in damage or ["No damage found."]:
            say(line)
    if damage:
        raise typer.Exit(1)


@app.command("compact")
def compact(store: StoreOption = None) -> None:
    """Join the small shards of each node into one."""
    from ragscout.plan.setup import open_store

    opened = open_store(store)
    before = opened.size().bytes
    opened.compact()
    say(f"Compacted: {size(before)} before, {size(opened.size().bytes)} after.")

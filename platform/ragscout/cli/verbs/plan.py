"""``ragscout plan FILE``: what a sweep would do and cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, confirmed, fail, say


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    store: StoreOption = None,
    pilot: Annotated[
        bool, typer.Option("--pilot", help="Ask each model a few questions first, so that the figures are measured.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the pilot.")] = False,
    json_output: Json = False,
) -> None:
    """Show what a sweep would do and cost. Without --pilot nothing is computed and nothing is sent."""
    from ragscout.run.pilot import PILOT
    from ragscout.sweep import Sweep

    sweep = Sweep.load(file, store)
    if pilot:
        plan = sweep.plan()
        where = ", ".join(sorted({item.host for item in plan.leaving})) or "this machine only"
        question = f"The pilot asks {PILOT} questions of one configuration of each generator ({where}). Go on?"
        if not yes and not confirmed(question):
            raise typer.Exit(3)
        result = sweep.pilot()
        sent = ", ".join(f"{number} {purpose}" for purpose, number in sorted(result.calls.items())) or "none"
        if not json_output:
            say(f"Pilot: requests sent: {sent}.")
        for reason in result.open[:5]:
            fail(f"{sweep.spec.sweep}: the pilot could not measure everything: {reason}")
    plan = sweep.plan()
    if json_output:
        as_json(plan.as_json())
        return
    for note in sweep.prepared.notes:
        say(f"· {note}")
    for line in plan.lines():
        say(line)

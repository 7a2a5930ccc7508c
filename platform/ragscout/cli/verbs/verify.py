"""``ragscout verify BUNDLE``: re-answer the evaluation questions and compare with what was measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Allow, Json, as_json, say


def run(
    bundle: Annotated[Path, typer.Argument(help="An exported bundle: folder or .zip.")],
    limit: Annotated[int | None, typer.Option(help="Only the first questions.")] = None,
    allow: Allow = None,
    json_output: Json = False,
) -> None:
    """Show that a bundle still answers as it did when it was measured."""
    from ragscout.serve import verify

    report = verify(bundle, limit=limit, allow=allow or ())
    if json_output:
        as_json(dataclasses.asdict(report))
    else:
        for line in report.lines():
            say(line)
    if not report.same:
        raise typer.Exit(1)

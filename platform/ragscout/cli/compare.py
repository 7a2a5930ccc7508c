"""``ragscout compare BEFORE AFTER``: two sweeps on the questions both asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, say


def run(
    before: Annotated[Path, typer.Argument(help="The first sweep file (YAML).")],
    after: Annotated[Path, typer.Argument(help="The second sweep file.")],
    store: StoreOption = None,
    language: Annotated[str, typer.Option(help="Language of the words: en or ko.")] = "en",
    json_output: Json = False,
) -> None:
    """Compare two sweeps: what changed (documents, questions, models), and what that did. Nothing is computed."""
    from ragscout.report.compare import Side, compare
    from ragscout.report.compare_text import comparison_lines
    from ragscout.sweep import Sweep

    sides = []
    for path in (before, after):
        sweep = Sweep.load(path, store)
        sides.append(Side(sweep.prepared, sweep.view.snapshot()))
    found = compare(*sides)
    if json_output:
        as_json(found.plain())
        return
    for line in comparison_lines(found, sides[1].board.goal, "ko" if language == "ko" else "en"):
        say(line)

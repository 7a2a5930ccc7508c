"""``ragscout compare BEFORE AFTER``: two sweeps on the questions both asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, say, words_of


def run(
    before: Annotated[Path, typer.Argument(help="The first sweep file (YAML).")],
    after: Annotated[Path, typer.Argument(help="The second sweep file.")],
    store: StoreOption = None,
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Compare two sweeps: what changed (documents, questions, models), and what that did. Nothing is computed."""
    from ragscout.report.compare import SweepSide, compare
    from ragscout.report.compare_text import comparison_lines
    from ragscout.sweep import Sweep

    sides = []
    for path in (before, after):
        sweep = Sweep.load(path, store)
        sides.append(SweepSide(sweep.prepared, sweep.view.snapshot()))
    words = words_of(language, sides[1].prepared.eval_set)
    found = compare(*sides)
    if json_output:
        as_json(found.plain())
        return
    for line in comparison_lines(found, sides[1].board.goal, words):
        say(line)

"""``ragscout why FILE [ROW]``: why a configuration stands where it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, say, words_of


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    row: Annotated[str, typer.Argument(help="Rank, name or key of a row. Default: the recommended one.")] = "",
    store: StoreOption = None,
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Explain a row of the board: its path, its knobs, the questions it wins and loses. Nothing is computed."""
    from ragscout.report.passages import PassageReader
    from ragscout.report.why import why
    from ragscout.report.why_text import why_lines
    from ragscout.sweep import Sweep

    sweep = Sweep.load(file, store)
    words = words_of(language, sweep.prepared.eval_set)
    snapshot = sweep.view.snapshot()
    passages = PassageReader(sweep.prepared, sweep.store)
    found = why(snapshot, sweep.prepared.space.configurations, row, passages.of)
    if json_output:
        as_json(found.plain())
        return
    for line in why_lines(found, snapshot.board.goal, words):
        say(line)

"""``ragscout board FILE``: the leaderboard of what was measured so far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, console, say


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    store: StoreOption = None,
    all_columns: Annotated[bool, typer.Option("--all", help="Show every column.")] = False,
    language: Annotated[str, typer.Option(help="Language of the summary: en or ko.")] = "en",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a .md, .csv or .json file.")] = None,
    json_output: Json = False,
) -> None:
    """Show the leaderboard; nothing is computed."""
    from ragscout.model.errors import SpecError
    from ragscout.search.render import render_csv, render_markdown, render_terminal
    from ragscout.sweep import Sweep

    board = Sweep.load(file, store).board()
    if output is not None:
        texts = {".md": render_markdown, ".csv": render_csv}
        if output.suffix == ".json":
            output.write_bytes(board.to_json())
        elif output.suffix in texts:
            output.write_text(texts[output.suffix](board), encoding="utf-8")
        else:
            raise SpecError(f"--output: the suffix says the format; got {output.suffix!r}. Use .md, .csv or .json.")
        say(f"Wrote {output}.")
    elif json_output:
        as_json(json.loads(board.to_json()))
    else:
        render_terminal(board, console(), everything=all_columns, language="ko" if language == "ko" else "en")

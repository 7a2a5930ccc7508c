"""``ragscout board FILE``: the leaderboard of what was measured so far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, console, put, say, words_of, write

if TYPE_CHECKING:
    from ragscout.model.results.board import Board, BoardLanguage
    from ragscout.sweep import Sweep


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    store: StoreOption = None,
    all_columns: Annotated[bool, typer.Option("--all", help="Show every column.")] = False,
    language: Language = "",
    audit: Annotated[bool, typer.Option("--audit", help="Do the metrics agree, and where do they not?")] = False,
    by: Annotated[
        str, typer.Option("--by", help="Show groups of questions: language, slice, type or answerable.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a .md, .csv, .xlsx or .json file.")
    ] = None,
    table: Annotated[
        str, typer.Option("--format", help="md, csv, xlsx or json. Default: what the suffix of --output says.")
    ] = "",
    json_output: Json = False,
) -> None:
    """Show the leaderboard; nothing is computed."""
    from ragscout.board.show.table import render_terminal
    from ragscout.model.errors import SpecError
    from ragscout.sweep import Sweep
    from ragscout.words import Words

    sweep = Sweep.load(file, store)
    words = words_of(language, sweep.prepared.eval_set)
    if audit or by:
        page, plain = _beside(sweep, words, audit, by, all_columns)
        if output is not None and output.suffix not in (".md", ".json"):
            raise SpecError(f"--output: the suffix says the format; got {output.suffix!r}. Use .md or .json.")
        if output is not None:
            write(output, plain if output.suffix == ".json" else page)
            say(f"Wrote {output}.")
        elif json_output:
            as_json(json.loads(plain))
        else:
            from rich.markdown import Markdown

            console().print(Markdown(page, hyperlinks=False))
        return
    board = sweep.board()
    if output is not None or table:
        data = _table(board, table or (output.suffix.lstrip(".") if output is not None else ""), words)
        if output is not None:
            write(output, data)
            say(f"Wrote {output}.")
        else:
            put(data)
    elif json_output:
        as_json(json.loads(board.to_json()))
    else:
        render_terminal(board, console(), everything=all_columns, language=words)
        for line in sweep.spending().lines(Words(words)):
            say(line)


def _table(board: Board, kind: str, words: BoardLanguage) -> bytes:
    """Return the board in a format.

    Raises:
        SpecError: there is no such format.
    """
    from ragscout.board.show.table import render_csv, render_markdown, render_xlsx
    from ragscout.model.errors import SpecError

    if kind == "json":
        return board.to_json()
    if kind == "md":
        return render_markdown(board, language=words).encode()
    if kind == "csv":
        return render_csv(board, language=words).encode()
    if kind == "xlsx":
        return render_xlsx(board, language=words)
    raise SpecError(f"--format: there is no such format; got {kind!r}. Use md, csv, xlsx or json.")


def _beside(sweep: Sweep, words: BoardLanguage, audit: bool, by: str, everything: bool) -> tuple[str, bytes]:
    """Return the audit, or the board by groups of questions: as Markdown and as JSON.

    Raises:
        UnknownNameError: questions are not grouped by this.
        ParameterError: both were asked for.
    """
    from ragscout.board import slices
    from ragscout.board.words import audit as audit_words
    from ragscout.model.errors import ParameterError, UnknownNameError

    if audit and by:
        raise ParameterError("board: two pages at once; got --audit and --by. Ask for one of them.")
    snapshot = sweep.view.snapshot()
    if audit:
        found = sweep.view.audit(snapshot)
        return audit_words.render_markdown(found, words), found.to_json()
    if by not in slices.GROUPINGS:
        raise UnknownNameError("--by", "group of questions", by, slices.GROUPINGS)
    grouped = sweep.view.slices(snapshot, cast("slices.By", by))
    names = list(snapshot.board.figures) if everything else [grouped.goal]
    return slices.render_markdown(grouped, words, names), grouped.to_json()

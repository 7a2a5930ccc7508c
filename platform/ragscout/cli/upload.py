"""``ragscout upload PATH...``: register documents and questions as a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, say


def run(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or archives: documents and questions.")],
    name: Annotated[str | None, typer.Option(help="Name of the evaluation set. Default: from the path.")] = None,
    format_name: Annotated[str, typer.Option("--format", help="Format of the questions, if detection is wrong.")] = "",
    column: Annotated[list[str] | None, typer.Option(help="ROLE=NAME, for example question=Frage; repeatable.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of text files, for example cp949.")] = "",
    delimiter: Annotated[str, typer.Option(help="Separator of CSV files.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook.")] = "",
    split: Annotated[str, typer.Option(help="Split of BEIR judgements: test, dev or train.")] = "",
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Load the good rows, list the bad.")] = False,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Read an evaluation set and documents, show how they were understood, register an immutable version."""
    from ragscout.data import ReadOptions, column_roles, upload
    from ragscout.engine.prepare import open_store

    opened = open_store(store)
    options = ReadOptions(format_name, column_roles(column or ()), encoding, delimiter, sheet, split, skip_bad_rows)
    done = upload(paths, blobs=opened.blobs, registry=opened.ledger, name=name, options=options)
    if json_output:
        as_json({"eval_set": f"{done.eval_set.name}@{done.eval_set.version}", "new": done.new, **done.report.as_json()})
        return
    for line in done.report.lines():
        say(line)
    state = "registered" if done.new else "already registered"
    say(f"{done.eval_set.name}@{done.eval_set.version}: {state}, {done.eval_set.count} questions.")

"""``ragscout upload PATH...``: register documents and questions as a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say


def run(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files, folders, archives: documents, questions.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the evaluation set. Default: from the path.")] = None,
    format_name: Annotated[str, typer.Option("--format", help="Format of the questions, if detection is wrong.")] = "",
    column: Annotated[list[str] | None, typer.Option(help="ROLE=NAME, for example question=Frage; repeatable.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of all text files, for example cp949.")] = "",
    delimiter: Annotated[str, typer.Option(help="Separator of CSV files.")] = "",
    dialect: Annotated[str, typer.Option(help="Quoting of CSV files: plain, spaced, backslash, unquoted.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook.")] = "",
    split: Annotated[str, typer.Option(help="Split of BEIR judgements: test, dev or train.")] = "",
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Load the good rows, list the bad.")] = False,
    limit: Annotated[list[str] | None, typer.Option(help="NAME=NUMBER, for example files=50000; repeatable.")] = None,
    sql: Annotated[str, typer.Option(help="Environment variable that holds a database URL, or a URL.")] = "",
    query: Annotated[str, typer.Option(help="SELECT with columns id, title, text; others become metadata.")] = "",
    source: Annotated[list[str] | None, typer.Option("--from", help="fsspec URL, such as s3://bucket/folder.")] = None,
    urls: Annotated[Path | None, typer.Option(help="Text file with one web address a line.")] = None,
    network: Annotated[list[str] | None, typer.Option(help="Host that --urls may reach; repeatable.")] = None,
    mlflow: Annotated[bool, typer.Option("--mlflow/--no-mlflow", help="Log the version as an MLflow dataset.")] = True,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Read an evaluation set and documents, show how they were understood, register an immutable version."""
    from ragscout.cli.support.logging_sets import log_to_mlflow
    from ragscout.data import ReadOptions, Remote, column_roles, read_addresses, snapshot, upload
    from ragscout.data.options import limits_of
    from ragscout.plan.setup import open_store
    from ragscout.providers.network import NetworkPolicy

    addresses = read_addresses(urls) if urls is not None else ()
    remote = Remote(sql, query, tuple(source or ()), addresses)
    opened = open_store(store)
    how = (format_name, column_roles(column or ()), encoding, delimiter, dialect, sheet, split, skip_bad_rows)
    options = ReadOptions(*how, limits_of(limit or ()))
    with snapshot(remote, NetworkPolicy.hosts(network or ()), options.limits) as (extra, noted):
        done = upload(
            paths or (),
            blobs=opened.blobs,
            registry=opened.ledger,
            name=name or (None if paths or not remote else remote.name),
            options=options,
            extra=extra,
            noted=noted,
        )
    logged = log_to_mlflow(opened, done) if mlflow else ""
    if json_output:
        reference = f"{done.eval_set.name}@{done.eval_set.version}"
        as_json({"eval_set": reference, "new": done.new, "mlflow": bool(logged), **done.report.as_json()})
        return
    for line in done.report.lines():
        say(line)
    state = "registered" if done.new else "already registered"
    say(f"{done.eval_set.name}@{done.eval_set.version}: {state}, {done.eval_set.count} questions.")

"""``ragscout init DOCS QUESTIONS``: from your own files to a sweep file that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import StoreOption, say, write


def run(
    documents: Annotated[Path, typer.Argument(help="Folder (or archive) of txt, md, html, pdf, ... files.")],
    questions: Annotated[Path, typer.Argument(help="csv, xlsx or jsonl with question and reference columns.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Sweep file to write.")] = Path("sweep.yaml"),
    name: Annotated[str | None, typer.Option(help="Name of the evaluation set. Default: from the folder.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="ROLE=NAME, for example question=Frage; repeatable.")] = None,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Load the good rows, list the bad.")] = False,
    force: Annotated[bool, typer.Option(help="Replace an existing sweep file.")] = False,
    store: StoreOption = None,
) -> None:
    """Register your documents and questions, and write a commented sweep file that needs no key and no edit."""
    from ragscout.cli.support.logging_sets import log_to_mlflow
    from ragscout.data import ReadOptions, column_roles, starter, upload
    from ragscout.model.errors import SpecError
    from ragscout.plan.goal import fact_may_choose
    from ragscout.plan.setup import open_store

    if output.exists() and not force:
        raise SpecError(f"{output}: the file exists already; got no --force. Give another --output or add --force.")
    opened = open_store(store)
    paths = [documents, questions]
    options = ReadOptions(columns=column_roles(column or ()), skip_bad_rows=skip_bad_rows)
    done = upload(paths, blobs=opened.blobs, registry=opened.ledger, name=name, options=options)
    for line in done.report.lines():
        say(line)
    log_to_mlflow(opened, done)
    judged = fact_may_choose(done.eval_set.questions_, opened)
    write(output, starter(done.eval_set, judged=judged))
    say(f"Registered {done.eval_set.name}@{done.eval_set.version}. Wrote {output}.")
    say(f"Next: ragscout plan {output}, then ragscout sweep {output}")

"""``ragscout transforms suggest NAME``: what could be cleaned before chunking, for a person to accept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, say

app = typer.Typer(help="Declared transforms of documents: suggest what a sweep could try.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Declared transforms of documents."""


@app.command("suggest")
def suggest(
    name: Annotated[str, typer.Argument(help="name@version, or the path of a set.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the YAML into this new file.")] = None,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Propose transforms as YAML with before and after of ten pages. Nothing is applied: copy what you accept."""
    from ragscout.data import open_eval_set
    from ragscout.data.suggesting import suggest as propose
    from ragscout.data.uploading import parse_files
    from ragscout.engine.prepare import open_store
    from ragscout.model.errors import EvalSetError, SpecError

    if output is not None and output.exists():
        raise SpecError(f"{output}: the file exists already; got the same --output. Name another file.")
    opened = open_store(store)
    eval_set = open_eval_set(name, blobs=opened.blobs, registry=opened.ledger, base=Path.cwd())
    documents = parse_files(eval_set.files, opened.blobs, [])
    if not documents:
        raise EvalSetError(f"{name}: there is no document to look at; got 0. Upload documents under this name.")
    found = propose(documents)
    if output is not None:
        output.write_text(found.yaml(), encoding="utf-8")
    if json_output:
        rows = [{"transform": item.declared(), "why": item.why, "by": item.by} for item in found.proposals]
        pages = [dataclasses.asdict(page) for page in found.pages]
        as_json({"documents": found.before, "after": found.after, "proposals": rows, "pages": pages})
        return
    say(found.yaml().rstrip("\n"))
    for page in found.pages:
        say(f"\n{page.document}, page {page.page}:")
        for line in page.difference:
            say(f"  {line}")
    if not found.proposals:
        say("Nothing to clean was found.")
        return
    say(f"\n{found.before:,} documents before, {found.after:,} after.")
    say("Copy what you accept under pipeline: in the sweep file; a list of two (parse, and this) compares them.")

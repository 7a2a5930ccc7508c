"""``ragscout data ls|show|diff|rm|export|freeze``: the evaluation sets of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say

app = typer.Typer(help="List, show, compare, export and remove evaluation sets.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="name@version; without a version the newest.")]


@app.command("ls")
def ls(store: StoreOption = None, json_output: Json = False) -> None:
    """List every version."""
    from ragscout.plan.setup import open_store

    rows = open_store(store).ledger.evalsets()
    if json_output:
        as_json([{"name": row.name, "version": row.version, "digest": row.digest, **row.info} for row in rows])
        return
    for row in rows:
        say(f"{row.name}@{row.version}  {row.info.get('questions', '?')} questions  {row.digest[:12]}")
    if not rows:
        say("No evaluation set yet. Add one: ragscout upload PATH")


@app.command("show")
def show(name: Name, store: StoreOption = None, json_output: Json = False) -> None:
    """Show what a version holds and how it was understood."""
    from ragscout.data import show as describe
    from ragscout.plan.setup import open_store

    report = describe(name, registry=open_store(store).ledger)
    if json_output:
        as_json(report.as_json())
        return
    for line in report.lines():
        say(line)


@app.command("diff")
def diff(first: Name, second: Name, store: StoreOption = None, json_output: Json = False) -> None:
    """Show what changed between two versions."""
    from ragscout.data import diff as compare
    from ragscout.data import open_eval_set
    from ragscout.plan.setup import open_store

    opened = open_store(store)
    sets = [
        open_eval_set(name, blobs=opened.blobs, registry=opened.ledger, base=Path.cwd()) for name in (first, second)
    ]
    found = compare(*sets)
    if json_output:
        as_json(found.as_json())
        return
    for line in found.lines():
        say(line)


@app.command("rm")
def rm(name: Name, store: StoreOption = None, json_output: Json = False) -> None:
    """Remove a version from the list. Results that were measured on it stay."""
    from ragscout.data import remove
    from ragscout.plan.setup import open_store

    removed = remove(name, registry=open_store(store).ledger)
    if json_output:
        as_json({"name": name, "removed": removed})
        return
    say(f"Removed {name}.")


@app.command("export")
def export(
    name: Name,
    format_name: Annotated[
        str, typer.Argument(metavar="FORMAT", help="jsonl (lossless), csv, xlsx, or the format of another tool.")
    ],
    target: Annotated[Path, typer.Argument(metavar="PATH", help="Folder that the files are written into.")],
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Write a version in the format of another tool. No file is replaced."""
    from ragscout.data import export as write
    from ragscout.data import not_held, open_eval_set
    from ragscout.data.documents import parse_files
    from ragscout.plan.setup import open_store

    opened = open_store(store)
    eval_set = open_eval_set(name, blobs=opened.blobs, registry=opened.ledger, base=Path.cwd())
    files = write(eval_set, format_name, target, parse_files(eval_set.files, opened.blobs, []))
    lost = not_held(eval_set, format_name)
    if json_output:
        shown = {"eval_set": f"{eval_set.name}@{eval_set.version}", "files": [str(path) for path in files]}
        as_json(shown | {"not_held": lost})
        return
    for path in files:
        say(f"Wrote {path}")
    if lost:
        say(lost)


@app.command("freeze")
def freeze(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    name: Annotated[str, typer.Argument(help="Name of the training split, for `fit: {training: NAME}`.")],
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Freeze the open questions of a sweep as a training split, in a file beside the sweep file."""
    from ragscout.plan.setup import open_store
    from ragscout.plan.training import freeze as write
    from ragscout.spec import load

    path, split = write(load(file), name, open_store(store))
    if json_output:
        as_json({"name": name, "file": str(path), "digest": split.digest, "questions": len(split.questions)})
        return
    say(f"Training split {name}: {len(split.questions)} questions, {split.digest[:12]}, in {path}")
    say(f"Learn from it with: fit: {{use: examples, training: {name}}}")

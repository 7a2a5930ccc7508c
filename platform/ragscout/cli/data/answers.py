"""``ragscout answers import``: answers of an existing system become a row of the board."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say, write

app = typer.Typer(help="Answers of an existing system.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Answers of an existing system."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    name: Annotated[str, typer.Argument(help="Name of the row.")],
    table: Annotated[Path, typer.Argument(help="csv, xlsx or jsonl: question id, answer; seconds, cost.")],
    reference: Annotated[bool, typer.Option("--reference", help="Compare every row with this one.")] = False,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Write the answers beside the sweep file and add an ``include:`` row for them to it."""
    from ragscout.curate.answers import import_answers
    from ragscout.model.errors import SpecError
    from ragscout.spec.including import add_row
    from ragscout.sweep import Sweep

    if not re.fullmatch(r"[^\W_][\w .-]{0,79}", name):
        raise SpecError(
            f"answers: not a name; got {name!r}. Use letters, digits, spaces, '.', '-' and '_', at most 80."
        )
    sweep = Sweep.load(file, store)
    eval_set = sweep.prepared.eval_set
    # the sealed questions too: an existing system is confirmed on them like the others, and none of them is shown
    found = import_answers(table, eval_set.questions_)
    open_ = {question.id for question in eval_set.development}
    missing = [name for name in found.missing if name in open_]
    target = file.parent / f"{name.replace(' ', '-')}.answers.jsonl"
    write(target, found.lines)
    add_row(file, name, {"use": "recorded", "file": target.name}, reference)
    Sweep.load(file, store)
    if json_output:
        as_json({"file": str(target), "matched": found.matched, "missing": missing, "unknown": found.unknown})
        return
    say(f"Wrote {target}: {found.matched} answers. {file} has the row {name!r} under include:.")
    if missing:
        say(f"{len(missing)} questions have no answer and will count as wrong: {', '.join(missing[:8])}")
    if found.unknown:
        say(f"{len(found.unknown)} lines belong to no question of the set: {', '.join(found.unknown[:5])}")
    say(f"Judge it with the others: ragscout sweep {file}")

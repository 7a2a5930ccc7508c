"""``ragscout ask BUNDLE QUESTION``: one answer with its sources."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Allow, Json, as_json, say


def run(
    bundle: Annotated[Path, typer.Argument(help="An exported bundle: folder or .zip.")],
    question: Annotated[str, typer.Argument(help="What to ask.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="NAME=VALUE",
            help="Only documents with this metadata; again: another, or an alternative.",
        ),
    ] = None,
    allow: Allow = None,
    json_output: Json = False,
) -> None:
    """Answer one question with an exported pipeline."""
    from ragscout.serve import Pipeline
    from ragscout.serve.filters import joined

    held = joined(only or [])
    reply = Pipeline.load(bundle, allow=allow or ()).ask(question, filter=held)
    if json_output:
        as_json(dataclasses.asdict(reply))
        return
    say(reply.text or f"No answer: {reply.failure}.")
    for number, source in enumerate(reply.sources, 1):
        say(f"  [{number}] {source.title or source.document} ({source.document} {source.start}–{source.end})")
    say(f"  {reply.seconds:.2f} s")

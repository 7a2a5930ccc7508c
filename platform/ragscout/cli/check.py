"""``ragscout check SET``: what is wrong with an evaluation set, and what it can show."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, say


def run(
    name: Annotated[str, typer.Argument(help="name@version, or the path of a set.")],
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Check an evaluation set: duplicates, leaks, answers outside their evidence, what it can separate."""
    from ragscout import steps as registry  # noqa: F401 - importing the steps fills the registry
    from ragscout.data import check, open_eval_set
    from ragscout.engine.prepare import open_store
    from ragscout.model.step import make
    from ragscout.model.values import Source
    from ragscout.steps.corpus.parse import Parse

    opened = open_store(store)
    eval_set = open_eval_set(name, blobs=opened.blobs, registry=opened.ledger, base=Path.cwd())
    parser = make("corpus", "parse")
    assert isinstance(parser, Parse)
    corpus = asyncio.run(parser.run(_Quiet(), source=Source(eval_set.files, opened.blobs.read)))  # type: ignore[arg-type]
    findings = check(eval_set, corpus)
    if json_output:
        as_json([dataclasses.asdict(finding) for finding in findings])
        return
    for finding in findings:
        say(finding.text())


class _Quiet:
    """The parser needs a place for its figures and nothing else of a runtime."""

    def report(self, node: str, what: str, value: float) -> None:
        """Figures about parsing are not shown here."""

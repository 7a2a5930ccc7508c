"""``ragscout check SET``: what is wrong with an evaluation set, and what it can show."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say

if TYPE_CHECKING:
    from ragscout.data import Finding
    from ragscout.model.evalset import EvalSet
    from ragscout.store.store import Store


def run(
    name: Annotated[str, typer.Argument(help="name@version, or the path of a set.")],
    model: Annotated[str, typer.Option(help="Chat model asked every question without documents.")] = "",
    sweep: Annotated[Path | None, typer.Option(help="Sweep file that names the model's connection.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")] = False,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Check an evaluation set: duplicates, leaks, answers outside their evidence, what it can separate.

    With --model it also asks which questions that model answers without the documents.
    """
    from ragscout import steps as registry  # noqa: F401 - importing the steps fills the registry
    from ragscout.curate.unaided import made
    from ragscout.data import check, open_eval_set
    from ragscout.model.step import make
    from ragscout.model.values import Source
    from ragscout.plan.holdout import sealed_set
    from ragscout.plan.setup import open_store
    from ragscout.steps.corpus.parse import Parse

    opened = open_store(store)
    eval_set = open_eval_set(name, blobs=opened.blobs, registry=opened.ledger, base=Path.cwd())
    parser = make("corpus", "parse")
    assert isinstance(parser, Parse)
    corpus = asyncio.run(parser.run(_Quiet(), source=Source(eval_set.files, opened.blobs.read)))  # type: ignore[arg-type]
    findings = check(sealed_set(eval_set, None, opened), corpus) + made(eval_set.questions_)
    if model:
        findings += asyncio.run(_unaided(eval_set, model, sweep, opened, yes))
    if json_output:
        as_json([dataclasses.asdict(finding) for finding in findings])
        return
    for finding in findings:
        say(finding.text())


async def _unaided(eval_set: EvalSet, model: str, sweep: Path | None, store: Store, yes: bool) -> list[Finding]:
    from ragscout.cli.data.review import agreed, connection_of, load_sweep, open_runtime, priced
    from ragscout.curate.unaided import asked, unaided, unaided_request

    spec = load_sweep(sweep)
    connection = connection_of(model, spec)
    runtime = open_runtime(store, f"check:{eval_set.digest[:16]}", spec, connection, None)
    chat = connection.identity_model()
    try:
        if connection.provider != "local":
            agreed(priced([unaided_request(item, chat) for item in asked(eval_set.questions_)], connection), yes)
        return await unaided(eval_set.questions_, chat, runtime)
    finally:
        await runtime.close()


class _Quiet:
    """The parser needs a place for its figures and nothing else of a runtime."""

    def report(self, node: str, what: str, value: float) -> None:
        """Figures about parsing are not shown here."""

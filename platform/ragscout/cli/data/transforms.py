"""``ragscout transforms suggest NAME``: what could be cleaned before chunking, for a person to accept."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, fail, say, write

if TYPE_CHECKING:
    from ragscout.model.evalset import Document
    from ragscout.store.store import Store

app = typer.Typer(help="Declared transforms of documents: suggest what a sweep could try.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Propose and check transforms of documents."""


@app.command("suggest")
def suggest(
    name: Annotated[str, typer.Argument(help="name@version, or the path of a set.")],
    model: Annotated[str, typer.Option(help="Ask this model too: a connection of --sweep, or a packaged alias.")] = "",
    sweep: Annotated[Path | None, typer.Option(help="Sweep file that names the connections.")] = None,
    usd: Annotated[float | None, typer.Option(help="Most money it may cost.", min=0.0)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the YAML into this new file.")] = None,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Propose transforms as YAML with before and after of ten pages. Nothing is applied: copy what you accept."""
    from ragscout.curate.proposing import suggest as propose
    from ragscout.data import open_eval_set
    from ragscout.data.documents import parse_files
    from ragscout.model.errors import EvalSetError, SpecError
    from ragscout.plan.setup import open_store

    if output is not None and output.exists():
        raise SpecError(f"{output}: the file exists already; got the same --output. Name another file.")
    opened = open_store(store)
    eval_set = open_eval_set(name, blobs=opened.blobs, registry=opened.ledger, base=Path.cwd())
    documents = parse_files(eval_set.files, opened.blobs, [])
    if not documents:
        raise EvalSetError(f"{name}: there is no document to look at; got 0. Upload documents under this name.")
    reply = asyncio.run(_asked(opened, documents, model, sweep, usd, yes)) if model else ""
    found = propose(documents, (lambda _: reply) if model else None)
    if output is not None:
        write(output, found.yaml())
    if json_output:
        rows = [{"transform": item.declared(), "why": item.why, "by": item.by} for item in found.proposals]
        pages = [dataclasses.asdict(page) for page in found.pages]
        refused = list(found.refused)
        as_json(
            {"refused": refused, "documents": found.before, "after": found.after, "proposals": rows, "pages": pages}
        )
        return
    for line in found.refused:
        fail(f"refused from the model's reply: {line}")
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


async def _asked(
    store: Store, documents: Sequence[Document], model: str, sweep: Path | None, usd: float | None, yes: bool
) -> str:
    """Return the model's reply to one request, whose price was agreed to.

    Raises:
        StepError: it gave none.
    """
    from ragscout.cli.data.review import agreed, connection_of, load_sweep, open_runtime, priced
    from ragscout.curate.proposing import prompt
    from ragscout.model.errors import StepError
    from ragscout.model.outcome import Message
    from ragscout.model.runtime import ChatReply, ChatRequest

    spec = load_sweep(sweep)
    connection = connection_of(model, spec)
    request = ChatRequest(connection.identity_model(), (Message("user", prompt(documents)),), 1500)
    if connection.provider != "local":
        agreed(priced([request], connection), yes)
    runtime = open_runtime(store, "transforms", spec, connection, usd)
    try:
        reply = await runtime.chat(request, "data")
    finally:
        await runtime.close()
    if not isinstance(reply, ChatReply):
        raise StepError(
            f"--model: {model} gave no answer; got {reply.detail or reply.kind}. Try again, or leave it out."
        )
    return reply.text

"""``ragscout generate-questions NAME``: questions written by a chat model from the documents, filtered and reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say

if TYPE_CHECKING:
    from ragscout.curate.generating import Source
    from ragscout.curate.questions import Synthesis
    from ragscout.curate.reviewing import ReviewDecision
    from ragscout.store.ledger import Journal
    from ragscout.store.store import Store


def run(
    name: Annotated[str, typer.Argument(help="name@version, or the path of a set or of a folder of documents.")],
    model: Annotated[str, typer.Option(help="Connection of the sweep file, or a packaged model's alias.")],
    sweep: Annotated[Path | None, typer.Option(help="Sweep file that names the connections.")] = None,
    count: Annotated[int, typer.Option(help="How many to draft; the filters keep fewer.", min=1, max=100_000)] = 30,
    multi_hop: Annotated[float, typer.Option(help="Share made from two spans, 0..1.", min=0.0, max=1.0)] = 0.2,
    persona: Annotated[list[str] | None, typer.Option(help="Who asks; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Another number draws other spans.")] = 0,
    with_: Annotated[
        str,
        typer.Option("--with", help="Whose prompts write the drafts: ragscout, or ragas (its test-set generation)."),
    ] = "ragscout",
    usd: Annotated[float | None, typer.Option(help="Most money it may cost.", min=0.0)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked and what it costs.")] = False,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="Take all that passed without looking.")] = False,
    export: Annotated[Path | None, typer.Option(help="Write what passed to an .xlsx for review.")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="Read the decisions of such a file.")] = None,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Choose spans, ask a model for question and answer, keep what passes the filters, and let a person decide.

    Running again asks nothing twice. What is taken makes a new version; the questions are labelled "synthetic" for
    ever and stand in a slice of their own.
    """
    import asyncio

    from ragscout.plan.setup import open_store

    opened = open_store(store)
    options = {"count": count, "seed": seed, "multi_hop": multi_hop, "personas": tuple(persona or ())}
    made = asyncio.run(_made(name, opened, model, sweep, usd, yes, dry_run, json_output, options, _source(with_)))
    if made is None:
        return
    from ragscout.curate.evidence import review_log

    log = review_log(opened, made.eval_set, "questions")
    if export is not None:
        _export(export, made)
    finished = export is None and _decide(made, log, accept_all, import_)
    _finish(made, log, opened, finished, export, json_output)


def _source(name: str) -> Source:
    from ragscout.curate.generating import SOURCES
    from ragscout.model.errors import UnknownNameError

    for known in SOURCES:
        if name == known:
            return known
    raise UnknownNameError("--with", "writer", name, SOURCES)


async def _made(
    name: str,
    store: Store,
    model: str,
    sweep: Path | None,
    usd: float | None,
    yes: bool,
    dry_run: bool,
    json_output: bool,
    options: dict[str, object],
    source: Source,
) -> Synthesis | None:
    from ragscout import steps as registry  # noqa: F401 - importing the steps fills the registry
    from ragscout.cli.data.review import agreed, connection_of, load_sweep, open_runtime, priced
    from ragscout.curate import questions as synthesis
    from ragscout.curate.generating import worst_case
    from ragscout.data import open_eval_set

    spec = load_sweep(sweep)
    connection = connection_of(model, spec)
    eval_set = open_eval_set(name, blobs=store.blobs, registry=store.ledger, base=Path.cwd())
    runtime = open_runtime(store, f"questions:{eval_set.digest[:16]}", spec, connection, usd)
    try:
        begun = await synthesis.start(eval_set, store, runtime, **options)  # type: ignore[arg-type]
        requests = worst_case(begun.seeds, connection.identity_model(), source)
        price = priced(requests, connection)
        if dry_run:
            if json_output:
                as_json({"drafts": len(begun.seeds), "requests": len(requests), "price": price})
            else:
                say(f"{len(begun.seeds)} drafts; {price}.")
            return None
        if not json_output or connection.provider != "local":
            agreed(price, yes or connection.provider == "local")
        return await synthesis.run(begun, connection.identity_model(), runtime, source)
    finally:
        await runtime.close()


def _export(path: Path, made: Synthesis) -> None:
    from ragscout.curate.reviewing import write_sheet

    write_sheet(
        path,
        "questions",
        (
            {
                "key": question.id,
                "question": question.text,
                "reference": question.references[0],
                "document": " / ".join(span.document for span in question.evidence),
                "evidence": " … ".join(span.quote for span in question.evidence),
                "type": question.type,
                "decision": "",
            }
            for question in made.questions
        ),
    )


def _decide(made: Synthesis, log: Journal, accept_all: bool, sheet: Path | None) -> bool:
    """Collect decisions; whether they are complete (a sheet's open rows stay open)."""
    from ragscout.cli.data.review import Shown, ask_all
    from ragscout.curate.reviewing import ReviewDecision, decide, decisions, read_sheet

    done = decisions(log)
    if accept_all:
        for question in made.questions:
            if question.id not in done:
                decide(log, ReviewDecision(question.id, "accept", {"review": "unreviewed"}))
        return True
    if sheet is not None:
        said, _ = read_sheet(sheet, [question.id for question in made.questions], ["question", "reference"])
        for decision in said:
            decide(log, decision)
        return True
    shown = [
        Shown(
            question.id,
            f"{question.text}\n  answer: {question.references[0]}\n"
            + "\n".join(f"  {span.document}: {' '.join(span.quote.split())}" for span in question.evidence),
            {"question": question.text, "reference": question.references[0]},
        )
        for question in made.questions
    ]

    def keep(decision: ReviewDecision) -> None:
        decide(log, decision)

    return ask_all(shown, done, keep, "question or answer")


def _finish(
    made: Synthesis, log: Journal, store: Store, finished: bool, export: Path | None, json_output: bool
) -> None:
    from ragscout.curate.questions import apply
    from ragscout.curate.reviewing import decisions

    said = {name: found for name, found in decisions(log).items() if name in {item.id for item in made.questions}}
    taken = sum(found.verdict != "drop" for found in said.values())
    grown = apply(made, said, store) if finished and taken else None
    rows = made.counts.rows()
    if json_output:
        as_json(
            {
                "drafts": made.asked,
                "open": made.counts.open,
                "passed": len(made.questions),
                "taken": taken if finished else 0,
                "filters": rows,
                "questions": [
                    {"id": item.id, "question": item.text, "reference": item.references[0], "type": item.type}
                    for item in made.questions
                ],
                "file": str(export or ""),
                "eval_set": f"{grown.name}@{grown.version}" if grown else "",
            }
        )
    else:
        say(f"{made.asked} drafts, {len(made.questions)} passed the filters, {made.counts.open} are open.")
        for row in rows:
            say(f"  {row['filter']:<16} {row['killed']:>4} of {row['seen']:>4} dropped: {row['asks']}")
        if export is not None:
            say(f"{export}: write accept, change or drop into the column decision; then --import the file.")
        if grown:
            say(f"{grown.name}@{grown.version}: registered with {taken} synthetic questions.")
    if made.counts.open or (export is None and not finished):
        raise typer.Exit(3)

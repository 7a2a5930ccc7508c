"""``ragscout evidence suggest NAME``: evidence for questions that have none, proposed by a program, decided by you."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragscout.curate.evidence import Work
    from ragscout.curate.pooling import Retriever
    from ragscout.curate.reviewing import ReviewDecision
    from ragscout.spec import SweepSpec
    from ragscout.store.ledger import Journal
    from ragscout.store.store import Store

app = typer.Typer(help="Suggest evidence for questions that have none.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Suggest evidence for questions that have none."""


@app.command("suggest")
def run(
    name: Annotated[str, typer.Argument(help="name@version, or the path of a set.")],
    sweep: Annotated[Path | None, typer.Option(help="Sweep file: its embedders join the pool.")] = None,
    judge: Annotated[str, typer.Option(help="Chat model asked where overlap is unsure: connection or alias.")] = "",
    depth: Annotated[int, typer.Option(help="Passages per retriever and question.", min=1, max=20)] = 5,
    usd: Annotated[float | None, typer.Option(help="Most money the judge may cost.", min=0.0)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")] = False,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="Take all over without looking.")] = False,
    export: Annotated[Path | None, typer.Option(help="Write the suggestions to an .xlsx for review.")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="Read the decisions of such a file.")] = None,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Pool what BM25 and every embedder find, mark what supports the reference, and let a person decide.

    Without --accept-all, --export or --import you are asked question by question; stop at any time, the answers stay.
    What is taken over makes a new version; its spans are labelled "suggested" for ever.
    """
    import asyncio

    from ragscout.plan.setup import open_store

    opened = open_store(store)
    work = asyncio.run(_work(name, opened, sweep, judge, depth, usd, yes))
    from ragscout.curate.evidence import review_log

    log = review_log(opened, work.eval_set, "evidence")
    if export is not None:
        _export(export, work, json_output)
        return
    finished = _decide(work, log, accept_all, import_)
    _finish(work, log, opened, finished, json_output)


async def _work(
    name: str, store: Store, sweep: Path | None, judge: str, depth: int, usd: float | None, yes: bool
) -> Work:
    from ragscout import steps as registry  # noqa: F401 - importing the steps fills the registry
    from ragscout.cli.data.review import agreed, connection_of, load_sweep, open_runtime, priced
    from ragscout.curate.evidence import by_judge, by_overlap
    from ragscout.data import open_eval_set
    from ragscout.plan.holdout import sealed_set

    spec = load_sweep(sweep)
    found = open_eval_set(name, blobs=store.blobs, registry=store.ledger, base=Path.cwd())
    eval_set = sealed_set(found, spec.holdout if spec else 0.0, store)
    connection = connection_of(judge, spec) if judge else None
    runtime = open_runtime(store, f"evidence:{eval_set.digest[:16]}", spec, connection, usd)
    try:
        work = await by_overlap(eval_set, store, _retrievers(spec), runtime, depth)
        if connection is not None and work.unsure():
            model = connection.identity_model()
            agreed(priced(work.requests(model), connection), yes or connection.provider == "local")
            work = await by_judge(work, model, runtime)
        return work
    finally:
        await runtime.close()


def _retrievers(spec: SweepSpec | None) -> Sequence[Retriever]:
    """BM25 and the packaged embedders that are here; with a sweep file BM25 and its embedders."""
    from ragscout.curate.pooling import packaged_retrievers
    from ragscout.model.config import source_node
    from ragscout.providers.assets import Resolver
    from ragscout.providers.network import NetworkPolicy
    from ragscout.spec import space
    from ragscout.steps.embed.base import EmbedStep
    from ragscout.steps.lexicon.bm25 import BM25

    models = Resolver(policy=NetworkPolicy())
    if spec is None:
        return packaged_retrievers(models)
    steps = [item.steps.get("embed") for item in space(spec, source_node(""), models).configurations]
    return [BM25(), *(step for step in steps if isinstance(step, EmbedStep))]


def _export(path: Path, work: Work, json_output: bool) -> None:
    from ragscout.curate.reviewing import write_sheet

    count = write_sheet(
        path,
        "evidence",
        (
            {
                "key": item.key,
                "id": question.id,
                "question": question.text,
                "reference": question.references[0],
                "document": item.spans[0].document,
                "quote": " … ".join(span.quote for span in item.spans),
                "how": item.how,
                "coverage": f"{item.coverage:.2f}",
                "decision": "",
            }
            for question, item in work.offered
        ),
    )
    if json_output:
        as_json({"file": str(path), "suggestions": count, "open": len(work.questions)})
        return
    say(f"{path}: {count} suggestions for {len(work.questions)} questions without evidence.")
    say("Write accept, change (with another quote) or drop into the column decision; then --import the file.")


def _decide(work: Work, log: Journal, accept_all: bool, sheet: Path | None) -> bool:
    """Collect decisions; whether they are complete (a sheet's open rows stay open)."""
    from ragscout.cli.data.review import Shown, ask_all
    from ragscout.curate.reviewing import ReviewDecision, decide, decisions, read_sheet

    done = decisions(log)
    if accept_all:
        for _, item in work.offered:
            if item.key not in done:
                decide(log, ReviewDecision(item.key, "accept", {"review": "unreviewed"}))
        return True
    if sheet is not None:
        said, _ = read_sheet(sheet, [item.key for _, item in work.offered], ["quote"])
        for decision in said:
            decide(log, decision)
        return True
    shown = [
        Shown(item.key, _card(work, at), {"quote": item.spans[0].quote}) for at, (_, item) in enumerate(work.offered)
    ]

    def keep(decision: ReviewDecision) -> None:
        decide(log, decision)

    return ask_all(shown, done, keep, "the quote")


def _card(work: Work, at: int) -> str:
    """Question, reference, and the suggested spans with what stands around them."""
    question, item = work.offered[at]
    texts = {document.id: document.text for document in work.corpus.documents}
    lines = [question.text, f"  reference: {question.references[0]}", f"  {item.how}, coverage {item.coverage:.2f}"]
    for span in item.spans:
        text, start, end = texts[span.document], span.start or 0, span.end or 0
        before, after = text[max(0, start - 80) : start], text[end : end + 80]
        around = " ".join(f"{before}⟦{span.quote}⟧{after}".split())
        lines.append(f"  {span.document}: …{around}…")
    return "\n".join(lines)


def _finish(work: Work, log: Journal, store: Store, finished: bool, json_output: bool) -> None:
    from ragscout.curate.evidence import apply
    from ragscout.curate.reviewing import decisions

    said = decisions(log)
    taken = sum(item.key in said and said[item.key].verdict != "drop" for _, item in work.offered)
    dropped = sum(item.key in said and said[item.key].verdict == "drop" for _, item in work.offered)
    made = apply(work, said, store) if finished and taken else None
    figures = {
        "questions": len(work.questions),
        "suggestions": len(work.offered),
        "taken": taken,
        "dropped": dropped,
        "open": len(work.offered) - taken - dropped,
        "eval_set": f"{made.name}@{made.version}" if made else "",
    }
    if json_output:
        as_json(figures)
        return
    say(
        f"{figures['questions']} questions have a reference and no evidence; {figures['suggestions']} got a "
        f"suggestion: {taken} taken over, {dropped} dropped, {figures['open']} open."
    )
    if made:
        say(f"{made.name}@{made.version}: registered; these spans are labelled 'suggested'.")
    elif not finished:
        say("Nothing is registered before all are decided. Run the same command again to go on.")
        raise typer.Exit(3)

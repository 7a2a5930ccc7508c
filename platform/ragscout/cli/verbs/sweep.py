"""``ragscout sweep FILE``: run a sweep, or go on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, console, fail, say, words_of


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    store: StoreOption = None,
    executor: Annotated[
        str, typer.Option(help="in-process, or subprocess (every task in a fresh process).")
    ] = "in-process",
    tracking: Annotated[bool, typer.Option("--mlflow/--no-mlflow", help="Log to MLflow.")] = True,
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Run a sweep: search the space, score every configuration, log to MLflow, show the leaderboard."""
    from ragscout.board.limits import meets
    from ragscout.board.show.table import render_markdown, render_terminal
    from ragscout.cli.support.progress import ProgressLine
    from ragscout.providers.network import set_process_policy
    from ragscout.record.mlflow import MlflowRecorder, default_tracking_uri
    from ragscout.record.recorder import Recorder
    from ragscout.report.of_sweep import report_of
    from ragscout.sweep import Sweep

    out = console()
    sweep = Sweep.load(file, store)
    set_process_policy(sweep.prepared.opening.policy())
    words = words_of(language, sweep.prepared.eval_set)
    if not json_output:
        for note in sweep.prepared.notes:
            say(f"· {note}")
        for line in sweep.plan().lines():
            say(line)
    recorders: list[Recorder] = []
    uri = ""
    if tracking:
        uri = default_tracking_uri(sweep.store.folder)
        page = report_of(sweep.prepared, sweep.store)
        recorders.append(
            MlflowRecorder(uri, page=lambda board, lang: render_markdown(board, language=lang), report=page)
        )
    with ProgressLine(out, quiet=json_output) as progress:
        result = sweep.run(recorders=recorders, progress=progress, executor=executor)
    if json_output:
        as_json(json.loads(result.board.to_json()))
    else:
        say("")
        render_terminal(result.board, out, language=words)
        sent = ", ".join(f"{number} {purpose}" for purpose, number in sorted(result.calls.items())) or "none"
        say(f"Requests sent in this run: {sent}.")
        for line in sweep.spending().lines():
            say(line)
        for damage in sweep.store.damage:
            say(f"Damaged and computed again: {damage}")
        if uri:
            at = "at the server of MLFLOW_TRACKING_URI" if uri.startswith("http") else "with ragscout mlflow"
            say(f"Look at it in MLflow {at}.")
    if result.open:
        for reason in result.open[:5]:
            why = reason.removesuffix(".")
            fail(f"{sweep.spec.sweep}: not everything could be measured: {why}. Run the same command again to go on.")
        raise typer.Exit(3)
    if not meets(result.board):
        raise typer.Exit(1)
    if result.board.recommended() is None and not result.board.retrieval:
        raise typer.Exit(2)

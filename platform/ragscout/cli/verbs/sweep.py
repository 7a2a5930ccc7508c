"""``ragscout sweep FILE``: run a sweep, go on where it stopped, or follow one that another process runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, console, fail, say, words_of

if TYPE_CHECKING:
    from ragscout.cli.support.sweeps import FoundSweep
    from ragscout.model.results.board import Board
    from ragscout.sweep import Result, Sweep


def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The sweep file (YAML); with --follow, or its name.")],
    store: StoreOption = None,
    executor: Annotated[
        str, typer.Option(help="in-process, or subprocess (every task in a fresh process).")
    ] = "in-process",
    tracking: Annotated[bool, typer.Option("--mlflow/--no-mlflow", help="Log to MLflow.")] = True,
    follow: Annotated[bool, typer.Option("--follow", help="Show a sweep that another process runs.")] = False,
    drop: Annotated[str, typer.Option(metavar="MODEL", help="First leave out for good what asks this model.")] = "",
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Run a sweep: search the space, score every configuration, log to MLflow, show the leaderboard."""
    from ragscout.cli.support.sweeps import FoundSweep, find_sweep
    from ragscout.providers.network import set_process_policy
    from ragscout.sweep import Sweep

    if follow:
        _follow(find_sweep(file, store), language, json_output)
        return
    sweep = Sweep.load(file, store)
    set_process_policy(sweep.prepared.opening.policy())
    found = FoundSweep(sweep.id, sweep.spec.sweep, sweep.store, sweep)
    if (holder := found.holder()) is not None and sweep.store.ledger.control(sweep.id) == "pause":
        sweep.store.ledger.control_set(sweep.id, "run")
        if not json_output:
            say(f"{found.name}: the paused sweep goes on in {holder}, and is shown here.")
        _follow(found, language, json_output)
        return
    if drop:
        left_out = sweep.drop(drop)
        if not json_output:
            say(f"{found.name}: {left_out} configurations ask {drop} and are left out from now on.")
    if not json_output:
        for note in sweep.prepared.notes:
            say(f"· {note}")
        for line in sweep.plan().lines():
            say(line)
    result, uri = _result(sweep, executor, tracking, json_output)
    if result.ended.kind == "stopped":
        from ragscout.cli.support.stopping import STOPPED

        fail(STOPPED)
        raise typer.Exit(3)
    _show(sweep, result, uri, language, json_output)
    if result.open:
        for reason in result.open[:5]:
            why = reason.removesuffix(".")
            fail(f"{sweep.spec.sweep}: not everything could be measured: {why}. Run the same command again to go on.")
        raise typer.Exit(3)
    _judge(result.board)


def _result(sweep: Sweep, executor: str, tracking: bool, quiet: bool) -> tuple[Result, str]:
    """Run the sweep; the result, and where MLflow's runs are."""
    from ragscout.board.show.table import render_markdown
    from ragscout.cli.support.progress import ProgressLine
    from ragscout.cli.support.stopping import stopped_by_signals
    from ragscout.engine.cancel import CancelToken
    from ragscout.record.mlflow import MlflowRecorder, default_tracking_uri
    from ragscout.record.recorder import Recorder
    from ragscout.report.of_sweep import plots_of, report_of

    recorders: list[Recorder] = []
    uri = ""
    if tracking:
        uri = default_tracking_uri(sweep.store.folder)
        recorders.append(
            MlflowRecorder(
                uri,
                page=lambda state, lang: render_markdown(state.board, language=lang),
                report=report_of(sweep.prepared, sweep.store),
                plots=plots_of,
            )
        )
    cancel = CancelToken()
    with ProgressLine(console(), quiet=quiet) as progress, stopped_by_signals(cancel):
        return sweep.run(recorders=recorders, progress=progress, executor=executor, cancel=cancel), uri


def _show(sweep: Sweep, result: Result, uri: str, language: str, json_output: bool) -> None:
    from ragscout.board.show.table import render_terminal
    from ragscout.plan.spending import purpose_phrase
    from ragscout.words import Words, phrase

    if json_output:
        as_json(json.loads(result.board.to_json()))
        return
    spoken = words_of(language, sweep.prepared.eval_set)
    words = Words(spoken)
    say("")
    render_terminal(result.board, console(), language=spoken)
    sent = [
        phrase("ended.sent_part", number=number, purpose=purpose_phrase(purpose))
        for purpose, number in sorted(result.calls.items())
    ]
    say(words("ended.sent", sent=sent) if sent else words("ended.sent_none"))
    for line in sweep.spending().lines(words):
        say(line)
    for damage in sweep.store.damage:
        say(words("ended.damage", what=damage))
    if uri:
        say(words("ended.mlflow_server") if uri.startswith("http") else words("ended.mlflow"))


def _judge(board: Board) -> None:
    """End with the status that the board deserves."""
    from ragscout.board.limits import meets

    if not meets(board):
        raise typer.Exit(1)
    if board.recommended() is None and not board.retrieval:
        raise typer.Exit(2)


def _follow(found: FoundSweep, language: str, json_output: bool) -> None:
    """Show a sweep until its run ends, and its board where its file is known; status 3 when it is not finished."""
    from ragscout.board.show.table import render_terminal
    from ragscout.cli.support.following import follow
    from ragscout.cli.support.progress import ProgressLine
    from ragscout.engine.journal import SweepJournal
    from ragscout.model.results.journal import SweepClosed

    with ProgressLine(console(), quiet=json_output) as progress:
        state = follow(found, progress)
    closed = SweepJournal(found.store.ledger, found.id).first(SweepClosed) is not None
    sweep = found.sweep
    if json_output:
        board = None if sweep is None else json.loads(sweep.board().to_json())
        as_json({"sweep": found.id, "state": state, "finished": closed, "board": board})
    elif sweep is not None:
        render_terminal(sweep.board(), console(), language=words_of(language, sweep.prepared.eval_set))
    if not closed:
        ends = {"stopped": "it was stopped", "open": "not everything could be measured", "gone": "nobody runs it"}
        fail(f"{found.name}: the sweep is not finished: {ends.get(state, 'its run failed')}. Run it again to go on.")
        raise typer.Exit(3)
    if not json_output:
        say(f"{found.name}: the sweep is finished.")

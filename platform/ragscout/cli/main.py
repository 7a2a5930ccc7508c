"""The command line: one file per verb, nothing heavy imported before a verb runs.

Exit status: 0 good, 1 the result does not meet the goal, 2 a user's error, 3 part of the work is done.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from ragscout.cli.data import answers, check, data, evidence, generate, init, transforms, upload
from ragscout.cli.judge import judge
from ragscout.cli.support.output import fail, say
from ragscout.cli.support.stopping import STOPPED, terminated_as_interrupted
from ragscout.cli.verbs import (
    ask,
    board,
    compare,
    demo,
    doctor,
    export,
    mlflow,
    models,
    pause,
    plan,
    report,
    steps,
    stop,
    store,
    sweep,
    verify,
    why,
)
from ragscout.model.errors import RagscoutError
from ragscout.secret import RedactingFilter

app = typer.Typer(
    name="ragscout",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        from ragscout import __version__

        say(f"ragscout {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the best retrieval-augmented generation configuration for your documents and questions."""


VERBS = (
    *(init, upload, check, plan, sweep, stop, pause, board, why, report, compare, export, ask, verify),
    *(mlflow, steps, models, demo, doctor),
)
for verb in VERBS:
    app.command(verb.__name__.rsplit(".", 1)[-1])(verb.run)
app.add_typer(answers.app, name="answers")
app.add_typer(data.app, name="data")
app.command("generate-questions")(generate.run)
app.add_typer(evidence.app, name="evidence")
app.add_typer(judge.app, name="judge")
app.add_typer(store.app, name="store")
app.add_typer(transforms.app, name="transforms")


def main() -> None:
    """Entry point: a user's mistake is one message, never a stack trace."""
    # libraries that would report home or look for a hub are told not to before anything imports them
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "RAGAS_DO_NOT_TRACK": "true",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_WAIT_POLICY": "PASSIVE",
    }.items():
        os.environ.setdefault(name, value)
    level = os.environ.get("RAGSCOUT_LOG", "WARNING").upper()
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    # a library that sets its own logger to DEBUG when it is imported is held to the same level
    for handler in logging.getLogger().handlers:
        handler.setLevel(level)
        handler.addFilter(RedactingFilter())
    try:
        with terminated_as_interrupted():
            app(prog_name="ragscout")
    except RagscoutError as error:
        fail(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        fail(STOPPED)
        sys.exit(3)


if __name__ == "__main__":
    main()

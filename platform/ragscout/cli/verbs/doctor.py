"""``ragscout doctor [FILE]``: is everything there? One line per check, with a remedy where it is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, StoreOption, as_json, say, size
from ragscout.model.errors import RagscoutError

LEAST_DISK = 3e9  # bytes: a demo's models, its store and MLflow's database


@dataclass(frozen=True)
class CheckResult:
    """One check: what was looked at, whether it is good, what was seen, what to do."""

    what: str
    good: bool
    seen: str
    remedy: str = ""


def run(
    file: Annotated[Path | None, typer.Argument(help="A sweep file, to check its models and endpoints too.")] = None,
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Check machine, disk, store, databases, models and endpoints (one call each)."""
    findings = [*_machine(), *_store(store), *_extras()]
    if file is not None:
        findings += _sweep(file, store)
    if json_output:
        as_json([asdict(item) for item in findings])
    else:
        for item in findings:
            say(f"{'ok  ' if item.good else 'FIX '} {item.what}: {item.seen}{'' if item.good else '. ' + item.remedy}")
    if not all(item.good for item in findings):
        raise typer.Exit(1)


def _machine() -> Iterator[CheckResult]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield CheckResult("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")
    yield CheckResult("cores", True, str(os.cpu_count()))
    free = shutil.disk_usage(Path.cwd()).free
    yield CheckResult("disk", free > LEAST_DISK, f"{size(free)} free here", f"Free at least {size(LEAST_DISK)}.")


def _store(location: str | None) -> Iterator[CheckResult]:
    from ragscout.plan.setup import open_store

    try:
        opened = open_store(location)
    except RagscoutError as error:
        yield CheckResult("store", False, str(error), "See the message.")
        return
    yield CheckResult("store", True, f"{opened.location}, {size(opened.size().bytes)}")
    free = shutil.disk_usage(opened.folder).free
    yield CheckResult(
        "store's disk", free > LEAST_DISK, f"{size(free)} free", f"Free at least {size(LEAST_DISK)} there."
    )
    yield _recording(opened.folder)


def _recording(folder: Path) -> CheckResult:
    """Whether MLflow's database can be written. A server is not asked: nothing leaves the machine unasked."""
    import sqlite3

    import sqlalchemy.exc

    from ragscout.record.mlflow_place import default_tracking_uri, probe

    try:
        uri = default_tracking_uri(folder)
        place = sqlalchemy.engine.make_url(uri).render_as_string() if not uri.startswith("http") else uri
        probe(uri)
    except (RagscoutError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, OSError, ImportError) as error:
        why = " ".join(str(error).split())[:200]
        remedy = "Close what holds it, or set MLFLOW_TRACKING_URI to a database that can be written."
        return CheckResult("MLflow's database", False, why, remedy)
    return CheckResult("MLflow's database", True, place)


def _extras() -> Iterator[CheckResult]:
    import importlib.util

    for extra, module in (("local", "sentence_transformers"), ("korean", "kiwipiepy"), ("documents", "markitdown")):
        there = importlib.util.find_spec(module) is not None
        seen = "installed" if there else "not installed (optional)"
        yield CheckResult(f"extra {extra}", True, seen)


def _sweep(file: Path, location: str | None) -> Iterator[CheckResult]:
    from ragscout.sweep import Sweep

    try:
        sweep = Sweep.load(file, location)
    except RagscoutError as error:
        yield CheckResult(str(file), False, str(error), "See the message.")
        return
    plan = sweep.plan()
    yield CheckResult(str(file), True, f"{plan.configurations} configurations, {plan.questions} questions")
    for line in plan.absent:
        yield CheckResult("model", False, line, "See the message.")
    yield from asyncio.run(_endpoints(sweep))


async def _endpoints(sweep: object) -> list[CheckResult]:
    from ragscout.engine.session import open_runtime
    from ragscout.model.outcome import Message, Unfilled
    from ragscout.model.runtime import ChatRequest
    from ragscout.sweep import Sweep

    assert isinstance(sweep, Sweep)
    opening = sweep.prepared.opening
    runtime = open_runtime(sweep.store, sweep.id, opening)
    found: list[CheckResult] = []
    try:
        for connection in opening.connections:
            request = ChatRequest(connection.identity_model(), (Message("user", "Say OK."),), max_tokens=4)
            outcome = await runtime.chat(request, "data")
            bad = isinstance(outcome, Unfilled)
            seen = outcome.detail if isinstance(outcome, Unfilled) else "answers"
            found.append(CheckResult(f"connection {connection.name}", not bad, seen, "See the message."))
    finally:
        await runtime.close()
    return found

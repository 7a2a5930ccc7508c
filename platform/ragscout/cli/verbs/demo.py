"""``ragscout demo``: the main job from nothing to an exported bundle; ``--quick`` needs no download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragscout.cli.support.output import StoreOption, console, fail, say, size

if TYPE_CHECKING:
    from ragscout.sweep import Sweep


def run(
    quick: Annotated[bool, typer.Option("--quick", help="No model, no download: a board within a minute.")] = False,
    korean: Annotated[bool, typer.Option("--korean", help="The Korean quickstart.")] = False,
    store: StoreOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the bundle goes.")] = Path("demo.bundle"),
) -> None:
    """Run the demonstration sweep, show the leaderboard, export the recommended configuration, say what to do next."""
    from ragscout.cli.verbs import sweep as verb
    from ragscout.demo import checkout, quick_sweep
    from ragscout.model.errors import SpecError
    from ragscout.sweep import Sweep

    root = checkout()
    if quick:
        file = quick_sweep()
    elif root is None:
        raise SpecError(
            "demo: the full demonstration needs the source checkout; got a wheel. Use ragscout demo --quick."
        )
    else:
        file = _with_what_there_is(root / "experiments" / ("quickstart-ko.yaml" if korean else "quickstart.yaml"))
    verb.run(str(file), store=store)
    sweep = Sweep.load(file, store)
    path = sweep.export(output)
    question = _answered_rightly(sweep)
    say(f"\nThe recommended configuration is now a pipeline that runs: {path}")
    say("Next:")
    say(f'  ragscout ask {path} "{question}"')
    say(f"  ragscout verify {path}")
    say("  ragscout mlflow")
    if not quick:
        say("Which of 60 ways to search finds the evidence, on 71 pages of PostgreSQL's documentation:")
        say("  ragscout sweep experiments/quickstart-retrieval.yaml")
    say("Your own documents and questions:")
    say("  ragscout init DOCS_FOLDER QUESTIONS.xlsx && ragscout sweep sweep.yaml")


def _answered_rightly(sweep: Sweep) -> str:
    """Return the first question to try: the one that the recommended row answers best, by the goal and then by the
    other figures in the order of the board."""
    from ragscout.model.results.measured import goal_value

    snapshot = sweep.view.snapshot()
    recommended, goal = snapshot.board.recommended(), snapshot.board.goal
    row = next(row for row in snapshot.rows if recommended is None or row.configuration.key == recommended.key)
    figures = sorted(snapshot.figures, key=lambda figure: figure.name != goal.metric)

    def merit(name: str) -> list[float]:
        found = [(figure, goal_value(row.scores[name].get(figure.name), figure)) for figure in figures]
        return [(1 if figure.higher_is_better else -1) * value for figure, value in found if value is not None]

    return next(item.text for item in sweep.prepared.questions if item.id == max(row.scores, key=merit))


def _with_what_there_is(file: Path) -> Path:
    """Return the sweep file after fetching its models; what cannot be had is left out and said, so that the demo
    completes."""
    from ragscout.model.errors import StepError
    from ragscout.providers.assets import Resolver
    from ragscout.providers.network import NetworkPolicy

    resolver = Resolver(policy=NetworkPolicy())
    rows = {row.alias: row for row in resolver.status()}
    data = _yaml(file)
    wanted = _aliases(data)
    missing = [alias for alias in wanted if alias in rows and not rows[alias].place]
    if missing:
        total = sum(rows[alias].download for alias in missing)
        say(f"To download once: {', '.join(missing)} ({size(total)}). Sources: ragscout models list --json")
    lost: list[str] = []
    for alias in missing:
        try:
            _pull(resolver, alias)
        except StepError as error:
            fail(f"{alias}: {error}")
            lost.append(alias)
    if not lost:
        return file
    say(f"Going on without {', '.join(lost)}; the board will say which columns and rows are missing.")
    reduced = file.with_name(f".{file.stem}-reduced.yaml")
    _dump(_without(data, set(lost)), reduced)
    return reduced


def _pull(resolver: Any, alias: str) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console()) as bar:
        task = bar.add_task(alias, total=None)
        resolver.pull(alias, lambda done, total: bar.update(task, completed=done, total=total or None))


def _yaml(file: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    data: dict[str, Any] = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    return data


def _dump(data: dict[str, Any], file: Path) -> None:
    from ruamel.yaml import YAML

    with file.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(data, stream)


def _aliases(data: dict[str, Any]) -> list[str]:
    """Models that a quickstart needs: connections by alias, its embedder, and the data of METEOR."""
    connections = [str(item["alias"]) for item in data["models"].values()]
    return list(dict.fromkeys([*connections, str(data["pipeline"]["embed"]), "wordnet"]))


def _without(data: dict[str, Any], lost: set[str]) -> dict[str, Any]:
    gone = {name for name, item in data["models"].items() if item["alias"] in lost}
    data["models"] = {name: item for name, item in data["models"].items() if name not in gone}
    pipeline = data["pipeline"]
    if pipeline["embed"] in lost:
        pipeline["embed"] = "hashing"
    pipeline["generate"] = [item for item in pipeline["generate"] if not _uses(item, gone)]
    return data


def _uses(item: Any, names: set[str]) -> bool:
    return isinstance(item, dict) and item.get("model") in names

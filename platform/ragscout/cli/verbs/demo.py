"""``ragscout demo``: the main job from nothing to an exported bundle; ``--quick`` needs no download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ragscout.cli.support.output import StoreOption, console, fail, say, size


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
    question = sweep.prepared.questions[0].text
    say(f"\nThe recommended configuration is now a pipeline that runs: {path}")
    say("Next:")
    say(f'  ragscout ask {path} "{question}"')
    say(f"  ragscout verify {path}")
    say("  ragscout mlflow")
    say("Your own documents and questions:")
    say("  ragscout init DOCS_FOLDER QUESTIONS.xlsx && ragscout sweep sweep.yaml")


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
    """Models that a quickstart needs: connections by alias, embedders by name, and the data of METEOR."""
    found = [str(item["alias"]) for item in data.get("models", {}).values()]
    for item in data["pipeline"].get("embed", []):
        found.append(str(item["model"]) if isinstance(item, dict) else str(item))
    return list(dict.fromkeys([*found, "wordnet"]))


def _without(data: dict[str, Any], lost: set[str]) -> dict[str, Any]:
    gone = {name for name, item in data.get("models", {}).items() if item["alias"] in lost}
    data["models"] = {name: item for name, item in data.get("models", {}).items() if name not in gone}
    pipeline = data["pipeline"]
    pipeline["embed"] = [item for item in pipeline["embed"] if not _uses(item, lost)] or ["use-multilingual"]
    pipeline["generate"] = [item for item in pipeline["generate"] if not _uses(item, gone)] or ["extractive"]
    measure = data["measure"]
    measure["answer"] = [item for item in measure["answer"] if not _uses(item, gone)]
    if str(data["goal"]["maximize"]).startswith("judge.") and not any(
        isinstance(item, dict) and item.get("use") == "judge" for item in measure["answer"]
    ):
        data["goal"] = {"maximize": "meteor"}
    return data


def _uses(item: Any, names: set[str]) -> bool:
    return (item.get("model") if isinstance(item, dict) else item) in names

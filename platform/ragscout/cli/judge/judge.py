"""``ragscout judge label|compare|report``: whether people confirm the judge, and which judge they confirm most."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, console, remark, say, words_of
from ragscout.words import Words

if TYPE_CHECKING:
    from ragscout.cli.judge.bench import Bench
    from ragscout.judges.labels import Label
    from ragscout.judges.sample import Item

app = typer.Typer(
    help="Label answers, compare judges on the labels, report how far a judge can be trusted.", no_args_is_help=True
)
File = Annotated[Path, typer.Argument(help="The sweep file (YAML); its answers must be in the store.")]
Criterion = Annotated[str, typer.Option(help="What is judged. Default: the goal's criterion, else correctness.")]
SHORT = 16
"""Digits of an answer's identity in a sheet."""


@app.command("label")
def label(
    file: File,
    store: StoreOption = None,
    sample: Annotated[int, typer.Option(min=1, help="Answers to label.")] = 50,
    labeller: Annotated[str, typer.Option(help="Who labels. Default: the name of the account.")] = "",
    criterion: Criterion = "",
    scale: Annotated[str, typer.Option(help="levels (the judge's), or right (right or wrong).")] = "levels",
    seed: Annotated[int | None, typer.Option(help="Seed of the sample. Default: the sweep's.")] = None,
    export: Annotated[Path | None, typer.Option("--export", help="Write a blind sheet (.xlsx or .csv).")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="Read a labelled sheet back.")] = None,
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Label answers of a sweep or pilot: in the terminal, or in a sheet. Configuration, model and score are hidden."""
    from ragscout.cli.judge.bench import open_bench
    from ragscout.cli.judge.terminal import ask_all
    from ragscout.judges.sample import choose
    from ragscout.model.errors import ParameterError

    if scale not in ("levels", "right"):
        raise ParameterError(f"--scale: unknown; got {scale!r}. Allowed: levels, right.")
    who = labeller.strip() or _account()
    bench = open_bench(file, store, criterion)
    lang = words_of(language, bench.sweep.prepared.eval_set)
    said = bench.labels
    chosen = choose(bench.items, sample, bench.sweep.spec.seed if seed is None else seed, {item.item for item in said})
    mine = {item.item for item in said if item.labeller == who}
    open_ = [item for item in chosen if item.key not in mine]
    levels = bench.levels if scale == "levels" else 2
    summary: dict[str, Any]
    if import_ is not None:
        summary = _import(bench, import_, who, levels)
    elif export is not None:
        summary = _export(bench, export, open_, levels)
    else:
        show = remark if json_output else say
        summary = {"new": ask_all(bench, chosen, open_, who, levels, lang, show)}
    done = {item.item for item in bench.labels if item.labeller == who}
    summary |= {"labeller": who, "criterion": bench.criterion, "sample": len(chosen)}
    summary |= {"labelled": sum(item.key in done for item in chosen), "labels": len(bench.labels)}
    if json_output:
        as_json(summary)
    else:
        counts = {"labelled": summary["labelled"], "sample": summary["sample"]}
        say(Words(lang)("label.done", who=who, **counts, file=str(file)))


@app.command("compare")
def compare(
    file: File,
    judges: Annotated[list[str], typer.Argument(help="Names under models: in the sweep file.")],
    store: StoreOption = None,
    criterion: Criterion = "",
    reason: Annotated[str, typer.Option(help="Reason modes, comma-separated.")] = "none,before,after",
    anchors: Annotated[str, typer.Option(help="Rubric forms: ends, all, or both. Default: the sweep's.")] = "",
    levels: Annotated[str, typer.Option(help="Lengths of the scale, comma-separated. Default: the sweep's.")] = "",
    answers: Annotated[int, typer.Option(min=2, help="Labelled answers to judge, in a fixed random order.")] = 1000,
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Rank judges, rubrics and reason modes by their agreement with people; what is in the store is not asked again."""
    from ragscout.cli.judge.bench import open_bench
    from ragscout.cli.judge.compare import Ticker, contenders_of, exhibits
    from ragscout.judges.asking import judge_all
    from ragscout.judges.compare import compared
    from ragscout.judges.text import comparison_json, comparison_table

    bench = open_bench(file, store, criterion)
    words = Words(words_of(language, bench.sweep.prepared.eval_set))
    found = contenders_of(bench, judges, _words(reason), _words(anchors), _words(levels), file)
    labels = bench.labels
    keys = {item.item for item in labels}
    # items are sorted by their digest: the first ones are a random sample that a larger one extends
    labelled = [item for item in bench.items if item.key in keys][:answers]
    if not json_output:
        requests = len(found) * len(labelled)
        say(words("judges.compared", judges=len(found), answers=len(labelled), requests=requests))
    sweep = bench.sweep
    shown = exhibits(bench, labelled)
    ticker = Ticker(len(found) * len(shown))
    judgements = judge_all(sweep.prepared, sweep.store, [item.judge for item in found], shown, ticker)
    rows = compared(found, judgements, bench.items, labelled, labels)
    if json_output:
        as_json(
            {"criterion": bench.criterion, "answers": len(labelled), "rows": [comparison_json(row) for row in rows]}
        )
    else:
        console().print(comparison_table(rows, sweep.prepared.currency, words.language))
        say(words("judges.legend"))
    if any(row.open for row in rows):
        raise typer.Exit(3)


@app.command("report")
def report(
    file: File,
    store: StoreOption = None,
    criterion: Criterion = "",
    language: Language = "",
    json_output: Json = False,
) -> None:
    """Agreement with people, bias, errors and noise of the sweep's judge. Exit status 1: below 0.6, or 30 labels."""
    from ragscout.cli.judge.bench import open_bench
    from ragscout.judges.people import disputed
    from ragscout.judges.sweep import reported
    from ragscout.judges.text import report_json, report_lines
    from ragscout.model.errors import SpecError

    bench = open_bench(file, store, criterion)
    if bench.judged is None:
        raise SpecError(
            f"{file}: the sweep has no judge for {bench.criterion}; got none under measure.answer. Add "
            f"{{use: judge, model: NAME, criteria: [{bench.criterion}]}}."
        )
    labels = bench.labels
    made = reported(bench.judged, bench.items, labels)
    apart = disputed(labels, bench.judged.scale)
    if json_output:
        as_json(report_json(made, apart))
    else:
        for line in report_lines(made, apart, words_of(language, bench.sweep.prepared.eval_set)):
            say(line)
    if made.state != "calibrated":
        raise typer.Exit(1)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no account, as in some containers
        return "me"


def _export(bench: Bench, path: Path, chosen: list[Item], levels: int) -> dict[str, Any]:
    from ragscout.cli.judge.terminal import guide, passages_of
    from ragscout.curate.label_sheet import SheetRow, write_sheet

    rows = [
        SheetRow(
            item.key[:SHORT], item.question.text, item.question.references, item.answer, tuple(passages_of(bench, item))
        )
        for item in chosen
    ]
    lines = [line for lang in ("en", "ko") for line in guide(bench, levels, lang)]
    write_sheet(path, rows, lines)
    return {"exported": len(rows), "file": str(path)}


def _import(bench: Bench, path: Path, who: str, levels: int) -> dict[str, Any]:
    from ragscout.curate.label_sheet import level_of, read_sheet
    from ragscout.judges.labels import Label
    from ragscout.model.errors import EvalSetError

    by_short = {item.key[:SHORT]: item for item in bench.items}
    known = {item.item: item for item in bench.labels if item.labeller == who}
    made: list[Label] = []
    counts = {"new": 0, "changed": 0, "unchanged": 0, "empty": 0, "unknown": 0}
    for row in read_sheet(path):
        item = by_short.get(row.id.lstrip("'"))
        if not row.label:
            counts["empty"] += 1
            continue
        if item is None:
            counts["unknown"] += 1
            continue
        level = level_of(row.label, levels)
        if level is None:
            raise EvalSetError(
                f"{path}: line {row.line}: not a label; got {row.label!r}. Write a level from 1 to {levels}, or right "
                "or wrong. Nothing was imported."
            )
        label = Label(item.key, bench.criterion, who, *level, item.question.text, item.answer, row.comment)
        before = known.get(item.key)
        if before is not None and (before.level, before.levels, before.comment) == (*level, row.comment):
            counts["unchanged"] += 1
            continue
        counts["new" if before is None else "changed"] += 1
        made.append(label)
    bench.keep(made)
    return counts

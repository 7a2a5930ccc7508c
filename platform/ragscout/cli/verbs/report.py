"""``ragscout report FILE``: one HTML file that says what to use and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.support.output import Json, Language, StoreOption, as_json, say, words_of, write


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file. Default: SWEEP.report.html.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Also write the charts as PNG and SVG into this folder.")] = None,
    language: Language = "",
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Write the report of a sweep: a decision page, then the material behind it. Nothing is computed anew."""
    from ragscout.report.figures import write_figures
    from ragscout.report.html import report
    from ragscout.report.of_sweep import material_of
    from ragscout.sweep import Sweep

    sweep = Sweep.load(file, store)
    words = words_of(language, sweep.prepared.eval_set)
    material = material_of(sweep.prepared, sweep.store, words)(sweep.view.snapshot())
    path = output or Path(f"{sweep.spec.sweep}.report.html")
    write(path, report(material))
    drawn = write_figures(material, figures) if figures is not None else []
    if json_output:
        as_json({"report": str(path), "figures": [str(item) for item in drawn], "language": material.language})
        return
    say(f"Wrote {path}.")
    if figures is not None:
        say(f"Wrote {len(drawn)} files into {figures}.")

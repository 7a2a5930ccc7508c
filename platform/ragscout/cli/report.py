"""``ragscout report FILE``: one HTML file that says what to use and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragscout.cli.output import Json, StoreOption, as_json, say


def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file. Default: SWEEP.report.html.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Also write the charts as PNG and SVG into this folder.")] = None,
    language: Annotated[str, typer.Option(help="en or ko. Default: the language of the questions.")] = "",
    store: StoreOption = None,
    json_output: Json = False,
) -> None:
    """Write the report of a sweep: a decision page, then the material behind it. Nothing is computed anew."""
    from ragscout.model.errors import SpecError
    from ragscout.report.figures import write_figures
    from ragscout.report.html import report
    from ragscout.report.of_sweep import material_of
    from ragscout.sweep import Sweep

    if language not in ("", "en", "ko"):
        raise SpecError(f"--language: there are pages in English and Korean; got {language!r}. Write en or ko.")
    sweep = Sweep.load(file, store)
    material = material_of(sweep.prepared, sweep.store, language)(sweep.view.snapshot())
    path = output or Path(f"{sweep.spec.sweep}.report.html")
    path.write_bytes(report(material))
    drawn = write_figures(material, figures) if figures is not None else []
    if json_output:
        as_json({"report": str(path), "figures": [str(item) for item in drawn], "language": material.language})
        return
    say(f"Wrote {path}.")
    if figures is not None:
        say(f"Wrote {len(drawn)} files into {figures}.")

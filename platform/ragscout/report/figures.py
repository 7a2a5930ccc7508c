"""The report's charts as files."""

from __future__ import annotations

from pathlib import Path

from ragscout.board.show.table import visible
from ragscout.model.errors import ParameterError
from ragscout.report import charts
from ragscout.report.audit_section import agreement_charts, audit_of
from ragscout.report.drawing import Drawing, png, svg
from ragscout.report.html import MATRIX_QUESTIONS, hardest_first
from ragscout.report.material import ReportMaterial


def figures(material: ReportMaterial) -> dict[str, Drawing]:
    """Name to chart; what is not known is left out."""
    board, lang = material.snapshot.board, material.language
    limit = material.limits.get("usd_per_1k")
    rows = [row for row in visible(board) if row.answered]
    questions = [question for question, _ in hardest_first(material, rows)][:MATRIX_QUESTIONS]
    found = {
        "decision": charts.quality_chart(board, lang, limit),
        "pareto": charts.quality_chart(board, lang, limit, everything=True),
        "effects": charts.effects_chart(material.effects.effects(), board.goal, lang),
        "questions": charts.matrix_chart(material.snapshot, rows, questions, lang) if questions else None,
    }
    for number, item in enumerate(material.effects.interactions(), 1):
        found[f"interaction{number}"] = charts.interaction_chart(item, board.goal, lang)
    audit = audit_of(material.snapshot)
    for number, drawing in enumerate(agreement_charts(audit, lang) if audit is not None else [], 1):
        found[f"agreement{number}"] = drawing
    return {name: drawing for name, drawing in found.items() if drawing is not None}


def write_figures(material: ReportMaterial, folder: Path) -> list[Path]:
    """Write every chart as PNG and SVG into a folder; gives the files.

    Raises:
        ParameterError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(
            f"{folder}: no folder can be made here; got {error.strerror}. Name another place."
        ) from None
    made = []
    for name, drawing in figures(material).items():
        (folder / f"{name}.svg").write_text(svg(drawing, standalone=True), encoding="utf-8")
        (folder / f"{name}.png").write_bytes(png(drawing))
        made += [folder / f"{name}.svg", folder / f"{name}.png"]
    return made

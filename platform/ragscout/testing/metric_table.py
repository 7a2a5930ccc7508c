"""The table of every metric for ``docs/metrics.md``, made of the registry.

``python -m ragscout.testing.metric_table [FILE]`` writes it into the page, between its two marks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.runtime import ChatModel
from ragscout.model.stages import STAGES
from ragscout.model.step import make, steps_of

PAGE = Path("docs/metrics.md")
BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"
_MODEL = ChatModel("PROVIDER", "MODEL")


def metrics() -> Iterator[MeasureStep]:
    """Every registered metric with its defaults; those that need a parameter with an example of it."""
    import ragscout.steps  # noqa: F401 - fills the registry
    from ragscout.steps.measure.judge.prompt import BUILT_IN
    from ragscout.steps.measure.outside.ragas_boundary import FIELDS

    given: dict[str, list[dict[str, Any]]] = {
        "judge": [{"model": _MODEL, "criteria": BUILT_IN}],
        "ragas": [{"metric": name, "model": _MODEL} for name in FIELDS],
        "evaluate": [{"module": "./MODULE", "sha256": "0" * 64}],
        "moverscore": [],  # a name that says what replaces it
    }
    # a plugin's or a test's own metrics are no part of the page
    packaged = (name for name, cls in steps_of("measure").items() if cls.__module__.startswith("ragscout.steps."))
    for name in packaged:
        for parameters in given.get(name, [{}]):
            made = make("measure", name, parameters)
            assert isinstance(made, MeasureStep)
            yield made


def table() -> str:
    """Markdown, one line for each metric, answer metrics first. Versions and digests in signatures are shown as
    ``*``, since they are this machine's."""
    lines = [
        "| figures | range | better | needs | languages | extra | signature |",
        "|:--|:--|:--|:--|:--|:--|:--|",
    ]
    for metric in sorted(metrics(), key=lambda item: (item.family != "answer", item.name)):
        figures = metric.figures()
        cells = (
            ", ".join(f"`{figure.name}`" for figure in figures),
            _range(figures[0]),
            "higher" if figures[0].higher_is_better else "lower",
            ", ".join(_needs(metric)),
            ", ".join(metric.known_languages()) or "any",
            metric.extra or "–",
            f"`{_general(metric.signature())}`",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _needs(metric: MeasureStep) -> list[str]:
    """Return what of a question, an answer and a sweep file a metric needs."""
    from ragscout.steps.measure.base import TextMetric
    from ragscout.steps.measure.outside.ragas_boundary import FIELDS

    if metric.name == "ragas":
        words = {"response": "answer", "reference": "reference", "retrieved_contexts": "passages"}
        found = [words[name] for name in FIELDS[str(metric.parameters()["metric"])] if name in words]
    else:
        found = list(dict.fromkeys(word for stage in metric.uses if (word := STAGES[stage].holds)))
        found += ["reference"] if isinstance(metric, TextMetric) or metric.name == "reference_coverage" else []
        found += ["reference (correctness, completeness)"] if metric.name == "judge" else []
    return found + (["judge"] if metric.parameters().get("model") == _MODEL else [])


def written(page: str) -> str:
    """Return the table that a page holds.

    Raises:
        ValueError: the page has no marks.
    """
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[begin:end].strip() + "\n"


def _range(figure: Figure) -> str:
    return f"{figure.low:g}..{figure.high:g}" + ("" if figure.unit == "share" else f" {figure.unit}")


def _general(signature: str) -> str:
    text = re.sub(r"(version:|bert-score:|transformers:|nltk:|kiwipiepy |sha256:)[\w.]+", r"\1*", signature)
    return text.replace("(characters)", "(kiwipiepy *)")


def main() -> None:
    """Write the table into the page."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    page = path.read_text("utf-8")
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    path.write_text(f"{page[:begin]}\n{table()}{page[end:]}", "utf-8")


if __name__ == "__main__":
    main()

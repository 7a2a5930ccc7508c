"""The tables of stages, steps and retrievers for ``docs/pipeline.md``, made of the stage table and the registry.

``python -m ragscout.testing.stage_table [FILE]`` writes them into the page, each between its two marks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ragscout.model.outcome import Scores
from ragscout.model.stages import STAGES, Stage, configured, keys
from ragscout.model.step import Step, steps_of
from ragscout.steps.retrievers import KEY, recipes

PAGE = Path("docs/pipeline.md")
_PLACES = {
    "root": "the files",
    "frozen": "a training split",
    "measuring": "beside configurations",
    "reserved": "reserved",
}


def stage_table() -> str:
    """One line for each stage: where a sweep file names it, what it reads, what it gives."""
    lines = ["| stage | key | reads | value | one value per | default |", "|:--|:--|:--|:--|:--|:--|"]
    for name, item in STAGES.items():
        default = f"`{item.default_step.use}`" if item.default_step is not None else "–"
        grain = "question" if item.grain == "question" else "corpus"
        value = "Scores" if item.value is Scores else item.value.__name__
        lines.append(f"| {name} | {_key(name, item)} | {_read(item)} | {value} | {grain} | {default} |")
    return "\n".join(lines)


def step_table() -> str:
    """One line for each step of a key that names one stage."""
    lines = ["| key | step | what it does |", "|:--|:--|:--|"]
    for key, held in keys().items():
        for name, cls in steps_of(held[0]).items() if key != KEY else ():
            if _packaged(cls):
                lines.append(f"| {key} | `{name}` | {_cell(cls.__doc__ or '')} |")
    return "\n".join(lines)


def retriever_table() -> str:
    """One line for each name under ``retriever:``."""
    lines = ["| retriever | parts | what it does |", "|:--|:--|:--|"]
    for name, made in recipes().items():
        lexicon = steps_of("lexicon").get(name)
        if lexicon is None or _packaged(lexicon):
            parts = ", ".join(f"{part}: `{use}`" for part, use in made.steps.items())
            lines.append(f"| `{name}` | {parts} | {_cell(made.help)} |")
    return "\n".join(lines)


TABLES = {"stages": stage_table, "steps": step_table, "retrievers": retriever_table}


def rewritten(page: str) -> str:
    """Return the page with its tables as they are now.

    Raises:
        ValueError: a mark is missing.
    """
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        at, to = page.index(begin) + len(begin), page.index(end)
        page = f"{page[:at]}\n{table()}\n{page[to:]}"
    return page


def _packaged(cls: type[Step]) -> bool:
    """Whether a step is ours: a plugin's or a test's are no part of the page."""
    return cls.__module__.startswith("ragscout.steps.")


def _key(name: str, item: Stage) -> str:
    return f"`{item.key}`" if name in configured() else _PLACES[item.place]


def _read(item: Stage) -> str:
    """Return what its steps read, in brackets what only those read that ask for it."""
    return ", ".join([*item.inputs, *(f"({name})" for name in item.on_request)]) or "–"


def _cell(text: str) -> str:
    first = " ".join(re.split(r"\n\s*\n", text.strip())[0].split())
    return first.replace("``", "`").replace("|", "\\|")


def main() -> None:
    """Write the tables into the page."""
    import ragscout.steps  # noqa: F401 - fills the registry

    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    path.write_text(rewritten(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

"""What the board says of a corpus sample, and the section ``sample against whole``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.model.markdown import table
from ragscout.model.results.board import Board, BoardLanguage, Note
from ragscout.model.results.corpus_sample import CorpusSample, SampledPrefix
from ragscout.words import Words, phrase

if TYPE_CHECKING:
    from rich.console import Console


def sample_notes(sample: CorpusSample | None) -> tuple[Note, ...]:
    """Return what the board must say about a sample, or why there was none."""
    if sample is None:
        return ()
    if sample.why:
        return (Note("sample_failed", {"why": sample.why}),)
    sizes = {"documents": sample.documents, "of": sample.of, "evidence": sample.evidence}
    if not sample.used:
        return (Note("sample_off", sizes),)
    name, rho = next(iter((sample.agreement or {}).items()), ("", 0.0))
    known = phrase("note_part.sample_agrees", rho=rho, metric=name, compared=sample.compared) if name else ""
    return (Note("sampled", {**sizes, "nearest": sample.nearest, "random": sample.random, "agreement": known}),)


def print_sample(board: Board, console: Console, language: BoardLanguage, most: int | None) -> None:
    """Print the section in a terminal; ``most``: prefixes shown, ``None`` for all. Print nothing without a sample."""
    if board.sample is None or not board.sample.prefixes:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    heads, lines = sample_table(board.sample, board.questions, language)
    shown = Table(title=Text(Words(language)("sample.title")), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for number, head in enumerate(heads):
        shown.add_column(Text(head), justify="right" if number else "left", overflow="fold", no_wrap=number > 0)
    for line in lines[:most]:
        shown.add_row(*map(Text, line))
    console.print(shown)


def sample_markdown(board: Board, language: BoardLanguage) -> list[str]:
    """Return the section as lines of Markdown; none without a sample."""
    if board.sample is None or not board.sample.prefixes:
        return []
    heads, lines = sample_table(board.sample, board.questions, language)
    return ["", f"### {Words(language)('sample.title')}", "", *table(heads, lines, [True, *(False for _ in heads[1:])])]


def sample_table(sample: CorpusSample, questions: int, language: BoardLanguage) -> tuple[list[str], list[list[str]]]:
    """Headings and cells: per figure the sampled mean, marked, and the one on the whole corpus."""
    words = Words(language)
    heads = [words("sample.name"), words("sample.n")]
    for name in sample.figures:
        heads += [f"{name} {words('sample.sampled')}", name]
    return heads, [_line(prefix, sample.figures, questions, language) for prefix in sample.prefixes]


def _line(prefix: SampledPrefix, figures: tuple[str, ...], questions: int, language: BoardLanguage) -> list[str]:
    cells = [prefix.name, f"{prefix.asked}/{questions}"]
    for name in figures:
        whole = prefix.whole.get(name)
        cells += [sampled_cell(prefix.sampled.get(name), language), "–" if whole is None else f"{whole:.3f}"]
    return cells


def sampled_cell(value: float | None, language: BoardLanguage) -> str:
    """``~0.612 sampled``; ``–`` without a value."""
    return "–" if value is None else f"~{value:.3f} {Words(language)('sample.sampled')}"

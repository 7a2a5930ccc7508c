"""What the board says of a corpus sample, and the section ``sample against whole``, in English and Korean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ragscout.model.board import Board, BoardLanguage, Note
from ragscout.model.corpus_sample import CorpusSample, SampledPrefix

if TYPE_CHECKING:
    from rich.console import Console

WORDS = {
    "en": {"title": "Sample against whole", "name": "retrieval", "sampled": "sampled", "n": "n/N whole"},
    "ko": {"title": "표본과 전체", "name": "검색 구성", "sampled": "표본", "n": "전체 n/N"},
}


def sample_notes(sample: CorpusSample | None) -> tuple[Note, ...]:
    """What the board must say about a sample, or why there was none."""
    if sample is None:
        return ()
    if sample.why:
        return (
            Note(
                "sample_off",
                f"The corpus sample could not be made ({sample.why}); retrieval was ranked on the whole corpus.",
                f"문서 표본을 만들지 못해({sample.why}) 검색 순위를 전체 문서에서 매겼습니다.",
            ),
        )
    if not sample.used:
        return (
            Note(
                "sample_off",
                f"The corpus sample would hold {sample.documents:,} of {sample.of:,} documents "
                f"({sample.evidence:,} carry evidence) and save too little: it was not used.",
                f"문서 표본이 전체 {sample.of:,}개 중 {sample.documents:,}개(근거 문서 {sample.evidence:,}개)라 절약이 "
                "적어 쓰지 않았습니다.",
            ),
        )
    name, rho = next(iter((sample.agreement or {}).items()), ("", 0.0))
    en = f" Where both are known they rank prefixes with Spearman {rho:.2f} ({name}, {sample.compared} prefixes)."
    ko = f" 둘 다 측정한 검색 구성 {sample.compared}개의 순위 상관(스피어만)은 {rho:.2f}입니다({name})."
    return (
        Note(
            "sampled",
            f"Retrieval was first ranked on a sample of {sample.documents:,} of {sample.of:,} documents "
            f"({sample.evidence:,} with evidence, {sample.nearest:,} nearest distractors, {sample.random:,} random). "
            "Figures marked ~ are from there and only guided the search; every row is measured on the whole corpus."
            + (en if name else ""),
            f"검색 순위를 먼저 문서 {sample.of:,}개 중 {sample.documents:,}개 표본에서 매겼습니다(근거 문서 "
            f"{sample.evidence:,}개, 가까운 오답 문서 {sample.nearest:,}개, 무작위 {sample.random:,}개). ~ 표시는 표본 "
            "수치로 탐색을 안내했을 뿐이며, 모든 행은 전체 문서에서 측정했습니다." + (ko if name else ""),
        ),
    )


def print_sample(board: Board, console: Console, language: BoardLanguage, most: int | None) -> None:
    """The section in a terminal; ``most``: prefixes shown, ``None`` for all. Nothing without a sample."""
    if board.sample is None or not board.sample.prefixes:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    heads, lines = sample_table(board.sample, board.questions, language)
    table = Table(title=Text(WORDS[language]["title"]), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if number else "left", overflow="fold", no_wrap=number > 0)
    for line in lines[:most]:
        table.add_row(*map(Text, line))
    console.print(table)


def sample_markdown(board: Board, language: BoardLanguage, escape: Callable[[str], str]) -> list[str]:
    """The section as lines of Markdown; none without a sample."""
    if board.sample is None or not board.sample.prefixes:
        return []
    heads, lines = sample_table(board.sample, board.questions, language)
    rows = ["| " + " | ".join(map(escape, line)) + " |" for line in (heads, *lines)]
    rule = "|:--|" + "--:|" * (len(heads) - 1)
    return ["", f"### {WORDS[language]['title']}", "", rows[0], rule, *rows[1:]]


def sample_table(sample: CorpusSample, questions: int, language: BoardLanguage) -> tuple[list[str], list[list[str]]]:
    """Headings and cells: per figure the sampled mean, marked, and the one on the whole corpus."""
    words = WORDS[language]
    heads = [words["name"], words["n"]]
    for name in sample.figures:
        heads += [f"{name} {words['sampled']}", name]
    return heads, [_line(prefix, sample.figures, questions, language) for prefix in sample.prefixes]


def _line(prefix: SampledPrefix, figures: tuple[str, ...], questions: int, language: BoardLanguage) -> list[str]:
    cells = [prefix.name, f"{prefix.asked}/{questions}"]
    for name in figures:
        whole = prefix.whole.get(name)
        cells += [sampled_cell(prefix.sampled.get(name), language), "–" if whole is None else f"{whole:.3f}"]
    return cells


def sampled_cell(value: float | None, language: BoardLanguage) -> str:
    """``~0.612 sampled``; ``–`` without a value."""
    return "–" if value is None else f"~{value:.3f} {WORDS[language]['sampled']}"

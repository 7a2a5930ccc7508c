"""The parse report: files read, partly read and not, pages and their troubles, the ten worst files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ragscout.model.text import script
from ragscout.providers.parse import ParsedFile

WORST = 10
_SAMPLE = 4000  # characters of a document whose letters are counted
_LOST = ("password", "unreadable", "no_text", "broken_map")


@dataclass
class FileParse:
    """What became of one document file. ``letters``/``hangul`` are counted in a sample of each document."""

    path: str
    documents: int
    characters: int
    pages: int
    troubles: dict[str, list[int]]
    said: str
    letters: int
    hangul: int

    @property
    def badness(self) -> tuple[float, float]:
        """What is lost first, then what is doubtful: shares of the pages, 0..1."""
        if not self.documents:
            return 1.0, 1.0
        lost = {page for kind in _LOST for page in self.troubles.get(kind, ())}
        doubtful = {page for pages in self.troubles.values() for page in pages}
        pages = max(self.pages, 1)
        return len(lost) / pages, max(len(doubtful) / pages, 0.01 * bool(self.said))


@dataclass
class ParseReport:
    """Collects what became of the files and gives it as plain values."""

    files: list[FileParse] = field(default_factory=list)

    @property
    def scanned(self) -> tuple[str, ...]:
        """Files without any text that have pages which are pictures."""
        return tuple(item.path for item in self.files if not item.documents and item.troubles.get("no_text"))

    def add(self, path: str, parsed: ParsedFile, documents: int, characters: int) -> None:
        """Note one file: what was parsed (of a large one, its first documents) and how much it held."""
        letters = Counter(
            script(char) == "hangul" for item in parsed.documents for char in item.text[:_SAMPLE] if char.isalpha()
        )
        self.files.append(
            FileParse(
                path,
                documents,
                characters,
                parsed.pages,
                {kind: list(pages) for kind, pages in parsed.troubles.items()},
                " ".join(warning.removeprefix(f"{path}: ") for warning in parsed.warnings),
                sum(letters.values()),
                letters[True],
            )
        )

    def as_json(self) -> dict[str, Any]:
        """``read``, ``partly``, ``unread`` files; ``pages``; ``characters``; ``characters_per_page`` of files with
        pages; ``hangul`` share of the letters, 0..1; ``troubles``: kind to pages; ``worst``: at most ten files."""
        if not self.files:
            return {}
        paged = [item for item in self.files if item.pages]
        pages = sum(item.pages for item in paged)
        letters = sum(item.letters for item in self.files)
        troubles: Counter[str] = Counter()
        for item in self.files:
            troubles.update({kind: len(numbers) for kind, numbers in item.troubles.items()})
        worst = sorted((item for item in self.files if item.said), key=lambda item: item.badness, reverse=True)
        return {
            "read": sum(bool(item.documents) and not item.said for item in self.files),
            "partly": sum(bool(item.documents) and bool(item.said) for item in self.files),
            "unread": sum(not item.documents for item in self.files),
            "pages": pages,
            "characters": sum(item.characters for item in self.files),
            "characters_per_page": round(sum(item.characters for item in paged) / pages) if pages else 0,
            "hangul": round(sum(item.hangul for item in self.files) / letters, 4) if letters else 0.0,
            "troubles": {kind: number for kind, number in sorted(troubles.items()) if number},
            "worst": [
                {"file": item.path, "pages": item.pages, "troubles": item.troubles, "said": item.said}
                for item in worst[:WORST]
            ],
        }


def lines(report: dict[str, Any]) -> Sequence[str]:
    """Return the report for people."""
    if not report:
        return []
    said = f"{report['read']:,} files read, {report['partly']:,} partly, {report['unread']:,} not"
    if report["pages"]:
        said += f"; {report['pages']:,} pages, {report['characters_per_page']:,} characters a page"
    made = [f"  parsing     {said}; Hangul {report['hangul']:.0%}"]
    if report["troubles"]:
        counts = ", ".join(f"{kind.replace('_', ' ')} {number:,}" for kind, number in report["troubles"].items())
        made.append(f"  pages       {counts}")
    for item in report["worst"]:
        said = item["said"] if len(item["said"]) <= 160 else f"{item['said'][:159]}…"
        made.append(f"  worst       {item['file']}: {said}")
    return made

"""What formats collect: questions, documents and judgements as they stand in the files, before they are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.loaded import Loaded
from ragscout.model.text import normalise


@dataclass
class Gold:
    """A piece of evidence as the file states it. ``start``/``end`` count what the file counts (code points, or bytes);
    ``group``:
    alternatives share one, every group is needed, and a piece without a number is a group of its own."""

    document: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None
    group: int | None = None
    label: str = "gold"


@dataclass
class DraftQuestion:
    """A question as read. ``documents``: gold ids as written, one entry may hold several separated by commas."""

    text: str
    file: str
    line: int
    id: str = ""
    references: list[str] = field(default_factory=list)
    answerable: bool | None = None
    evidence: list[Gold] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    type: str = ""
    slice: str = ""
    weight: float = 1.0
    must_pass: bool = False
    meta: dict[str, str] = field(default_factory=dict)
    filter: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class DraftDocument:
    """A document that stands inside a structured file; ``meta``: its metadata columns."""

    id: str
    text: str
    title: str = ""
    file: str = ""
    line: int = 0
    meta: dict[str, str] = field(default_factory=dict)


@dataclass
class RelevanceJudgement:
    """One line of relevance judgements: document ``document`` is relevant to question ``question``."""

    question: str
    document: str
    file: str


@dataclass
class Draft:
    """Everything the files of one upload gave. ``roles``: file to (column to role); ``formats``: file to format."""

    questions: list[DraftQuestion] = field(default_factory=list)
    documents: dict[str, DraftDocument] = field(default_factory=dict)
    judgements: list[RelevanceJudgement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    roles: dict[str, dict[str, str]] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)
    samples: list[dict[str, str]] = field(default_factory=list)

    def add_document(self, document: DraftDocument) -> str:
        """Keep a document and return the id it has: the same text again is the same document, another text under a
        known id is a problem of the file."""
        known = self.documents.get(document.id)
        if known is None:
            self.documents[document.id] = document
        elif known.text != document.text:
            self.findings.append(
                Finding(
                    "document_id_twice",
                    "error",
                    f"two different documents have the id {document.id!r} (lines {known.line} and {document.line})",
                    document.file,
                    document.line,
                    value=document.text,
                    remedy="Give every document its own id.",
                )
            )
        else:
            self.findings.append(
                Finding(
                    "document_twice",
                    "warning",
                    f"the document {document.id!r} stands twice with the same text; one was dropped",
                    document.file,
                    document.line,
                )
            )
        return document.id

    def passage(self, title: str, text: str, file: str, line: int) -> str:
        """Keep a passage without an id of its own; returns the id made from its title and number."""
        base, text = normalise(title).strip() or "passage", normalise(text)
        number = 1
        while True:
            name = base if number == 1 else f"{base}#{number}"
            known = self.documents.get(name)
            if known is None:
                self.documents[name] = DraftDocument(name, text, normalise(title), file, line)
                return name
            if known.text == text:
                return name
            number += 1

    def tell(self, kind: str, text: str, file: str, rows: Iterable[str] = (), remedy: str = "") -> None:
        """Add an ``info`` finding about a file."""
        self.findings.append(Finding(kind, "info", text, file, remedy=remedy, rows=tuple(rows)))


def in_normal_form(raw: str, offset: int | None) -> int | None:
    """Return an offset into a text, moved to where it lies in the text's normal form."""
    return None if offset is None else len(normalise(raw[:offset]))


class Format(Protocol):
    """A format of evaluation data. One small class per format; stateless."""

    name: ClassVar[str]
    title: ClassVar[str]

    def sniff(self, item: Loaded) -> float:
        """How surely this file is of this format, 0..1; 0 when it is not."""
        ...

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """Add the file's questions, documents or judgements. Problems become findings of the draft."""
        ...


F = TypeVar("F")
_FORMATS: dict[str, Format] = {}


def register(cls: Callable[[], F]) -> Callable[[], F]:
    """Class decorator: make the format known under its name."""
    made: Any = cls()
    _FORMATS[made.name] = made
    return cls


def formats() -> Mapping[str, Format]:
    """Return registered formats by name, sorted. Import ``ragscout.data.formats`` first to have them all."""
    return dict(sorted(_FORMATS.items()))

"""Files to documents: the one place where bytes become text.

Nothing is executed or fetched, entities are not expanded, archives are looked through before they are opened. A file
that cannot be used gives no documents and a warning that says why; only a missing optional dependency is an error.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ragscout.model.evalset import Document, SourceFile
from ragscout.model.text import normalise
from ragscout.providers.parsers import office, rows
from ragscout.providers.parsers.decode import decode
from ragscout.providers.parsers.pdf import pdf_text

Html = Literal["text", "main"]
Pdf = Literal["plain", "layout"]

KINDS: dict[str, str] = {
    **dict.fromkeys((".txt", ".text", ".log", ".rst"), "text"),
    **dict.fromkeys((".md", ".markdown", ".mdx"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".pdf": "pdf",
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    ".parquet": "parquet",
    ".docx": "docx",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
}
"""File name suffix to kind of file."""
_MEDIA_TYPES = {
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/pdf": "pdf",
    "application/json": "json",
    "application/jsonl": "json",
    "text/csv": "csv",
}


@dataclass(frozen=True)
class ParsedFile:
    """What a file holds. ``warnings`` are sentences for people that name the file and, for PDF, the pages;
    ``characters`` counts the code points of all documents; ``encoding`` is empty for binary formats."""

    documents: tuple[Document, ...]
    warnings: tuple[str, ...] = ()
    kind: str = ""
    encoding: str = ""

    @property
    def characters(self) -> int:
        """Code points of all documents together."""
        return sum(len(document.text) for document in self.documents)


def kind_of(path: str, media_type: str = "") -> str:
    """Kind of a file by its suffix, else by its media type; empty when no parser reads it."""
    suffix = posixpath.splitext(path)[1].lower()
    return KINDS.get(suffix) or _MEDIA_TYPES.get(media_type.split(";")[0].strip().lower(), "")


def parse(file: SourceFile, data: bytes, *, html: Html = "text", pdf: Pdf = "plain") -> ParsedFile:
    """Documents of one file, texts in the normal form of ``model.text``.

    A file of rows (jsonl, json, csv, parquet) gives one document per row with the row's id (``path#n``, n from 1, where
    it has none); any other file is one document whose id is its path.

    Raises:
        MissingExtraError: docx or pptx without the extra ``documents``.
    """
    kind = kind_of(file.path, file.media_type)
    if not kind:
        return ParsedFile((), (f"{file.path}: skipped, no parser reads this kind of file.",))
    if kind in ("json", "csv", "parquet"):
        return _rows(file, data, kind)
    title, text, encoding = "", "", ""
    problems: list[str] = []
    meta: dict[str, str] = {}
    if kind == "pdf":
        text, problems, pages, title = pdf_text(data, mode=pdf)
        meta = {"pages": " ".join(map(str, pages))} if pages else {}
    elif kind in ("docx", "pptx", "xlsx"):
        text, problem = office.office_text(kind, data)
        problems = [problem] if problem else []
    else:
        raw, encoding = decode(data, markup=kind == "html")
        problems = _lost(raw)
        text = raw
        if kind == "html":
            from ragscout.providers.parsers.html import html_text

            title, text = html_text(raw, mode=html)
    text = normalise(text)
    if not text.strip():
        problems = problems or ["it holds no text"]
        return ParsedFile((), _sentences(file.path, problems), kind, encoding)
    document = Document(file.path, text, normalise(title) or _title(file.path, text, kind), meta)
    return ParsedFile((document,), _sentences(file.path, problems), kind, encoding)


def _rows(file: SourceFile, data: bytes, kind: str) -> ParsedFile:
    read = {"json": rows.json_rows, "csv": rows.csv_rows, "parquet": rows.parquet_rows}[kind]
    found, problems, encoding = read(data)
    names = {name: None for row in found for name in row}
    text_column = rows.column(names, rows.TEXTS)
    if found and text_column is None:
        accepted = ", ".join(rows.TEXTS)
        problems.append(f"no column holds the text; it has {', '.join(map(str, names))}. Name it one of: {accepted}")
    if not found or text_column is None:
        return ParsedFile((), _sentences(file.path, problems or ["it holds no rows"]), kind, encoding)
    id_column, title_column = rows.column(names, rows.IDS), rows.column(names, rows.TITLES)
    documents: dict[str, Document] = {}
    empty, repeated = 0, []
    for number, row in enumerate(found, 1):
        text = normalise(_plain(row.get(text_column)))
        if not text.strip():
            empty += 1
            continue
        name = _plain(row.get(id_column)).strip() if id_column else ""
        name = normalise(name) or f"{file.path}#{number}"
        title = normalise(_plain(row.get(title_column))) if title_column else ""
        if name in documents:
            repeated.append(name)
            if documents[name].text == text:
                continue
            name = f"{name}#{number}"
        documents[name] = Document(name, text, title)
    if empty:
        problems.append(f"{empty} of {len(found)} rows without text are left out")
    if repeated:
        problems.append(f"{len(repeated)} rows repeat an id ({', '.join(repeated[:5])}): equal ones are dropped")
    return ParsedFile(tuple(documents.values()), _sentences(file.path, problems), kind, encoding)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _lost(text: str) -> list[str]:
    lost = text.count("\ufffd")
    return [f"{lost} characters could not be decoded: save it as UTF-8"] if lost else []


def _sentences(path: str, problems: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{path}: {problem.rstrip('.')}." for problem in problems)


_FRONT_TITLE = re.compile(r"\A---\n(?:.*\n)*?title:[ \t]*[\"']?(.+?)[\"']?[ \t]*\n(?:.*\n)*?---\n")
_FIRST_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)


def _title(path: str, text: str, kind: str) -> str:
    if kind in ("markdown", "html", "docx", "pptx"):
        found = _FRONT_TITLE.match(text[:4096]) or _FIRST_HEADING.search(text[:4096])
        if found:
            return found[1].strip()
    return posixpath.splitext(posixpath.basename(path))[0]

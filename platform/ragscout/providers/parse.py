"""Files to documents: the one place where bytes become text.

Nothing is executed or fetched, entities are not expanded, archives are looked through before they are opened. A file
that cannot be used gives no documents and a warning that says why; only a missing optional dependency is an error.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ragscout.model.evalset import Document, SourceFile
from ragscout.model.markdown import heading_text
from ragscout.model.text import normalise
from ragscout.providers.parsers import large, office, rows
from ragscout.providers.parsers.decode import decode, guessed
from ragscout.providers.parsers.hangul import hwp_text
from ragscout.providers.parsers.mail import mail_text
from ragscout.providers.parsers.pdf import pdf_text

Html = Literal["text", "main"]
Pdf = Literal["plain", "layout"]
Ocr = Literal["none", "tesseract"]

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
    ".hwpx": "hwpx",
    ".hwp": "hwp",
    ".eml": "mail",
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
    "message/rfc822": "mail",
    "application/hwp+zip": "hwpx",
    "application/x-hwp": "hwp",
    "application/vnd.hancom.hwp": "hwp",
    "application/vnd.hancom.hwpx": "hwpx",
}


@dataclass(frozen=True)
class ParsedFile:
    """What a file holds. ``warnings`` are sentences for people that name the file and, for PDF, the pages;
    ``characters`` counts the code points of all documents; ``encoding`` is empty for binary formats; ``pages`` is 0
    where the format has none; ``troubles``: kind of trouble to the pages that have it."""

    documents: tuple[Document, ...]
    warnings: tuple[str, ...] = ()
    kind: str = ""
    encoding: str = ""
    pages: int = 0
    troubles: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def characters(self) -> int:
        """Code points of all documents together."""
        return sum(len(document.text) for document in self.documents)


def kind_of(path: str, media_type: str = "") -> str:
    """Kind of a file by its suffix, else by its media type; empty when no parser reads it."""
    suffix = posixpath.splitext(path)[1].lower()
    return KINDS.get(suffix) or _MEDIA_TYPES.get(media_type.split(";")[0].strip().lower(), "")


def parse(
    file: SourceFile,
    data: bytes,
    *,
    html: Html = "text",
    pdf: Pdf = "plain",
    ocr: Ocr = "none",
    ocr_languages: str = "kor+eng",
) -> ParsedFile:
    """Documents of one file, texts in the normal form of ``model.text``.

    A file of rows (jsonl, json, csv, parquet) gives one document per row with the row's id (``path#n``, n from 1, where
    it has none) and its other short columns as metadata; any other file is one document whose id is its path.

    Raises:
        MissingExtraError: pptx without the extra ``documents``.
        StepError: ``ocr`` without the program or its languages.
    """
    kind = kind_of(file.path, file.media_type)
    if not kind:
        return ParsedFile((), (f"{file.path}: skipped, no parser reads this kind of file.",))
    kind, lying = _true_kind(kind, data)
    if lying and kind == "":
        return ParsedFile((), _sentences(file.path, [lying]))
    if kind in ("json", "csv", "parquet"):
        return _rows(file, data, kind)
    if kind == "pdf":
        return _pdf(file, data, pdf, ocr, ocr_languages)
    title, text, encoding = "", "", ""
    problems: list[str] = []
    meta: dict[str, str] = {}
    if kind in ("docx", "pptx", "xlsx", "hwpx"):
        text, problem = office.office_text(kind, data)
        problems = [problem] if problem else []
    elif kind == "hwp":
        text, problem = hwp_text(data)
        problems = [problem] if problem else []
    elif kind == "mail":
        title, text, meta, problems = mail_text(data)
    else:
        text, guess = decode(data, markup=kind == "html")
        encoding, problems = guess.encoding, [*guessed(guess), *_lost(text)]
        if kind == "html":
            from ragscout.providers.parsers.html import html_text

            title, text = html_text(text, mode=html)
    return _one(file, kind, text, title, meta, [*([lying] if lying else []), *problems], encoding)


_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<!doctype\s+html|<html[\s>])", re.IGNORECASE)
_BINARY = {
    b"%PDF-": "a PDF",
    b"\x89PNG\r\n": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"PK\x03\x04": "an archive or an Office file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x1f\x8b": "a gzip archive",
}


def _true_kind(kind: str, data: bytes) -> tuple[str, str]:
    """Kind of a file whose name says text, by its content, and what is to be said; empty when it cannot be read as
    text at all."""
    if kind not in ("text", "markdown"):
        return kind, ""
    content = next((name for mark, name in _BINARY.items() if data.startswith(mark)), "")
    if content:
        return "", f"the content is {content}, the name says text: give it the suffix that it has by right"
    if kind == "text" and _MARKUP.match(data[:1024]):
        return "html", "the content is HTML, the name says text: it was read as HTML"
    return kind, ""


def each_document(
    file: SourceFile,
    data: bytes,
    warnings: list[str],
    *,
    parsed: Callable[[ParsedFile], object] | None = None,
    **how: Any,
) -> Iterator[Document]:
    """Documents of one file as ``parse`` gives them, a large file of rows one at a time; ``warnings`` are complete
    when the last was taken. ``parsed`` is told what became of the file then; ``how``: options of ``parse``."""
    kind = kind_of(file.path, file.media_type)
    if not large.can_stream(file.path, kind, data):
        found = parse(file, data, **how)
        yield from found.documents
        warnings.extend(found.warnings)
    else:
        problems: list[str] = []
        sample: list[Document] = []
        for document in large.stream(file.path, kind, data, problems):
            if len(sample) < _SAMPLED:
                sample.append(document)
            yield document
        found = ParsedFile(tuple(sample), _sentences(file.path, problems), kind, "utf-8")
        warnings.extend(found.warnings)
    if parsed is not None:
        parsed(found)


_SAMPLED = 1000  # documents of a large file that its report looks at


def _one(
    file: SourceFile, kind: str, text: str, title: str, meta: dict[str, str], problems: list[str], encoding: str = ""
) -> ParsedFile:
    """Return a file that is one document."""
    text = normalise(text)
    if not text.strip():
        problems = problems or ["it holds no text"]
        return ParsedFile((), _sentences(file.path, problems), kind, encoding)
    if kind == "markdown":
        meta = _front_matter(text)
    meta = {name: normalise(value) for name, value in meta.items()}
    document = Document(file.path, text, normalise(title).strip() or _title(file.path, text, kind), meta)
    return ParsedFile((document,), _sentences(file.path, problems), kind, encoding)


def _pdf(file: SourceFile, data: bytes, mode: Pdf, ocr: Ocr, languages: str) -> ParsedFile:
    reader = None
    if ocr == "tesseract":
        from ragscout.providers.parsers import recognise

        recognise.version()
        reader = lambda page: recognise.page_text(page, languages)  # noqa: E731 - bound where it is made
    found = pdf_text(data, mode=mode, ocr=reader)
    meta = {"pages": " ".join(map(str, found.offsets))} if found.offsets else {}
    made = _one(file, "pdf", found.text, found.title, meta, found.warnings)
    return ParsedFile(made.documents, made.warnings, "pdf", "", len(found.offsets), found.troubles)


def _rows(file: SourceFile, data: bytes, kind: str) -> ParsedFile:
    read = {"json": rows.json_rows, "csv": rows.csv_rows, "parquet": rows.parquet_rows}[kind]
    found, problems, encoding = read(data)
    names = {name: None for row in found for name in row}
    text_column = rows.column(names, rows.TEXTS)
    if text_column is None and file.path.lower().endswith(".json"):
        return _outlined(file, data, encoding)
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
        documents[name] = Document(name, text, title, rows.metadata(row, (id_column, title_column, text_column)))
    if empty:
        problems.append(f"{empty} of {len(found)} rows without text are left out")
    if repeated:
        problems.append(f"{len(repeated)} rows repeat an id ({', '.join(repeated[:5])}): equal ones are dropped")
    return ParsedFile(tuple(documents.values()), _sentences(file.path, problems), kind, encoding)


def _outlined(file: SourceFile, data: bytes, encoding: str) -> ParsedFile:
    """Return a JSON file that is no list of texts: one document of ``name: value`` lines."""
    try:
        value = json.loads(decode(data)[0].lstrip("\ufeff"))
        lines = list(rows.outline(value if isinstance(value, (dict, list)) else [value]))
    except (ValueError, RecursionError):
        return ParsedFile((), _sentences(file.path, ["it is not valid JSON"]), "json", encoding)
    title = value.get("title") if isinstance(value, dict) else ""
    return _one(file, "json", "\n".join(lines), title if isinstance(title, str) else "", {}, [], encoding)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _lost(text: str) -> list[str]:
    lost = text.count("\ufffd")
    return [f"{lost} characters could not be decoded: save it as UTF-8"] if lost else []


def _sentences(path: str, problems: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{path}: {problem.rstrip('.')}." for problem in problems)


_FRONT_NAME = re.compile(r"[\w.-]{1,60}")


def _front_matter(text: str) -> dict[str, str]:
    """Plain ``name: value`` lines at the head of a Markdown file, as metadata; lists and blocks are left out."""
    found = {}
    for line in next(iter(_marked(text)), ()):
        name, _, value = line.partition(":")
        value = value.strip().strip("\"'")
        if _FRONT_NAME.fullmatch(name) and name != "title" and value and value[0] not in "[{|>" and len(value) <= 200:
            found[name] = value
    return found


def _marked(text: str) -> list[list[str]]:
    """Return what stands between the ``---`` lines at the head of a Markdown file, from the first one on; nothing where
    it does not begin with one, and without what no ``---`` ends."""
    lines = text[:_HEAD].split("\n")
    parts: list[list[str]] = [[]]
    for line in lines[1:-1] if lines[0] == "---" else ():
        if line == "---":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts[:-1]


_HEAD = 4096  # characters in which a title and metadata are looked for
_FIRST_HEADING = re.compile(r"^#{1,2}[ \t]++(.+)$", re.MULTILINE)


def _title(path: str, text: str, kind: str) -> str:
    if kind in ("markdown", "html", "docx", "pptx", "hwpx", "hwp"):
        given = (_unquoted(line[6:]) for part in _marked(text) for line in part if line.startswith("title:"))
        if title := next(filter(None, given), ""):
            return title
        if found := _FIRST_HEADING.search(text[:_HEAD]):
            return heading_text(found[1]).strip()
    return posixpath.splitext(posixpath.basename(path))[0]


def _unquoted(value: str) -> str:
    value = value.strip()
    value = value[1:] if value[:1] in ("'", '"') else value
    return (value[:-1] if value[-1:] in ("'", '"') else value).strip()

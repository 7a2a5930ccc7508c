"""Documents of an upload: parsed file by file, each outcome noted, large corpora kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ragscout.data.classify import Sorted
from ragscout.data.findings import Finding
from ragscout.data.parsing import ParseReport
from ragscout.data.read.list_files import RawFile
from ragscout.data.registry import BlobStore
from ragscout.model.evalset import Document, EvalSet, Question, SourceFile
from ragscout.providers.parse import ParsedFile, each_document
from ragscout.steps.batches import Spill


@dataclass
class Content:
    """Everything of one version before it is registered. ``held``: bytes of the files that are not yet blobs."""

    files: list[SourceFile]
    held: dict[str, RawFile | bytes]
    documents: Sequence[Document]
    questions: list[Question]
    findings: list[Finding]
    parent: EvalSet | None = None
    inherited: str = ""
    parsing: ParseReport = field(default_factory=ParseReport)


def own_documents(made: Sorted, content: Content) -> None:
    """Document files as they are, and one canonical ``corpus.jsonl`` of the documents found inside tables."""
    reasons: dict[str, list[str]] = {}
    twice: list[str] = []
    content.documents = Spill().keep(_once(_each_file(made, content, reasons), twice))
    content.findings += _unread(reasons)
    if twice:
        text = f"{len(twice)} ids name different documents in different files"
        found = Finding("document_id_twice", "error", text, rows=tuple(twice), remedy="Give every document its own id.")
        content.findings.append(found)


def _each_file(made: Sorted, content: Content, reasons: dict[str, list[str]]) -> Iterator[Document]:
    inside = list(made.draft.documents.values())
    taken = {path for path, _ in made.documents}
    if inside:
        lines = [
            json.dumps(
                {"doc_id": item.id, "title": item.title, "text": item.text}
                | ({"metadata": item.meta} if item.meta else {}),
                ensure_ascii=False,
            )
            for item in inside
        ]
        data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
        path = "corpus.jsonl" if "corpus.jsonl" not in taken else "questions/corpus.jsonl"
        yield from _take(path, "application/jsonl", data, data, content, reasons)
    for path, file in sorted(made.documents, key=lambda pair: pair[0]):
        data = file.read()
        if data:
            yield from _take(path, file.media_type, data, file, content, reasons)
        else:
            reasons.setdefault("the file is empty.", []).append(path)


def _take(
    path: str,
    media_type: str,
    data: bytes,
    held: RawFile | bytes,
    content: Content,
    reasons: dict[str, list[str]],
) -> Iterator[Document]:
    """Documents of one file, which is kept when it gives any; else why it gave none is noted. Scanned pages are kept:
    a sweep may parse them with text recognition."""
    source = SourceFile(path, hashlib.sha256(data).hexdigest(), media_type)
    warnings: list[str] = []
    outcome: list[ParsedFile] = []
    documents = characters = 0
    for document in each_document(source, data, warnings, parsed=outcome.append):
        documents, characters = documents + 1, characters + len(document.text)
        yield document
    content.parsing.add(path, outcome[0], documents, characters)
    said = [warning.removeprefix(f"{path}: ") for warning in warnings]
    if not documents and "no_text" not in outcome[0].troubles:
        reasons.setdefault(" ".join(said) or "it holds no text.", []).append(path)
        return
    content.findings += [Finding("document", "warning", warning, path) for warning in said]
    content.files.append(source)
    content.held[source.sha256] = held


def _once(documents: Iterable[Document], twice: list[str]) -> Iterator[Document]:
    """Documents with ids of different texts noted; of equal ones both stay, as the parser names them apart."""
    seen: dict[str, bytes] = {}
    for document in documents:
        digest = hashlib.sha256(document.text.encode()).digest()[:16]
        if seen.setdefault(document.id, digest) != digest:
            twice.append(document.id)
        yield document


def _unread(reasons: dict[str, list[str]]) -> list[Finding]:
    """One finding a reason, however many files it concerns."""
    return [
        Finding(
            "unread_document",
            "warning",
            f"{len(paths)} files were left out: {reason}" if len(paths) > 1 else f"left out: {reason}",
            paths[0] if len(paths) == 1 else "",
            rows=tuple(paths),
        )
        for reason, paths in reasons.items()
    ]


def parse_files(files: Sequence[SourceFile], blobs: BlobStore, findings: list[Finding]) -> Sequence[Document]:
    """Documents of stored files, by the default parser; warnings become findings. Many documents stay on disk."""

    def each() -> Iterator[Document]:
        for file in files:
            warnings: list[str] = []
            yield from each_document(file, blobs.read(file.sha256), warnings)
            findings.extend(Finding("document", "info", warning, file.path) for warning in warnings)

    return Spill().keep(each())

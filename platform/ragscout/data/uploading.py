"""``upload``: from whatever a user has to a registered, immutable version."""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragscout.data.classify import Sorted, sort_files
from ragscout.data.complete import finish
from ragscout.data.documents import Content, own_documents, parse_files
from ragscout.data.draft import DraftQuestion, Gold
from ragscout.data.filters import filter_findings
from ragscout.data.findings import Finding, refuse
from ragscout.data.gold import place_evidence
from ragscout.data.options import DEFAULT_OPTIONS, ReadOptions
from ragscout.data.read.archive import SUFFIXES
from ragscout.data.read.list_files import RawFile, collect
from ragscout.data.registry import BlobStore, Registry, VersionRow, load_manifest, manifest
from ragscout.data.report import FileReport, UploadReport, count_languages
from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.text import language
from ragscout.store.blobs import DamagedBlobError

_LANGUAGE_SAMPLE = 400  # characters that tell a document's language well enough to count it
_MANY = 5000  # documents from which a fifth of that must do
_RECOGNISE = (
    "Their pages are pictures (scanned?): run text recognition (OCR) over them and upload what it gives, for example "
    "with ocrmypdf."
)
_NAME = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True)
class Uploaded:
    """A registered version; ``new`` is ``False`` when the same content was there already."""

    eval_set: EvalSet
    report: UploadReport
    new: bool


def upload(
    paths: Sequence[Path],
    *,
    blobs: BlobStore,
    registry: Registry,
    name: str | None = None,
    options: ReadOptions = DEFAULT_OPTIONS,
    extra: Sequence[RawFile] = (),
    noted: Sequence[Finding] = (),
) -> Uploaded:
    """Read files, folders or archives and register them as a version of an evaluation set.

    Questions and documents may come together or apart: what is missing is taken from the newest version of the same
    name. Nothing is stored before everything was found fit. ``extra``: files of a source that is no path (then
    ``name`` is needed where there is no path), ``noted``: what was found while they were copied.

    Raises:
        EvalSetError: every problem of the files, at most twenty in words.
    """
    if not paths and not (extra and name):
        raise EvalSetError("upload: no path was given. Name a file, a folder or an archive.")
    started = time.monotonic()
    name = clean_name(name or default_name(paths[0]))
    newest = registry.evalset(name)
    parent, lost = _parent(newest, blobs)
    raw, findings = collect(paths, options.limits)
    sorted_ = sort_files([*raw, *extra], options)
    sorted_.draft.findings[:0] = [*noted, *lost, *findings]
    _in_time(started, options, name)
    content = _content(sorted_, parent, blobs, options)
    _in_time(started, options, name)
    return _register(name, content, sorted_, blobs, registry)


def _parent(newest: VersionRow | None, blobs: BlobStore) -> tuple[EvalSet | None, list[Finding]]:
    """Return the newest version of a set, from which what is missing is taken, or why there is none."""
    if newest is None:
        return None, []
    try:
        return load_manifest(blobs, newest.manifest, newest.version), []
    except (DamagedBlobError, EvalSetError):
        text = f"{newest.name}@{newest.version} is damaged: nothing is taken from it"
        remedy = "Give documents and questions together."
        return None, [Finding("damaged_version", "warning", text, remedy=remedy)]


def default_name(path: Path) -> str:
    """Name of an evaluation set after its path: the folder, or the file without its suffix."""
    path = path.absolute()
    if path.is_dir():
        return path.parent.name if path.name in ("documents", "docs") else path.name
    lower = path.name.lower()
    suffix = next((end for end in sorted(SUFFIXES, key=len, reverse=True) if lower.endswith(end)), path.suffix)
    stem = path.name[: len(path.name) - len(suffix)]
    return path.parent.name if stem.casefold() in ("questions", "corpus", "qa", "queries") else stem


def clean_name(name: str) -> str:
    """Return a name that can stand in a reference and in a URL: letters of any script, digits, ``.``, ``_``, ``-``.

    Raises:
        EvalSetError: nothing is left of it.
    """
    made = _NAME.sub("-", unicodedata.normalize("NFC", name)).strip("-._")[:100]
    if not made:
        raise EvalSetError(f"upload: the name has no letter or digit; got {name!r}. Pass --name.")
    return made


def _in_time(started: float, options: ReadOptions, name: str) -> None:
    if time.monotonic() - started > options.limits.seconds:
        raise EvalSetError(
            f"{name}: reading took longer than {options.limits.seconds:,.0f} seconds (setting 'seconds'). Upload "
            "less at once or raise the limit."
        )


def _content(made: Sorted, parent: EvalSet | None, blobs: BlobStore, options: ReadOptions) -> Content:
    draft = made.draft
    drafts = finish(draft, options)
    refuse(draft.findings)
    content = Content([], {}, [], [], draft.findings, parent)
    own_documents(made, content)
    if not drafts and not content.files:
        seen = " ".join(item.text() for item in draft.findings if item.severity == "warning")
        text = "neither questions nor documents were found in the upload" + (f" ({seen})" if seen else "")
        remedy = "Give a table with a question column, or a folder of documents."
        refuse([Finding("nothing", "error", text, remedy=remedy)])
    if parent is not None:
        if not content.files and parent.files:
            content.files = list(parent.files)
            content.documents = parse_files(parent.files, blobs, content.findings)
            content.inherited = f"documents of {parent.name}@{parent.version} were kept"
        if not drafts and parent.count:
            drafts = [_draft_again(question) for question in _all_questions(parent)]
            content.inherited = f"questions of {parent.name}@{parent.version} were kept"
    if content.files and not content.documents:
        text = "none of the uploaded documents holds text that can be read"
        remedy = "Give files with text." if not content.parsing.scanned else _RECOGNISE
        refuse([*content.findings, Finding("no_text", "error", text, rows=content.parsing.scanned, remedy=remedy)])
    content.questions, found = place_evidence(drafts, content.documents)
    content.findings += [*found, *filter_findings(content.questions, content.documents)]
    refuse(content.findings)
    return content


def _all_questions(eval_set: EvalSet) -> tuple[Question, ...]:
    return eval_set.development if not eval_set.holdout_share else replace(eval_set, holdout_share=0.0).development


def _draft_again(question: Question) -> DraftQuestion:
    return DraftQuestion(
        question.text,
        "",
        0,
        question.id,
        list(question.references),
        question.answerable,
        [Gold(span.document, span.quote, span.start, span.end, span.group, span.label) for span in question.evidence],
        list(question.documents),
        question.type,
        question.slice,
        question.weight,
        question.must_pass,
        {key: value for key, value in question.meta.items() if key != "gold_missing"},
        dict(question.filter),
    )


def _register(name: str, content: Content, made: Sorted, blobs: BlobStore, registry: Registry) -> Uploaded:
    lineage = content.parent.lineage if content.parent else name
    data = manifest(name, lineage, content.files, content.questions)
    digest = hashlib.sha256(data).hexdigest()
    known = {row.digest for row in registry.evalsets(name)}
    parent = content.parent.digest if content.parent and digest not in known else ""
    report = _report(name, digest, parent, digest not in known, content, made)
    for sha256, held in content.held.items():
        if not blobs.exists(sha256):
            blobs.put(held if isinstance(held, bytes) else held.read())
    stored = blobs.put(data)
    version = registry.evalset_add(name, digest, parent, report.as_info(), stored)
    report = replace(report, version=version)
    eval_set = EvalSet(name, version, digest, tuple(content.files), tuple(content.questions), lineage=lineage)
    return Uploaded(eval_set, report, report.new)


def _report(name: str, digest: str, parent: str, new: bool, content: Content, made: Sorted) -> UploadReport:
    draft, questions = made.draft, content.questions
    sample = _LANGUAGE_SAMPLE if len(content.documents) <= _MANY else _LANGUAGE_SAMPLE // 5
    rows = Counter(question.file for question in draft.questions)
    inside = Counter(document.file for document in draft.documents.values())
    files = [
        FileReport(
            path,
            draft.kinds.get(path, "questions"),
            draft.formats[path],
            draft.encodings.get(path, ""),
            rows[path] or inside[path],
            draft.roles.get(path, {}),
        )
        for path in draft.formats
    ]
    files += _document_files(content)
    return UploadReport(
        name=name,
        version=0,
        digest=digest,
        new=new,
        parent=parent,
        questions=len(questions),
        with_reference=sum(bool(question.references) for question in questions),
        with_evidence=sum(bool(question.evidence or question.documents) for question in questions),
        unanswerable=sum(not question.answerable for question in questions),
        documents=len(content.documents),
        document_files=len(content.files),
        characters=sum(len(document.text) for document in content.documents),
        question_languages=count_languages(language(question.text) for question in questions),
        document_languages=count_languages(language(document.text[:sample]) for document in content.documents),
        files=tuple(files),
        samples=tuple(draft.samples),
        findings=tuple(content.findings),
        inherited=content.inherited,
        parsing=content.parsing.as_json(),
    )


def _document_files(content: Content) -> list[FileReport]:
    """Document files by suffix: a folder of ten thousand pages is one line."""
    counts: dict[str, list[str]] = {}
    for file in content.files:
        if isinstance(content.held.get(file.sha256), bytes):
            continue  # made of the tables that are listed already
        counts.setdefault(Path(file.path).suffix.lower() or "no suffix", []).append(file.path)
    return [
        FileReport(f"{len(paths):,} files ({suffix})" if len(paths) > 1 else paths[0], "documents")
        for suffix, paths in sorted(counts.items())
    ]

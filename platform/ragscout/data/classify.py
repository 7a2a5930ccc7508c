"""Which files of an upload hold questions, documents or judgements; and reading the structured ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import ragscout.data.formats as _formats  # registers the formats
from ragscout.data.draft import Draft, Format, formats
from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.list_files import RawFile, document_folder, is_about, is_side_file
from ragscout.data.read.loaded import Loaded
from ragscout.data.read.loaders import load
from ragscout.data.roles import is_documents
from ragscout.model.errors import EvalSetError, UnknownNameError
from ragscout.providers.parse import kind_of
from ragscout.providers.parsers import large
from ragscout.providers.parsers.decode import detect

__all__ = ["Sorted", "pick_format", "read_file", "sort_files"]
_FIRST_FORMAT = _formats.table
_TEXTS = ("text", "markdown", "html", "csv", "json")
_PLAIN = (".txt", ".text", "")
_HEAD = 1 << 20  # bytes of a large table that tell what it holds


@dataclass
class Sorted:
    """The files of an upload by what they are for. ``document_paths``: document file to its path as a document."""

    draft: Draft = field(default_factory=Draft)
    documents: list[tuple[str, RawFile]] = field(default_factory=list)


def pick_format(item: Loaded, options: ReadOptions) -> Format | None:
    """Return the surest format, or the one that the options name; ``None`` when none fits.

    Raises:
        UnknownNameError: the options name a format that does not exist.
    """
    known = formats()
    if options.format:
        if options.format not in known:
            raise UnknownNameError("--format", "format", options.format, known)
        return known[options.format]
    best = max(known.values(), key=lambda one: one.sniff(item))
    return best if best.sniff(item) > 0 else None


def read_file(item: Loaded, draft: Draft, options: ReadOptions) -> bool:
    """Read a structured file into the draft; ``False`` when it holds neither questions, documents nor judgements."""
    if item.failed and not item.records:
        draft.findings += item.findings
        draft.formats[item.path] = item.kind or "unreadable"
        return True
    if options.columns and not options.format:
        chosen: Format | None = formats()["table"]
    else:
        chosen = pick_format(item, options)
    if chosen is None:
        return False
    draft.findings += item.findings
    draft.formats[item.path] = chosen.name if chosen.name != "table" else item.kind
    draft.encodings[item.path] = item.encoding
    questions, documents, errors = len(draft.questions), len(draft.documents), _errors(draft)
    chosen.read(item, draft, options)
    asked, told = len(draft.questions) > questions, len(draft.documents) > documents
    if item.path not in draft.kinds:
        draft.kinds[item.path] = "questions and documents" if asked and told else "documents" if told else "questions"
    if draft.kinds[item.path] == "questions" and not asked and errors == _errors(draft) and not item.failed:
        text = "there is no question in the file"
        text += "; it holds a header and no row" if item.columns and not item.records else ""
        draft.findings.append(Finding("no_question", "error", text, item.path, remedy="Add at least one question."))
    return True


def in_utf8(file: RawFile, encoding: str) -> RawFile:
    """Return a text file whose bytes are UTF-8, though it was written in another encoding; other files as they are.

    A file with a byte order mark, or one that is UTF-8, stays as it is.
    """
    if kind_of(file.path, file.media_type) not in _TEXTS:
        return file

    def read() -> bytes:
        data = file.read()
        if detect(data).confidence == 1.0:
            return data
        try:
            return data.decode(encoding, "replace").encode("utf-8", "replace")
        except LookupError:
            raise EvalSetError(
                f"--encoding: the encoding is unknown; got {encoding!r}. Use for example utf-8 or cp949."
            ) from None

    return replace(file, read=read)


def _errors(draft: Draft) -> int:
    return sum(item.severity == "error" for item in draft.findings)


def sort_files(files: Sequence[RawFile], options: ReadOptions) -> Sorted:
    """Read every structured file outside the folders of documents; the rest are documents or are left out, said."""
    made = Sorted()
    foldered = any(document_folder(file.path) for file in files)
    beside = foldered and any(file.structured and not document_folder(file.path) for file in files)
    named = any(file.structured and file.alone for file in files)
    left_out: list[str] = []
    taken: set[str] = set()
    for file in files:
        folder = document_folder(file.path)
        if folder:
            short = file.path[len(folder) :]
            made.documents.append((file.path if short in taken else short, file))
            taken.add(short)
        elif file.structured and not (is_side_file(file.path) and not file.alone):
            _structured(file, foldered, named, made, options)
        elif (is_side_file(file.path) and not file.alone) or (beside and not file.alone):
            left_out.append(file.path)
        else:
            made.documents.append((file.path, file))
    if made.draft.questions or made.draft.documents:
        about = [pair for pair in made.documents if is_about(pair[1].path) and not pair[1].alone]
        made.documents = [pair for pair in made.documents if pair not in about]
        left_out += [file.path for _, file in about]
    if left_out:
        text = f"{len(left_out)} files beside the data were left out"
        made.draft.findings.append(Finding("left_out", "info", text, rows=tuple(left_out)))
    _lying_names(made, options)
    _twins(made)
    if options.encoding:
        made.documents = [(path, in_utf8(file, options.encoding)) for path, file in made.documents]
    return made


def _structured(file: RawFile, foldered: bool, named: bool, made: Sorted, options: ReadOptions) -> None:
    """Read a structured file. Beside a file of questions that was named itself, a table of questions inside a folder
    (a list of frequent questions, say) is a document like the others."""
    if _large_corpus(file, options):
        made.documents.append((file.path, file))
        return
    item = load(file.path, file.read(), options)
    if named and not file.alone and not foldered:
        trial = Draft()
        read_file(item, trial, options)
        if trial.questions and not trial.documents:
            made.draft.tell("document_table", "a table inside the folder was taken for a document", file.path)
            made.documents.append((file.path, file))
            return
    if read_file(item, made.draft, options):
        for part in item.parts if made.draft.formats[item.path] == "json" else ():
            if not read_file(part, made.draft, options):
                text = f"the list {part.path.rpartition('#')[2]!r} holds neither questions nor documents"
                made.draft.tell("left_out", text, file.path)
    elif foldered and not file.alone:
        text = "no format was recognised in it; the file was left out"
        made.draft.findings.append(Finding("left_out", "info", text, file.path, rows=(file.path,)))
    else:
        made.documents.append((file.path, file))


def _large_corpus(file: RawFile, options: ReadOptions) -> bool:
    """Whether a large table holds documents, by its first megabyte: it is then read row by row as a document file."""
    data = file.read() if file.size > large.LARGE and not options.columns and not options.format else b""
    if not large.can_stream(file.path, kind_of(file.path), data):
        return False
    if file.suffix == ".parquet":
        return is_documents(large.parquet_columns(data))
    head = data[:_HEAD]
    item = load(file.path, head[: head.rfind(b"\n") + 1], options)
    return item.kind in ("jsonl", "csv") and is_documents(item.columns)


def _lying_names(made: Sorted, options: ReadOptions) -> None:
    """Read a text file that was named itself and holds a table of questions as one, with a warning."""
    if made.draft.questions:
        return
    for path, file in list(made.documents):
        if not file.alone or PurePosixPath(path).suffix.lower() not in _PLAIN:
            continue
        item = load(path, file.read(), options)
        chosen = None if item.failed else pick_format(item, options)
        if chosen is None or chosen.sniff(item) < 0.5 or len(item.columns) < 2:
            continue
        made.documents.remove((path, file))
        text = f"the content is a table of questions ({item.kind}), the name says text"
        made.draft.findings.append(Finding("name_lies", "warning", text, path, remedy="Rename the file."))
        read_file(item, made.draft, options)


def _twins(made: Sorted) -> None:
    """Leave out a folder of documents beside a corpus file with the same ids: it is the same documents twice."""
    ids = set(made.draft.documents)
    stems = {str(PurePosixPath(path).with_suffix("")) for path, _ in made.documents}
    if ids and stems and (stems == ids or {path for path, _ in made.documents} == ids):
        text = f"the folder holds the same {len(stems)} documents as the corpus file and was left out"
        made.draft.findings.append(Finding("twin_documents", "info", text, rows=tuple(sorted(stems))))
        made.documents.clear()

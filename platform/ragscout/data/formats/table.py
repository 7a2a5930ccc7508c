"""Any table of questions or of documents, by the names of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragscout.data.draft import Draft, DraftDocument, DraftQuestion, register
from ragscout.data.findings import Finding
from ragscout.data.formats.pieces import evidence_of, quoted
from ragscout.data.formats.shared import each_question, in_column
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import filter_of, flag_of, ids_of, number_of, offset_of, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record
from ragscout.data.roles import accepted, document_roles, is_documents, question_roles, roleless
from ragscout.model.text import normalise
from ragscout.providers.parsers.rows import metadata


@register
class TableFormat:
    """CSV, TSV, xlsx, JSON, JSON lines or Parquet with one row per question, English or Korean headers."""

    name = "table"
    title = "table by column names"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        roles, _ = question_roles(item.columns)
        if "question" in roles:
            return 0.5
        if is_documents(item.columns):
            return 0.4
        return 0.2 if {"reference", "alternatives"} & set(roles) else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        roles, findings = question_roles(item.columns, options.columns, item.path)
        if "question" not in roles and is_documents(item.columns):
            read_documents(item, draft, options)
            return
        draft.findings += findings
        if "question" not in roles:
            draft.findings.append(no_question_column(item))
            return
        roles_of(draft, item, roles)
        before = len(draft.questions)
        each_question(item, draft, options, lambda record: row_question(record, roles, item))
        if "reference" not in roles and len(draft.questions) > before:
            draft.findings.append(no_reference_column(item, roles))


def roles_of(draft: Draft, item: Loaded, roles: Mapping[str, str]) -> None:
    """Remember which column was read as what; what no role knows is metadata."""
    draft.roles[item.path] = {column: role for role, column in roles.items()}
    draft.roles[item.path] |= {name: "metadata" for name in roleless(item.columns) if name not in roles.values()}


def no_question_column(item: Loaded) -> Finding:
    """Return the error for a table of answers without questions."""
    columns = ", ".join(item.columns) or "none"
    return Finding(
        "no_question_column",
        "error",
        f"no column holds the question; columns found: {columns}",
        item.path,
        1,
        remedy=f"Name the column one of: {accepted('question')}; or pass --column question=NAME.",
    )


def no_reference_column(item: Loaded, roles: dict[str, str]) -> Finding:
    """Return the warning for questions without any reference column."""
    read = ", ".join(f"{column} = {role}" for role, column in roles.items())
    return Finding(
        "no_reference_column",
        "warning",
        f"no column holds a reference answer; columns found: {', '.join(item.columns)} ({read}). Metrics that need a "
        "reference are off: BLEU, METEOR, BERTScore, token F1, correctness",
        item.path,
        remedy=f"Add a column named one of: {accepted('reference')}; or measure without references.",
    )


def row_question(record: Record, roles: dict[str, str], item: Loaded) -> DraftQuestion:
    """Return a question from a row by its columns' roles."""

    def cell(role: str, read: Any, *args: Any) -> Any:
        column = roles.get(role)
        return None if column is None else in_column(column, read, record.values.get(column), *args)

    made = DraftQuestion(cell("question", text_of) or "", item.path, record.line)
    made.id = (cell("id", text_of) or "").strip()
    made.references = cell("reference", texts_of) or []
    made.references += [text for text in cell("alternatives", texts_of) or [] if text not in made.references]
    made.documents = cell("document", ids_of) or []
    answerable, impossible = cell("answerable", flag_of), cell("unanswerable", flag_of)
    made.answerable = answerable if answerable is not None else None if impossible is None else not impossible
    made.type, made.slice = (cell("type", text_of) or "").strip(), (cell("slice", text_of) or "").strip()
    weight = cell("weight", number_of)
    made.weight = 1.0 if weight is None else weight
    made.must_pass = bool(cell("must_pass", flag_of))
    language = (cell("language", text_of) or "").strip()
    if language:
        made.meta["lang"] = language
    made.filter = cell("filter", filter_of) or {}
    free = roleless(record.values)
    made.meta |= metadata({name: record.values[name] for name in free}, roles.values())
    start, end = cell("start", offset_of), cell("end", offset_of)
    made.evidence = cell("quote", evidence_of, made.documents) or []
    if end is not None and len(made.evidence) <= 1:
        made.evidence = quoted([gold.quote for gold in made.evidence], made.documents, start, end)
    return made


def read_documents(item: Loaded, draft: Draft, options: ReadOptions) -> None:
    """Documents of a table; a row without an id is named by file and row, a row without text is listed."""
    roles = document_roles(item.columns)
    draft.roles[item.path] = {column: f"document {role}" for role, column in roles.items()}
    draft.kinds[item.path] = "documents"
    empty: list[str] = []

    def read(record: Record) -> None:
        def cell(role: str) -> str:
            column = roles.get(role, "")
            return str(in_column(column, _joined, record.values.get(column)))

        text = cell("text")
        if not text.strip():
            empty.append(str(record.line))
            return
        name = cell("id").strip() or f"{item.path}#{record.line}"
        title = cell("title").strip() or _nested_title(record)
        meta = metadata(record.values, roles.values())
        place = (item.path, record.line)
        draft.add_document(DraftDocument(normalise(name), normalise(text), normalise(title), *place, meta))

    each_question(item, draft, options, read)
    if empty:
        text = f"{len(empty)} rows hold no text and were left out"
        draft.findings.append(
            Finding("empty_document", "warning", text, item.path, rows=tuple(empty), remedy="Add the text.")
        )


def _nested_title(record: Record) -> str:
    meta = record.values.get("metadata")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title.strip() if isinstance(title, str) else ""


def _joined(value: Any) -> str:
    return "\n".join(texts_of(value)) if isinstance(value, (list, tuple)) else text_of(value)

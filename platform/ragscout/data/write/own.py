"""Writers of ragscout's own formats: JSON lines, which lose nothing, and tables for spreadsheets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ragscout.data.write.parts import golds, lines, quotes
from ragscout.data.write.sheets import CELL_LIMIT, SheetPage, csv_table, workbook
from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import Document, Question, Span


def jsonl(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """questions.jsonl, and corpus.jsonl where there are documents; lossless."""
    made = {"questions.jsonl": lines(_native(question) for question in questions)}
    if documents:
        made["corpus.jsonl"] = lines(
            {"doc_id": document.id, "title": document.title, "text": document.text}
            | ({"metadata": dict(document.meta)} if document.meta else {})
            for document in documents
        )
    return made


def _native(question: Question) -> dict[str, Any]:
    row: dict[str, Any] = {"id": question.id, "question": question.text, "references": list(question.references)}
    row["answerable"] = question.answerable
    row["evidence"] = [_native_span(span) for span in question.evidence]
    row |= {"documents": list(question.documents)} if question.documents else {}
    for name in ("type", "slice"):
        row |= {name: getattr(question, name)} if getattr(question, name) else {}
    row |= {"weight": question.weight} if question.weight != 1.0 else {}
    row |= {"must_pass": True} if question.must_pass else {}
    meta = {name: value for name, value in question.meta.items() if name not in ("lang", "gold_missing")}
    row |= {"metadata": meta} if meta else {}
    row |= {"filter": {name: list(values) for name, values in question.filter.items()}} if question.filter else {}
    return row | ({"lang": question.meta["lang"]} if "lang" in question.meta else {})


def _native_span(span: Span) -> dict[str, Any]:
    row: dict[str, Any] = {"document": span.document}
    row |= {} if span.start is None else {"start": span.start, "end": span.end}
    row |= {"quote": span.quote, "group": span.group}
    return row | ({"label": span.label} if span.label != "gold" else {})


def csv_file(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """One row a question. The file starts with a byte order mark, so that Excel reads Korean; lists are JSON."""
    return {"questions.csv": csv_table(_rows(questions)).encode("utf-8-sig", "replace")}


def xlsx(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """Return the table of csv as a workbook.

    Raises:
        EvalSetError: a text is too long for a cell.
    """
    rows = list(_rows(questions))
    for row in rows:
        if (longest := max(map(len, row))) > CELL_LIMIT:
            raise EvalSetError(
                f"export: a cell of xlsx holds at most {CELL_LIMIT:,} characters; got {longest:,} in question "
                f"{row[0]!r}. Choose jsonl or csv."
            )
    return {"questions.xlsx": workbook([SheetPage("questions", rows)])}


def _rows(questions: Sequence[Question]) -> Iterator[list[str]]:
    """Yield the table of csv and xlsx, its header first."""
    filtered = any(question.filter for question in questions)
    header = ["id", "question", "reference", "answers", "doc_id", "evidence", "answerable", "type", "slice"]
    yield [*header, "filter"] if filtered else header
    for question in questions:
        row = [
            question.id,
            question.text,
            question.references[0] if question.references else "",
            _list(question.references[1:]),
            _list(golds(question)),
            _list(quotes(question)),
            str(question.answerable).lower(),
            question.type,
            question.slice,
        ]
        held = {name: list(values) for name, values in question.filter.items()}
        yield [*row, json.dumps(held, ensure_ascii=False) if held else ""] if filtered else row


def _list(items: Iterable[str]) -> str:
    found = list(items)
    return json.dumps(found, ensure_ascii=False) if found else ""

"""Writers of ragscout's own formats: JSON lines, which lose nothing, and tables for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ragscout.data.write.parts import golds, lines, quotes
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
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    for row in _rows(questions):
        writer.writerow([neutral(cell) for cell in row])
    return {"questions.csv": stream.getvalue().encode("utf-8-sig", "replace")}


def xlsx(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """Return the table of csv as a workbook; every cell is typed as text, so that none is taken for a formula."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("questions")
    for row in _rows(questions):
        cells = []
        for text in row:
            if len(text) > _CELL:
                raise EvalSetError(
                    f"export: a cell of xlsx holds at most {_CELL:,} characters; got {len(text):,} in question "
                    f"{row[0]!r}. Choose jsonl or csv."
                )
            cell = WriteOnlyCell(sheet, value="")
            cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    stream = io.BytesIO()
    book.save(stream)
    return {"questions.xlsx": stream.getvalue()}


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


_CELL = 32_767  # characters that Excel allows in one cell
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+%?")


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet program takes for a formula: an apostrophe stands before what could be one."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _list(items: Iterable[str]) -> str:
    found = list(items)
    return json.dumps(found, ensure_ascii=False) if found else ""

"""``export``: an evaluation set written in the formats that other tools read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ragscout.model.errors import EvalSetError, UnknownNameError
from ragscout.model.evalset import Document, EvalSet, Question, Span


def export(eval_set: EvalSet, format_name: str, target: Path, documents: Sequence[Document] = ()) -> list[Path]:
    """Write the set into a folder and return the files, in order.

    Formats: ``jsonl`` (ragscout's own, lossless), ``csv``, ``xlsx``, ``squad``, ``beir``, ``autorag``, ``ragas``,
    ``deepeval``. ``squad``, ``beir`` and ``autorag`` need the documents. Reading an export back gives the same
    questions and references; what a format cannot hold (groups in csv, spans in beir) is left out. No cell of a sheet
    can run as a formula: in csv an apostrophe stands before it, which reading takes away again; in xlsx it is text.

    Raises:
        UnknownNameError: no such format.
        EvalSetError: documents are needed and absent, a file is there already, or it cannot be written.
    """
    if format_name not in _WRITERS:
        raise UnknownNameError("export", "format", format_name, _WRITERS)
    if format_name in ("squad", "beir", "autorag") and not documents:
        raise EvalSetError(f"export: {format_name} holds documents too; got none. Give the corpus of the set.")
    files = _WRITERS[format_name](eval_set.questions_, documents)
    there = [target / name for name in files if (target / name).exists()]
    if there:
        raise EvalSetError(f"{there[0]}: the file is there already. Name another folder, or remove it first.")
    try:
        for name, data in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(data)
    except OSError as error:
        raise EvalSetError(
            f"{target}: the export cannot be written; got {error.strerror or error}. Name a folder you may write to."
        ) from None
    return [target / name for name in files]


def _jsonl(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    made = {"questions.jsonl": _lines(_native(question) for question in questions)}
    if documents:
        made["corpus.jsonl"] = _lines(
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


def _csv(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """One row a question. The file starts with a byte order mark, so that Excel reads Korean; lists are JSON."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    for row in _rows(questions):
        writer.writerow([neutral(cell) for cell in row])
    return {"questions.csv": stream.getvalue().encode("utf-8-sig", "replace")}


def _xlsx(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """The table of csv as a workbook; every cell is typed as text, so that none is taken for a formula."""
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
    """The table of csv and xlsx, its header first."""
    filtered = any(question.filter for question in questions)
    header = ["id", "question", "reference", "answers", "doc_id", "evidence", "answerable", "type", "slice"]
    yield [*header, "filter"] if filtered else header
    for question in questions:
        row = [
            question.id,
            question.text,
            question.references[0] if question.references else "",
            _list(question.references[1:]),
            _list(_golds(question)),
            _list(span.quote for span in question.evidence if span.quote),
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
    """A cell that no spreadsheet program takes for a formula: an apostrophe stands before what could be one."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _list(items: Iterable[str]) -> str:
    found = list(items)
    return json.dumps(found, ensure_ascii=False) if found else ""


def _squad(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """SQuAD 2.0: one article a document; a question stands under its first gold document, with its spans there as
    answers. Questions without a document stand under an article of their own without answers."""
    under: dict[str, list[dict[str, Any]]] = {document.id: [] for document in documents}
    first = next(iter(under))
    for question in questions:
        golds = [span.document for span in question.evidence] + list(question.documents)
        home = next((name for name in golds if name in under), first)
        spans = [span for span in question.evidence if span.document == home and span.start is not None]
        answers = [{"text": span.quote, "answer_start": span.start} for span in spans] if question.answerable else []
        under[home].append(
            {
                "id": question.id,
                "question": question.text,
                "answers": answers,
                "is_impossible": not question.answerable,
            }
        )
    data = [
        {"title": document.id, "paragraphs": [{"context": document.text, "qas": under[document.id]}]}
        for document in documents
    ]
    return {"squad.json": json.dumps({"version": "v2.0", "data": data}, ensure_ascii=False).encode("utf-8", "replace")}


def _beir(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """corpus.jsonl, queries.jsonl and qrels/test.tsv; references stand in the queries' metadata."""
    judged = [(question.id, name) for question in questions for name in _golds(question)]
    qrels = "query-id\tcorpus-id\tscore\n" + "".join(f"{_flat(one)}\t{_flat(two)}\t1\n" for one, two in judged)
    return {
        "corpus.jsonl": _lines(
            {"_id": document.id, "title": document.title, "text": document.text} for document in documents
        ),
        "queries.jsonl": _lines(
            {"_id": question.id, "text": question.text, "metadata": {"answers": list(question.references)}}
            for question in questions
        ),
        "qrels/test.tsv": qrels.encode("utf-8", "replace"),
    }


def _autorag(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """qa.parquet and corpus.parquet, documents as passages; a group of alternatives is an inner list."""
    rows = []
    for question in questions:
        groups: dict[int, list[str]] = {}
        for span in question.evidence:
            if span.document and span.document not in groups.setdefault(span.group, []):
                groups[span.group].append(span.document)
        gold = [group for group in groups.values() if group] or [[name] for name in question.documents]
        answers = list(question.references)
        rows.append({"qid": question.id, "query": question.text, "retrieval_gt": gold, "generation_gt": answers})
    corpus = [
        {"doc_id": document.id, "contents": document.text, "metadata": {"title": document.title}}
        for document in documents
    ]
    return {"qa.parquet": _parquet(rows), "corpus.parquet": _parquet(corpus)}


def _ragas(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """ragas single-turn samples without responses: user_input, reference, reference_contexts."""
    return {
        "ragas.jsonl": _lines(
            {
                "user_input": question.text,
                "reference": question.references[0] if question.references else None,
                "reference_contexts": [span.quote for span in question.evidence if span.quote],
            }
            for question in questions
        )
    }


def _deepeval(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """deepeval goldens: input, expected_output, context (the quotes), source_file (where there is a single one)."""
    rows = [
        {
            "input": question.text,
            "expected_output": question.references[0] if question.references else None,
            "context": [span.quote for span in question.evidence if span.quote] or None,
            "source_file": _golds(question)[0] if len(_golds(question)) == 1 else None,
        }
        for question in questions
    ]
    return {"goldens.json": json.dumps(rows, ensure_ascii=False, indent=1).encode("utf-8", "replace")}


def _golds(question: Question) -> list[str]:
    return list(dict.fromkeys([*question.documents, *(span.document for span in question.evidence if span.document)]))


def _flat(name: str) -> str:
    return " ".join(name.split())


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


_WRITERS: dict[str, Callable[[Sequence[Question], Sequence[Document]], dict[str, bytes]]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "xlsx": _xlsx,
    "squad": _squad,
    "beir": _beir,
    "autorag": _autorag,
    "ragas": _ragas,
    "deepeval": _deepeval,
}
EXPORT_FORMATS = tuple(_WRITERS)

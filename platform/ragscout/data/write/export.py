"""``export``: an evaluation set written in the formats that other tools read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragscout.data.write.formats import (
    ai4rag,
    clapnq,
    clapnq_holds,
    flashrag,
    hotpotqa,
    hotpotqa_holds,
    llama_index,
    mlflow_genai,
)
from ragscout.data.write.own import csv_file, jsonl, xlsx
from ragscout.data.write.parts import by_name, flat, golds, lines, placed, quotes, whole
from ragscout.model.errors import EvalSetError, UnknownNameError
from ragscout.model.evalset import Document, EvalSet, Question


def export(eval_set: EvalSet, format_name: str, target: Path, documents: Sequence[Document] = ()) -> list[Path]:
    """Write the set into a folder and return the files, in order.

    Formats: ``jsonl`` (ragscout's own, lossless), ``csv``, ``xlsx`` and those of other tools (``EXPORT_FORMATS``); some
    need the documents. Reading an export back gives the same questions and references as far as the format holds them;
    ``not_held`` says what it leaves out. No cell of a sheet can run as a formula: in csv an apostrophe stands before
    it, which reading takes away again; in xlsx it is text.

    Raises:
        UnknownNameError: no such format.
        EvalSetError: documents are needed and absent, a file is there already, or it cannot be written.
    """
    writer = _writer(format_name)
    if writer.documents and not documents:
        raise EvalSetError(f"export: {format_name} holds documents too; got none. Give the corpus of the set.")
    files = writer.write(eval_set.questions_, documents)
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


def not_held(eval_set: EvalSet, format_name: str) -> str:
    """One line: what an export in this format leaves out, questions counted; empty when it is lossless.

    Raises:
        UnknownNameError: no such format.
    """
    writer = _writer(format_name)
    out = sum(not writer.holds(question) for question in eval_set.questions_)
    counted = f"{out} of {eval_set.count} questions ({writer.needs}); " if out else ""
    return f"{format_name} does not hold: {counted}{writer.lost}" if writer.lost else ""


def _squad(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """SQuAD 2.0: one article a document; a question stands under its first gold document, with its spans there as
    answers. Questions without a document stand under an article of their own without answers."""
    return {"squad.json": _articles(questions, documents, "v2.0")}


def _korquad(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """KorQuAD 1.0, which is SQuAD 1.1 in shape: every question has an answer that stands in its context."""
    return {"korquad.json": _articles([q for q in questions if _korquad_holds(q)], documents, "KorQuAD_v1.0")}


def _korquad_holds(question: Question) -> bool:
    return question.answerable and any(span.document and span.quote for span in question.evidence)


def _articles(questions: Sequence[Question], documents: Sequence[Document], version: str) -> bytes:
    known = by_name(documents)
    under: dict[str, list[dict[str, Any]]] = {document.id: [] for document in documents}
    first = next(iter(under))
    for question in questions:
        home = next((name for name in _places(question) if name in under), first)
        spans = [item for item in placed(question, known) if item[0].document == home and question.answerable]
        answers = [{"text": known[home].text[start:end], "answer_start": start} for _, start, end in spans]
        row: dict[str, Any] = {"id": question.id, "question": question.text, "answers": answers}
        under[home].append(row | ({"is_impossible": not question.answerable} if version == "v2.0" else {}))
    data = [
        {"title": document.id, "paragraphs": [{"context": document.text, "qas": under[document.id]}]}
        for document in documents
    ]
    return json.dumps({"version": version, "data": data}, ensure_ascii=False).encode("utf-8", "replace")


def _places(question: Question) -> list[str]:
    return [span.document for span in question.evidence] + list(question.documents)


def _beir(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """corpus.jsonl, queries.jsonl and qrels/test.tsv; references stand in the queries' metadata."""
    judged = [(question.id, name) for question in questions for name in golds(question)]
    qrels = "query-id\tcorpus-id\tscore\n" + "".join(f"{flat(one)}\t{flat(two)}\t1\n" for one, two in judged)
    return {
        "corpus.jsonl": lines(
            {"_id": document.id, "title": document.title, "text": document.text} for document in documents
        ),
        "queries.jsonl": lines(
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
        "ragas.jsonl": lines(
            {
                "user_input": question.text,
                "reference": question.references[0] if question.references else None,
                "reference_contexts": quotes(question),
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
            "context": quotes(question) or None,
            "source_file": golds(question)[0] if len(golds(question)) == 1 else None,
        }
        for question in questions
    ]
    return {"goldens.json": whole(rows)}


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


@dataclass(frozen=True)
class _Writer:
    """``documents``: whether the corpus is needed; ``lost``: what the format cannot hold; ``holds``: which questions it
    has a place for, and ``needs`` why not."""

    write: Callable[[Sequence[Question], Sequence[Document]], dict[str, bytes]]
    lost: str = ""
    documents: bool = False
    holds: Callable[[Question], bool] = lambda question: True
    needs: str = ""


_KIND = "type, slice, weight, metadata and filters"
_ONE = "references after the first, ids, gold documents without a quote, the mark of unanswerable questions"
_ANSWERS = "references (the answers are the evidence), evidence outside the first gold document, alternatives"
_ALTERNATIVES = "which pieces of evidence are alternatives"
_WRITERS: dict[str, _Writer] = {
    "jsonl": _Writer(jsonl),
    "csv": _Writer(csv_file, "offsets and groups of evidence, weight, metadata, documents"),
    "xlsx": _Writer(xlsx, "offsets and groups of evidence, weight, metadata, documents"),
    "squad": _Writer(_squad, f"{_ANSWERS}; {_KIND}", True),
    "korquad": _Writer(_korquad, f"{_ANSWERS}; {_KIND}", True, _korquad_holds, "it needs an answer in the context"),
    "beir": _Writer(
        _beir, f"quotes and offsets; {_KIND}", True, lambda q: bool(golds(q)), "without a judgement readers drop them"
    ),
    "autorag": _Writer(_autorag, f"quotes and offsets, the mark of unanswerable questions; {_KIND}", True),
    "ragas": _Writer(_ragas, f"{_ONE}, documents; {_KIND}"),
    "deepeval": _Writer(_deepeval, f"{_ONE}, documents; {_KIND}"),
    "flashrag": _Writer(flashrag, "quotes and offsets; weight, metadata and filters"),
    "llama-index": _Writer(llama_index, f"{_ONE}, documents; {_KIND}"),
    "mlflow": _Writer(mlflow_genai, f"offsets, {_ALTERNATIVES}, documents; weight, metadata and filters"),
    "hotpotqa": _Writer(
        hotpotqa,
        "references after the first, quotes shorter than a sentence, alternatives after the first, documents that no "
        "question needs; weight, metadata and filters",
        True,
        hotpotqa_holds,
        "it needs an answer",
    ),
    "clapnq": _Writer(
        clapnq,
        f"offsets, {_ALTERNATIVES}, documents that no question needs; {_KIND}",
        True,
        clapnq_holds,
        "no answer means unanswerable there",
    ),
    "ai4rag": _Writer(ai4rag, f"quotes and offsets, the mark of unanswerable questions, documents; {_KIND}"),
}
EXPORT_FORMATS = tuple(_WRITERS)


def _writer(name: str) -> _Writer:
    if name not in _WRITERS:
        raise UnknownNameError("export", "format", name, _WRITERS)
    return _WRITERS[name]

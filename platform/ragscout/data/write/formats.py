"""Writers of the formats of other tools: one function a format, one line each in the table of ``exporting``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragscout.data.versions import SYNTHETIC
from ragscout.data.write.parts import by_name, flat, golds, lines, placed, quotes, whole
from ragscout.model.evalset import Document, Question
from ragscout.providers.tokenize import sentences


def flashrag(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """test.jsonl, and corpus.jsonl whose first line is the title in quotation marks (the id where there is none).
    Gold documents and the mark of an unanswerable question stand in ``metadata``, which the format leaves free."""
    rows = []
    for question in questions:
        meta: dict[str, Any] = {"gold_doc_ids": golds(question), "answerable": question.answerable}
        meta |= {"type": question.type} if question.type else {}
        meta |= {"difficulty_level": question.slice} if question.slice else {}
        row = {"id": question.id, "question": question.text, "golden_answers": list(question.references)}
        rows.append(row | {"metadata": meta})
    made = {"test.jsonl": lines(rows)}
    if documents:
        made["corpus.jsonl"] = lines(
            {"id": document.id, "contents": f'"{flat(document.title) or document.id}"\n{document.text}'}
            for document in documents
        )
    return made


def llama_index(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """rag_dataset.json, a ``LabelledRagDataset``: one reference, the quotes as reference contexts."""
    examples = []
    for question in questions:
        by = {"model_name": "", "type": "ai" if question.meta.get("origin") == SYNTHETIC else "human"}
        examples.append(
            {
                "query": question.text,
                "query_by": by,
                "reference_contexts": quotes(question),
                "reference_answer": question.references[0] if question.references else "",
                "reference_answer_by": by,
            }
        )
    return {"rag_dataset.json": whole({"examples": examples})}


def mlflow_genai(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """mlflow.jsonl: records as ``EvaluationDataset.merge_records`` takes them. Expectations are free by name, so
    further references and the mark of an unanswerable question stand there too."""
    rows = []
    for question in questions:
        expected: dict[str, Any] = {"answerable": question.answerable}
        if question.references:
            expected["expected_response"] = question.references[0]
        if question.references[1:]:
            expected["further_references"] = list(question.references[1:])
        held = [{"doc_uri": span.document, "content": span.quote} for span in question.evidence if span.quote]
        known = {span["doc_uri"] for span in held}
        held += [{"doc_uri": name, "content": ""} for name in golds(question) if name not in known]
        expected |= {"expected_retrieved_context": held} if held else {}
        tags = {"id": question.id}
        tags |= {name: value for name in ("type", "slice") if (value := getattr(question, name))}
        rows.append({"inputs": {"question": question.text}, "expectations": expected, "tags": tags})
    return {"mlflow.jsonl": lines(rows)}


def hotpotqa(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """hotpotqa.json: the gold documents as context, cut into sentences; those that a span touches are the supporting
    facts. Of alternatives the first is written."""
    known, rows = by_name(documents), []
    for question in filter(hotpotqa_holds, questions):
        facts: dict[tuple[str, int], None] = {}
        first: dict[int, str] = {}
        for span, start, end in placed(question, known):
            if first.setdefault(span.group, span.document + span.quote) != span.document + span.quote:
                continue
            cut = enumerate(sentences(known[span.document].text))
            facts |= {(span.document, at): None for at, (low, high) in cut if low < end and start < high}
        context = []
        for name in golds(question):
            text = known[name].text if name in known else ""
            context.append([name, [text[low:high] for low, high in sentences(text)]])
        row = {"_id": question.id, "question": question.text, "answer": question.references[0]}
        row |= {"type": question.type, "level": question.slice}
        rows.append(row | {"supporting_facts": [list(fact) for fact in facts], "context": context})
    return {"hotpotqa.json": whole(rows)}


def hotpotqa_holds(question: Question) -> bool:
    """Whether the format has a place for a question: it needs an answer."""
    return question.answerable and bool(question.references)


def clapnq(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """clapnq.jsonl: the gold documents as passages, one output a reference, the quotes as selected sentences."""
    known, rows = by_name(documents), []
    for question in filter(clapnq_holds, questions):
        passages = [
            {"title": name, "text": text, "sentences": [text[low:high] for low, high in sentences(text)]}
            for name in golds(question)
            if name in known and (text := known[name].text)
        ]
        held = quotes(question)
        outputs: list[dict[str, Any]] = [{"answer": text, "selected_sentences": held} for text in question.references]
        unanswerable: list[dict[str, Any]] = [{"answer": "", "selected_sentences": []}]
        row = {"id": question.id, "input": question.text, "passages": passages}
        rows.append(row | {"output": outputs or unanswerable})
    return {"clapnq.jsonl": lines(rows)}


def clapnq_holds(question: Question) -> bool:
    """Whether the format has a place for a question: no answer means unanswerable there."""
    return not question.answerable or bool(question.references)


def ai4rag(questions: Sequence[Question], documents: Sequence[Document]) -> dict[str, bytes]:
    """benchmark.json: answers as alternatives, gold documents by id (a file name)."""
    rows = [
        {
            "question_id": question.id,
            "question": question.text,
            "correct_answers": list(question.references),
            "correct_answer_document_ids": golds(question),
        }
        for question in questions
    ]
    return {"benchmark.json": whole(rows)}

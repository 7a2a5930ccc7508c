"""A new version of an evaluation set made from an old one: other questions, the same documents, the parent kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from ragscout.data.findings import Finding
from ragscout.data.registry import BlobStore, Registry, manifest
from ragscout.data.report import UploadReport, count_languages, report_from_info
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.results.board import Note
from ragscout.model.text import language

SUGGESTED = "suggested"
SYNTHETIC = "synthetic"


def derive(
    eval_set: EvalSet, questions: Sequence[Question], note: str, *, blobs: BlobStore, registry: Registry
) -> EvalSet:
    """Register these questions as a version whose parent is ``eval_set``; equal content is the same version again.

    Args:
        eval_set: a pinned version; its documents and its lineage are kept.
        questions: all questions of the new version, in order.
        note: how the version came about, kept in its report.
    """
    data = manifest(eval_set.name, eval_set.lineage or eval_set.name, eval_set.files, questions)
    digest = hashlib.sha256(data).hexdigest()
    new = digest not in {row.digest for row in registry.evalsets(eval_set.name)}
    report = _report(eval_set, questions, note, digest, new, registry)
    version = registry.evalset_add(eval_set.name, digest, report.parent, report.as_info(), blobs.put(data))
    return replace(
        eval_set,
        version=version,
        digest=digest,
        questions_=tuple(questions),
        lineage=eval_set.lineage or eval_set.name,
        holdout_share=0.0,
        sealed=None,
    )


def all_questions(eval_set: EvalSet) -> tuple[Question, ...]:
    """Every question of a version, for making the next one; nothing is shown or measured."""
    return eval_set.with_holdout(0.0).development


def suggested(questions: Sequence[Question]) -> int:
    """How many questions have a piece of evidence that was suggested by a program, accepted by a person or not."""
    return sum(any(span.label == SUGGESTED for span in question.evidence) for question in questions)


def synthetic(questions: Sequence[Question]) -> int:
    """How many questions were written by a model."""
    return sum(question.meta.get("origin") == SYNTHETIC for question in questions)


def made_notes(questions: Sequence[Question]) -> list[Note]:
    """Return what a board says about questions and evidence that a program made; empty when there are none."""
    notes, total = [], len(questions)
    if count := suggested(questions):
        notes.append(Note("suggested_evidence", {"count": count, "questions": total}))
    if count := synthetic(questions):
        notes.append(Note("synthetic", {"count": count, "questions": total}))
    return notes


def _report(
    eval_set: EvalSet, questions: Sequence[Question], note: str, digest: str, new: bool, registry: Registry
) -> UploadReport:
    row = next((row for row in registry.evalsets(eval_set.name) if row.digest == eval_set.digest), None)
    known = (
        report_from_info(row.info)
        if row is not None
        else UploadReport(eval_set.name, 0, digest, new, document_files=len(eval_set.files))
    )
    return replace(
        known,
        version=0,
        digest=digest,
        new=new,
        parent=eval_set.digest if new else "",
        questions=len(questions),
        with_reference=sum(bool(question.references) for question in questions),
        with_evidence=sum(bool(question.evidence or question.documents) for question in questions),
        unanswerable=sum(not question.answerable for question in questions),
        question_languages=count_languages(language(question.text) for question in questions),
        findings=(*known.findings, Finding("derived", "info", note)),
    )

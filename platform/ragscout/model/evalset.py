"""Evaluation sets: documents, questions, references and evidence, and the sealed hold-out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Protocol

from ragscout.model.errors import EvalSetError
from ragscout.model.key import digest, keyed
from ragscout.model.offsets import Origin
from ragscout.model.outcome import Message


@dataclass(frozen=True)
class SourceFile:
    """One uploaded file: path relative to the upload (POSIX), SHA-256 of its bytes, media type."""

    path: str
    sha256: str
    media_type: str


@dataclass(frozen=True)
class Document:
    """A parsed document: ``text`` in the normal form of ``model.text``; ``id`` is stable across parsers.

    ``meta``: metadata columns, by name. ``origin``: where the text comes from when a transform changed it or cut it
    out of a parsed document, ``None`` when it is as parsed.
    """

    id: str
    text: str
    title: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None


@keyed("Span")
@dataclass(frozen=True)
class Span:
    """A piece of gold evidence: a quote with its place in a document.

    ``start``/``end`` are code points into the document's text, ``None`` when only the quote (or only the document)
    is known. Spans with the same ``group`` are alternatives; every group is needed. ``text_digest`` is the SHA-256 of
    the document text the offsets were marked on. ``label`` is ``gold`` or ``suggested``.
    """

    document: str
    quote: str = ""
    start: int | None = None
    end: int | None = None
    group: int = 0
    text_digest: str = ""
    label: str = "gold"


@dataclass(frozen=True)
class Question:
    """One question with what is known about its answer.

    ``references``: accepted answers, the fullest first; empty when none is known or the question is unanswerable.
    ``evidence``: gold spans; ``documents``: document-level gold ids. ``id`` names the row, it is in no key.
    ``filter``: metadata column to the values of which a document must carry one; retrieval obeys it. ``history``: what
    was said before in the same conversation, oldest first.

    A field with ``metadata={"asked": True}`` is a part of what is asked: it enters the keys where it is not empty, so
    that questions without it keep the keys they had before there was such a field.
    """

    id: str
    text: str
    references: tuple[str, ...] = ()
    answerable: bool = True
    evidence: tuple[Span, ...] = ()
    documents: tuple[str, ...] = ()
    type: str = ""
    slice: str = ""
    weight: float = 1.0
    must_pass: bool = False
    meta: Mapping[str, str] = field(default_factory=dict)
    filter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    history: tuple[Message, ...] = field(default=(), metadata={"asked": True})

    def admits(self, meta: Mapping[str, str]) -> bool:
        """Whether a document with this metadata passes the question's filter."""
        return all(meta.get(name, "") in values for name, values in self.filter.items())

    @cached_property
    def text_key(self) -> str:
        """Key for the stages that read only what is asked: the text and the filter (query to generate)."""
        return digest("question", self.text, *self._filtered, *self._asked)

    @cached_property
    def learnt_key(self) -> str:
        """Key for the stages that read what is asked through a value learnt from other questions: which of the learnt
        values may serve a question depends on the documents it is about."""
        return digest("question-learnt", self.text_key, sorted(self.named_documents))

    @property
    def named_documents(self) -> frozenset[str]:
        """Documents that the question is known to be about: those of its evidence and those it names."""
        return frozenset(span.document for span in self.evidence) | frozenset(self.documents)

    @cached_property
    def evidence_key(self) -> str:
        """Key for the stage that places evidence."""
        return digest("question-evidence", self.text, self.evidence, self.documents)

    @cached_property
    def full_key(self) -> str:
        """Key for measure: what is asked, references, answerable flag and evidence."""
        known = (self.references, self.answerable, self.evidence, self.documents)
        return digest("question-full", self.text, *known, *self._filtered, *self._asked)

    @property
    def _filtered(self) -> tuple[Mapping[str, tuple[str, ...]], ...]:
        """The filter as a part of a key; nothing where there is none, so that other questions keep their keys."""
        return (self.filter,) if self.filter else ()

    @property
    def _asked(self) -> tuple[object, ...]:
        """The further fields of what is asked that are not empty, as one part of a key; nothing where all are."""
        names = [field.name for field in fields(self) if field.metadata.get("asked")]
        given = {name: value for name in names if (value := getattr(self, name))}
        return (("asked", given),) if given else ()


class SealJournal(Protocol):
    """Where the opening of a hold-out is written down."""

    def append(self, kind: str, payload: Mapping[str, object]) -> int:
        """Append an entry and return its sequence number."""
        ...


@dataclass(frozen=True)
class EvalSet:
    """A version of an evaluation set. ``development`` is the only view of questions for everything but the final
    confirmation; ``open_sealed`` is the only door to the hold-out."""

    name: str
    version: int
    digest: str
    files: tuple[SourceFile, ...]
    questions_: tuple[Question, ...] = field(repr=False)
    holdout_share: float = 0.0
    lineage: str = ""
    sealed: tuple[str, ...] | None = field(default=None, repr=False)
    """Ids of the sealed questions where they are settled; ``None``: by a hash of each question's first document."""

    @property
    def count(self) -> int:
        """Number of questions, hold-out included."""
        return len(self.questions_)

    @property
    def development(self) -> tuple[Question, ...]:
        """Questions that may be looked at, in the set's order."""
        return tuple(question for question in self.questions_ if not self._sealed(question))

    def open_sealed(self, journal: SealJournal) -> tuple[Question, ...]:
        """Return the hold-out; the opening is written to the journal before any question is returned."""
        held = tuple(question for question in self.questions_ if self._sealed(question))
        journal.append("holdout_opened", {"eval_set": self.name, "lineage": self.lineage, "questions": len(held)})
        return held

    def with_holdout(self, share: float, sealed: Iterable[str] | None = None) -> EvalSet:
        """Return the same set with a hold-out of about this share (0..0.9), or of exactly the questions with
        these ids."""
        if not 0.0 <= share <= 0.9:
            raise EvalSetError(f"holdout: the share must lie in 0..0.9; got {share}. Use for example 0.3.")
        return replace(self, holdout_share=share, sealed=None if sealed is None else tuple(sealed))

    @cached_property
    def _settled(self) -> frozenset[str]:
        return frozenset(self.sealed or ())

    def _sealed(self, question: Question) -> bool:
        if not self.holdout_share:
            return False
        if self.sealed is not None:
            return question.id in self._settled
        anchor = min(
            (span.document for span in question.evidence), default=min(question.documents, default=question.text)
        )
        seed = hashlib.sha256(f"{self.lineage or self.name}\x00{anchor}".encode()).digest()
        return int.from_bytes(seed[:8], "big") / 2**64 < self.holdout_share


def unique_texts(questions: Iterable[Question]) -> Sequence[Question]:
    """Return the first question of every distinct text, in order."""
    seen: dict[str, Question] = {}
    for question in questions:
        seen.setdefault(question.text, question)
    return tuple(seen.values())

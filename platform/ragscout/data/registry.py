"""Where versions of evaluation sets lie: two protocols, and the manifest that pins a version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Protocol

from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import EvalSet, Question, SourceFile, Span
from ragscout.model.outcome import Message

SCHEMA = 1


class BlobStore(Protocol):
    """Immutable bytes under their SHA-256."""

    def put(self, data: bytes) -> str:
        """Store bytes; returns their digest."""
        ...

    def read(self, digest: str) -> bytes:
        """Return the bytes of a digest."""
        ...

    def exists(self, digest: str) -> bool:
        """Whether the bytes are there."""
        ...


class VersionRow(Protocol):
    """A registered version. ``digest`` and ``manifest`` are the same: the blob that lists the contents."""

    @property
    def name(self) -> str:
        """Name of the evaluation set."""
        ...

    @property
    def version(self) -> int:
        """Number of the version, from 1 on."""
        ...

    @property
    def digest(self) -> str:
        """Digest of the contents."""
        ...

    @property
    def parent(self) -> str:
        """Digest of the version it grew from, or empty."""
        ...

    @property
    def info(self) -> Mapping[str, Any]:
        """Counts, and the report of the upload."""
        ...

    @property
    def manifest(self) -> str:
        """Digest of the manifest blob."""
        ...


class Registry(Protocol):
    """Names and versions."""

    def evalset_add(self, name: str, digest: str, parent: str, info: Mapping[str, Any], manifest: str) -> int:
        """Register a version; the same digest keeps its number."""
        ...

    def evalset(self, name: str, version: int | None = None) -> VersionRow | None:
        """Return a version, the newest without a number."""
        ...

    def evalsets(self, name: str | None = None) -> Sequence[VersionRow]:
        """All versions (of one name), by name and number."""
        ...

    def evalset_remove(self, name: str, version: int) -> bool:
        """Take a version off the list."""
        ...


def manifest(name: str, lineage: str, files: Sequence[SourceFile], questions: Sequence[Question]) -> bytes:
    """Canonical bytes of a version: equal content, equal bytes."""
    content = {
        "kind": "evaluation set",
        "schema": SCHEMA,
        "name": name,
        "lineage": lineage,
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.path)],
        "questions": [_question_json(question) for question in questions],
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=None, allow_nan=False).encode()


def load_manifest(blobs: BlobStore, digest: str, version: int = 0) -> EvalSet:
    """Return the evaluation set that a manifest pins. ``version`` is what the registry calls it; 0 when nobody asked.

    Raises:
        EvalSetError: the blob is not a manifest of this schema.
    """
    try:
        data = json.loads(blobs.read(digest))
        if data["kind"] != "evaluation set" or data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        files = tuple(SourceFile(**file) for file in data["files"])
        questions = tuple(_question(item) for item in data["questions"])
        return EvalSet(data["name"], version, digest, files, questions, lineage=data["lineage"])
    except (ValueError, KeyError, TypeError) as error:
        raise EvalSetError(
            f"evaluation set {digest[:12]}: its manifest cannot be read; got {error}. Upload the data again."
        ) from None


_QUESTION = [(item.name, getattr(Question(id="", text=""), item.name)) for item in fields(Question)]
_SPAN = [(item.name, getattr(Span(document=""), item.name)) for item in fields(Span)]


def _question_json(question: Question) -> dict[str, Any]:
    """Fields that differ from their default."""
    kept = {
        name: value
        for name, default in _QUESTION
        if (value := getattr(question, name)) != default or name in ("id", "text")
    }
    if "evidence" in kept:
        kept["evidence"] = [
            {name: value for name, default in _SPAN if (value := getattr(span, name)) != default or name == "document"}
            for span in question.evidence
        ]
    if "history" in kept:
        kept["history"] = [asdict(turn) for turn in question.history]
    return kept


def _question(data: dict[str, Any]) -> Question:
    made = Question(
        **{
            **data,
            "references": tuple(data.get("references", ())),
            "documents": tuple(data.get("documents", ())),
            "evidence": (),
            "filter": {name: tuple(values) for name, values in data.get("filter", {}).items()},
            "history": tuple(Message(**turn) for turn in data.get("history", ())),
        }
    )
    return replace(made, evidence=tuple(Span(**span) for span in data.get("evidence", ())))

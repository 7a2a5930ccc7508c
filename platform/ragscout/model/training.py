"""Training splits: the questions that steps may learn from, frozen once under a name, and how they fall into folds.

A split is a file ``NAME.training.jsonl`` beside the sweep files, one question a line. Its digest is made of its
questions alone: what learns from it is keyed by that digest, so that questions which an evaluation set gets later are
only evaluated and change no key.

Questions that share a document, or a text, are one *group*. Groups are computed inside the frozen split, so no later
question moves one. A group lies in the fold that a hash of its first document says. Each fold has a value of its own,
learnt from the training questions of all other folds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ragscout.model.errors import EvalSetError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.key import keyed
from ragscout.model.outcome import Failure

SUFFIX = ".training.jsonl"
_QUESTION: TypeAdapter[Question] = TypeAdapter(Question)
_ASIDE: Mapping[str, Any] = {"id": "", "type": "", "slice": "", "weight": 1.0, "must_pass": False, "meta": {}}
"""Fields of a question that nothing learns from, as they stand in a split."""

SEEN = Failure(
    "measurement",
    "learnt_from",
    "Its documents belong to training questions of more than one fold, so every learnt value saw some of them.",
)
"""Outcome of a question that no learnt value may serve."""


@keyed("Split")
@dataclass(frozen=True)
class Split:
    """A reference to a training split, as a step's field holds it. Only ``digest`` is keyed; ``name`` is the one that
    the sweep file writes."""

    digest: str
    name: str = field(default="", metadata={"key": False})

    def __str__(self) -> str:
        return self.name or self.digest[:12]


@dataclass(frozen=True)
class TrainingSplit:
    """Questions that may be learnt from, each once, in an order that depends on nothing but themselves."""

    questions: tuple[Question, ...]

    @classmethod
    def of(cls, questions: Iterable[Question]) -> TrainingSplit:
        """Freeze questions: what names or weighs them in an evaluation set is left out."""
        bare = {question.full_key: replace(question, **_ASIDE) for question in questions}
        return cls(tuple(bare[key] for key in sorted(bare)))

    @classmethod
    def read(cls, data: bytes, where: str) -> TrainingSplit:
        """Read the bytes that ``data`` gives; ``where`` names them in messages.

        Raises:
            EvalSetError: naming the line that holds no question.
        """
        found = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                found.append(_QUESTION.validate_python({"id": "", **json.loads(line)}))
            except (ValueError, TypeError, ValidationError) as error:
                raise EvalSetError(
                    f"{where}:{number}: the training question cannot be read; got {type(error).__name__}. Take the "
                    "file back from where it was frozen, or freeze the questions under another name."
                ) from None
        return cls.of(found)

    @cached_property
    def data(self) -> bytes:
        """The split as bytes: one question a line; equal questions give equal bytes."""
        return "".join(f"{_line(question)}\n" for question in self.questions).encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``data``: what identifies the split."""
        return hashlib.sha256(self.data).hexdigest()

    def folds(self, count: int) -> Folds:
        """Draw the fold of every group.

        Args:
            count: number of folds, from 2 on.
        """
        roots = _Roots()
        for question in self.questions:
            roots.join(_names(question))
        every = dict.fromkeys(name for question in self.questions for name in _names(question))
        return Folds(count, {name: _drawn(roots.of(name), count) for name in every})


@dataclass(frozen=True)
class Folds:
    """Which fold holds which documents and texts of a training split. ``places``: name of a document or text to its
    fold, 0 to ``count`` - 1."""

    count: int
    places: Mapping[str, int]

    def of(self, question: Question) -> int | None:
        """Return the fold whose value may serve a question, ``None`` when none may.

        A training question gets the fold of its own group, which held it out. So does any other question whose
        documents and text belong to groups of one fold alone. A question that touches no group was seen by no value:
        it gets the fold that a hash of its own first document says, so that such questions are served by all values
        alike, and each always by the same.

        A question may join groups of two folds, when it was written after the split was frozen. Each fold's value saw
        the groups of all other folds, so every value saw a part of it and none may serve it. Leaving it out is the only
        exact rule: any choice would score it too well, and to move a group would change what was measured before.
        """
        held = {self.places[name] for name in _names(question) if name in self.places}
        if not held:
            return _drawn(_names(question)[0], self.count)
        return held.pop() if len(held) == 1 else None


def files(folder: Path) -> dict[str, Path]:
    """Training splits of a folder by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def read_file(folder: Path, name: str, where: str) -> TrainingSplit:
    """Read the split that was frozen under a name; ``where`` is the place of the name in the user's input.

    Raises:
        UnknownNameError: there is none in the folder.
        EvalSetError: the file cannot be read.
    """
    known = files(folder)
    if name not in known:
        raise UnknownNameError(where, "training split (frozen by `ragscout data freeze`)", name, known)
    try:
        return TrainingSplit.read(known[name].read_bytes(), str(known[name]))
    except OSError as error:
        raise EvalSetError(f"{known[name]}: the file cannot be read; got {error.strerror!r}. Check it.") from None


def write_file(folder: Path, name: str, split: TrainingSplit) -> Path:
    """Write a split under a name; the same questions again change nothing.

    Raises:
        EvalSetError: other questions are frozen under the name.
    """
    path = folder / f"{name}{SUFFIX}"
    if path.exists():
        known = read_file(folder, name, str(path))
        if known.digest != split.digest:
            raise EvalSetError(
                f"{path}: {len(known.questions)} other questions are frozen under this name; got "
                f"{len(split.questions)}. Freeze these under another name, and write that name in the sweep file."
            )
        return path
    path.write_bytes(split.data)
    return path


class _Roots:
    """Names that belong together, each with the smallest name of its group."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the smallest name of the group."""
        while self._parent.setdefault(name, name) != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def join(self, names: Sequence[str]) -> None:
        """Make one group of the groups of these names."""
        for other in names[1:]:
            first, second = sorted((self.of(names[0]), self.of(other)))
            self._parent[second] = first


def _names(question: Question) -> list[str]:
    """Return what ties a question to others, its documents first."""
    return [*_documents(question), _text(question)]


def _documents(question: Question) -> list[str]:
    # the marks keep a document apart from a text that reads like its name, and let documents come first in the order
    return [f"document {name}" for name in sorted(question.named_documents)]


def _text(question: Question) -> str:
    said = " ".join([*(message.content for message in question.history), question.text])
    return f"text {' '.join(said.split()).casefold()}"


def _drawn(name: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(f"fold\x00{name}".encode()).digest()[:8], "big") % count


def _line(question: Question) -> str:
    plain: dict[str, Any] = _QUESTION.dump_python(question, mode="json", exclude_defaults=True)
    return json.dumps({name: plain[name] for name in plain if name not in _ASIDE}, ensure_ascii=False, sort_keys=True)

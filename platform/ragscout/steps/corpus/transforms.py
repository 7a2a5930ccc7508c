"""Declared transforms of parsed documents: what they change and where every kept character came from.

A transform is data (a name and parameters), never code. It keeps a map of offsets, so that gold evidence marked on the
parsed text is found in the changed one.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

import regex  # type: ignore[import-untyped]
from pydantic import Field

from ragscout.model.errors import StepError
from ragscout.model.evalset import Document
from ragscout.model.key import keyed
from ragscout.model.markdown import heading_text
from ragscout.model.offsets import Origin, Piece, compose, edited, identity, shifted
from ragscout.model.text import normalise
from ragscout.steps.corpus.boilerplate import boilerplate
from ragscout.steps.corpus.personal import KINDS, Personal, personal

Edit = tuple[int, int, str]
_SECONDS = 2.0  # that one document may take under a regular expression
_PATTERN = 1000  # characters of a regular expression
_HEADING = re.compile(r"^(#{1,6})[ \t]++(\S.*)$", re.MULTILINE)
_FENCE = re.compile(r"^(?:```|~~~)(.*)$", re.MULTILINE)


class _Declared:
    """How a transform is shown on boards: its name, and the parameters that differ from the default."""

    def __str__(self) -> str:
        held = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        given = [
            f"{field.name}={'|'.join(held[field.name]) if isinstance(held[field.name], tuple) else held[field.name]}"
            for field in fields(self)  # type: ignore[arg-type]
            if field.name != "use" and held[field.name] != field.default
        ]
        return f"{held['use']}({', '.join(given)})" if given else str(held["use"])


@keyed("DropBoilerplate")
@dataclass(frozen=True, kw_only=True)
class DropBoilerplate(_Declared):
    """Lines that repeat: at the edges of a PDF's pages, or anywhere in the documents of the corpus. ``share``: of the
    pages or documents (at least three) that must have the line."""

    use: Literal["drop-boilerplate"] = "drop-boilerplate"
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5


@keyed("Deduplicate")
@dataclass(frozen=True, kw_only=True)
class Deduplicate(_Declared):
    """A document whose text repeats an earlier one, white space and case apart, is left out; evidence in it is looked
    for in the earlier one."""

    use: Literal["deduplicate"] = "deduplicate"


@keyed("MaskPersonalData")
@dataclass(frozen=True, kw_only=True)
class MaskPersonalData(_Declared):
    """E-mail addresses, telephone, resident registration and card numbers become ``[EMAIL]``, ``[PHONE]``, ``[RRN]``,
    ``[CARD]``."""

    use: Literal["mask-personal-data"] = "mask-personal-data"
    kinds: tuple[Personal, ...] = KINDS


@keyed("Replace")
@dataclass(frozen=True, kw_only=True)
class Replace(_Declared):
    """Every match of a regular expression is replaced by a fixed text. ``^`` and ``$`` stand at lines; a document that
    takes longer than two seconds is an error."""

    use: Literal["replace"] = "replace"
    pattern: str
    replacement: str = ""

    def __post_init__(self) -> None:
        """Compile once.

        Raises:
            ValueError: no regular expression, or too long a one.
        """
        if not self.pattern or len(self.pattern) > _PATTERN:
            raise ValueError(f"a pattern has 1 to {_PATTERN} characters; got {len(self.pattern)}")
        try:
            regex.compile(self.pattern, regex.MULTILINE)
        except regex.error as error:
            raise ValueError(f"not a regular expression ({error}); got {self.pattern!r}") from None


@keyed("SplitByHeading")
@dataclass(frozen=True, kw_only=True)
class SplitByHeading(_Declared):
    """A document becomes one per heading down to ``level`` (``#`` is 1), outside code blocks; what stands before the
    first heading is a part of its own. Parts are named ``document#n``, n from 1."""

    use: Literal["split-by-heading"] = "split-by-heading"
    level: Annotated[int, Field(ge=1, le=6)] = 2


Transform = Annotated[
    DropBoilerplate | Deduplicate | MaskPersonalData | Replace | SplitByHeading, Field(discriminator="use")
]


@dataclass(frozen=True)
class Changed:
    """Documents after the transforms; ``aliases``: id of a document that was left out to the one that repeats it;
    ``touched``: transform's position to how many documents it changed."""

    documents: tuple[Document, ...]
    aliases: Mapping[str, str]
    touched: tuple[int, ...]


def transformed(documents: Sequence[Document], transforms: Sequence[Transform]) -> Changed:
    """Apply transforms in order. Documents left without text fall away.

    Raises:
        StepError: a regular expression takes too long.
    """
    current = list(documents)
    aliases: dict[str, str] = {}
    touched = []
    for item in transforms:
        before = {document.id: document for document in current}
        if isinstance(item, Deduplicate):
            current = _deduplicated(current, aliases)
        elif isinstance(item, SplitByHeading):
            current = _split(current, item.level)
        else:
            current = _edited(current, item)
        same = sum(before.get(document.id) is document for document in current)
        touched.append(max(len(before), len(current)) - same)
    return Changed(tuple(current), aliases, tuple(touched))


def _edited(documents: list[Document], item: DropBoilerplate | MaskPersonalData | Replace) -> list[Document]:
    if isinstance(item, DropBoilerplate):
        edits: Iterable[Sequence[Edit]] = boilerplate(documents, item.share)
    elif isinstance(item, MaskPersonalData):
        edits = (personal(document.text, item.kinds) for document in documents)
    else:
        edits = (_matches(document, item) for document in documents)
    made = (_apply(document, found) if found else document for document, found in zip(documents, edits, strict=True))
    return [document for document in made if document.text.strip()]


def _matches(document: Document, item: Replace) -> list[Edit]:
    pattern = regex.compile(item.pattern, regex.MULTILINE)
    try:
        found = [match.span() for match in pattern.finditer(document.text, timeout=_SECONDS)]
    except TimeoutError:
        raise StepError(
            f"corpus.parse: transform replace takes longer than {_SECONDS:g} seconds on {document.id!r}; got the "
            f"pattern {item.pattern!r}. Write one without nested repetitions."
        ) from None
    return [(start, end, item.replacement) for start, end in found if start < end]


def _apply(document: Document, edits: Sequence[Edit]) -> Document:
    text, pieces = edited(document.text, edits)
    plain = normalise(text)
    if plain != text:  # the edit joined characters that belong together: where they came from is no longer exact
        text, pieces = plain, ()
    return _derived(document, text, pieces)


def _derived(document: Document, text: str, pieces: tuple[Piece, ...], **changes: str) -> Document:
    """Return a document with another text and the way back to the parsed one."""
    known = document.origin or origin_of(document)
    meta = dict(document.meta)
    if "pages" in meta:
        meta["pages"] = " ".join(str(shifted(pieces, int(at))) for at in meta["pages"].split())
    origin = replace(known, pieces=compose(known.pieces, pieces))
    return replace(document, text=text, meta=meta, origin=origin, **changes)


def origin_of(document: Document) -> Origin:
    """Return the origin of a document as parsed."""
    digest = hashlib.sha256(document.text.encode()).hexdigest()
    return Origin(document.id, digest, identity(len(document.text)))


def _deduplicated(documents: list[Document], aliases: dict[str, str]) -> list[Document]:
    first: dict[bytes, str] = {}
    kept = []
    for document in documents:
        text = "".join(document.text.split()).casefold()
        known = first.setdefault(hashlib.sha256(text.encode()).digest(), document.id)
        if known == document.id:
            kept.append(document)
        else:
            aliases[document.id] = known
            if document.origin is not None:
                aliases.setdefault(document.origin.document, known)
    return kept


def _fences(text: str) -> list[tuple[int, int]]:
    """Code blocks in order: from a line that begins with a fence to the next that is nothing else."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for line in _FENCE.finditer(text):
        if opened is None:
            opened = line.start()
        elif not line[1].strip(" \t"):
            found.append((opened, line.end()))
            opened = None
    return found


def _inside(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    before = bisect_right(spans, at, key=lambda span: span[0])
    return before > 0 and at < spans[before - 1][1]


def _split(documents: list[Document], level: int) -> list[Document]:
    made: list[Document] = []
    taken = {document.id for document in documents}
    for document in documents:
        fences = _fences(document.text)
        heads = [
            match
            for match in _HEADING.finditer(document.text)
            if len(match[1]) <= level and not _inside(match.start(), fences)
        ]
        starts = sorted({0, *(match.start() for match in heads)})
        titles = {match.start(): heading_text(match[2]) for match in heads}
        spans = [
            (start, end)
            for start, end in zip(starts, [*starts[1:], len(document.text)], strict=True)
            if document.text[start:end].strip()
        ]
        if len(spans) < 2:
            made.append(document)
            continue
        for number, (start, end) in enumerate(spans, 1):
            name = f"{document.id}#{number}"
            while name in taken:
                name += "'"
            taken.add(name)
            heading = titles.get(start, "")
            title = f"{document.title} › {heading}" if heading and heading != document.title else document.title
            pieces = ((start, 0, end - start),)
            made.append(_derived(document, document.text[start:end], pieces, id=name, title=title))
    return made

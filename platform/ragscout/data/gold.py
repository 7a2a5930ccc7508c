"""Gold evidence against the documents: ids resolved, offsets verified, what points nowhere counted and listed."""

from __future__ import annotations

import bisect
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from ragscout.data.draft import DraftQuestion, Gold
from ragscout.data.findings import Finding
from ragscout.model.evalset import Document, Question, Span
from ragscout.model.text import comparable, normalise
from ragscout.steps.batches import by_id

_FLOAT = re.compile(r"(\d+)\.0+")
_SPACE = re.compile(r"\s+")
_FLAT = 64 << 20  # characters of documents that are kept with their white space squeezed


class Places:
    """The documents, found by id in every usual spelling, and searched for quotes."""

    def __init__(self, documents: Sequence[Document]) -> None:
        """Args: documents = as parsed, ids unique."""
        self.by_id: Mapping[str, Document] = by_id(documents)
        self._loose: dict[str, set[str]] = defaultdict(set)
        for name in self.by_id:
            for spelling in _spellings(name):
                self._loose[spelling].add(name)
        self._bytes: dict[str, list[int]] = {}
        self._flat: dict[str, str] = {}
        self._flat_size = 0
        self._found: dict[str, str] = {}

    def resolve(self, name: str) -> str:
        """Return the id of a document as the corpus writes it; empty when there is none, or more than one could be
        meant."""
        if name in self.by_id:
            return name
        for spelling in _spellings(name):
            found = self._loose.get(spelling, set())
            if len(found) == 1:
                return next(iter(found))
        return ""

    def resolve_all(self, written: str) -> tuple[list[str], list[str]]:
        """Ids found and names not found in one entry, which may hold several names separated by commas."""
        found = self.resolve(written)
        if found:
            return [found], []
        parts = [part.strip() for part in written.split(",") if part.strip()]
        if len(parts) > 1:
            pairs = [(part, self.resolve(part)) for part in parts]
            return [found for _, found in pairs if found], [part for part, found in pairs if not found]
        return [], [written]

    def holds(self, quote: str) -> str:
        """Id of the first document that holds a quote (white space and looks apart); empty when none does."""
        if quote not in self._found:
            needle = _seen(quote)
            self._found[quote] = next(
                (
                    name
                    for name, document in self.by_id.items()
                    if quote in document.text or needle in self._flattened(name)
                ),
                "",
            )
        return self._found[quote]

    def contains(self, name: str, quote: str) -> bool:
        """Whether a document holds a quote, white space and looks apart."""
        return quote in self.by_id[name].text or _seen(quote.strip()) in self._flattened(name)

    def _flattened(self, name: str) -> str:
        if name not in self._flat:
            if self._flat_size > _FLAT:
                self._flat.clear()
                self._flat_size = 0
            self._flat[name] = _seen(self.by_id[name].text)
            self._flat_size += len(self._flat[name])
        return self._flat[name]

    def byte_span(self, name: str, start: int, end: int) -> tuple[int, int] | None:
        """Code points of a span given in UTF-8 bytes; ``None`` when it does not fall on character bounds."""
        if name not in self._bytes:
            sums, total = [0], 0
            for char in self.by_id[name].text:
                total += len(char.encode("utf-8"))
                sums.append(total)
            self._bytes[name] = sums
        sums = self._bytes[name]
        first, last = bisect.bisect_left(sums, start), bisect.bisect_left(sums, end)
        fits = first < len(sums) and last < len(sums) and sums[first] == start and sums[last] == end
        return (first, last) if fits else None


def _seen(text: str) -> str:
    """Return a text as quotes are looked for in it: by the look of its characters, white space squeezed."""
    return _SPACE.sub(" ", comparable(text))


def _spellings(name: str) -> list[str]:
    """Ways a document's name is written: NFC, base name, without suffix, without case, with POSIX slashes, and as the
    whole number that became ``7.0`` in a column with empty cells."""
    plain = comparable(unicodedata.normalize("NFC", name)).replace("\\", "/").strip().removeprefix("./")
    path = PurePosixPath(plain)
    suffix = path.suffix
    stem = plain[: -len(suffix)] if suffix and len(suffix) <= 6 and not suffix[1:].isdigit() else plain
    number = _FLOAT.fullmatch(plain)
    made = [plain, stem, path.name, PurePosixPath(stem).name, *([number[1]] if number else [])]
    return list(dict.fromkeys([*made, *(item.casefold() for item in made)]))


class GoldReport:
    """What became of the evidence of one upload; turned into findings at the end."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = defaultdict(list)
        self.missing: dict[str, int] = defaultdict(int)
        self.stated = 0
        self.matched = 0

    def add(self, kind: str, question: DraftQuestion, detail: str = "") -> None:
        """Note that something concerns a question."""
        row = f"{question.id} (line {question.line})" if question.line else question.id
        self.rows[kind].append(f"{row}: {detail}" if detail else row)


def place_evidence(
    questions: Iterable[DraftQuestion], documents: Sequence[Document]
) -> tuple[list[Question], list[Finding]]:
    """Questions with their evidence checked against the documents; without documents it is kept as stated.

    A question with a needed piece that points to no document loses its gold (it stays out of retrieval metrics) and
    keeps its reference. When documents are there and no gold at all matches, that is an error.
    """
    places, report = Places(documents), GoldReport()
    made: list[Question] = []
    unchecked: list[str] = []
    files: dict[str, None] = {}
    for question in questions:
        if (question.documents or question.evidence) and documents:
            report.stated += 1
            files.setdefault(question.file)
            _settle(question, places, report)
        elif question.documents or question.evidence:
            unchecked.append(question.id)
            files.setdefault(question.file)
        made.append(_question(question, places if documents else None))
    found = _findings(report, next(iter(files), ""), len(documents))
    if unchecked:
        text = f"gold evidence of {len(unchecked)} questions is not checked yet: no document was uploaded"
        remedy = "Upload the documents under the same name."
        found.append(Finding("gold_unchecked", "info", text, next(iter(files)), remedy=remedy))
    return made, found


def _settle(question: DraftQuestion, places: Places, report: GoldReport) -> None:
    found_documents: list[str] = []
    lost: list[str] = []
    for written in question.documents:
        found, missing = places.resolve_all(written)
        found_documents += found
        lost += missing
    number_groups(question.evidence)
    outside: list[str] = []
    kept = [gold for gold in question.evidence if _place(gold, question, places, report, outside)]
    dropped = [gold for gold in question.evidence if not any(gold is item for item in kept)]
    alive = {gold.group for gold in kept}
    needed = [gold for gold in dropped if gold.group not in alive]
    lost += [gold.document or _cut(gold.quote) for gold in needed if gold.document not in places.by_id]
    beyond = [text for gold in needed if (text := f"{gold.start}..{gold.end} of {gold.document}") in outside]
    for gold in dropped:
        if gold.group in alive:
            report.add("alternative", question, gold.document or _cut(gold.quote))
    lost = list(dict.fromkeys(lost))
    if lost or beyond:
        for name in lost:
            report.missing[name] += 1
        if lost:
            report.add("missing", question, ", ".join(lost))
        if beyond:
            report.add("offsets", question, ", ".join(beyond))
        question.meta["gold_missing"] = ", ".join([*lost, *beyond])
        question.documents, question.evidence = [], []
        return
    report.matched += 1
    question.documents, question.evidence = list(dict.fromkeys(found_documents)), kept


def number_groups(evidence: Sequence[Gold]) -> None:
    """Give groups numbers from 0 in order of appearance; a piece without a number is a group of its own."""
    numbers: dict[object, int] = {}
    for gold in evidence:
        key: object = ("own", id(gold)) if gold.group is None else gold.group
        gold.group = numbers.setdefault(key, len(numbers))


def _place(gold: Gold, question: DraftQuestion, places: Places, report: GoldReport, outside: list[str]) -> bool:
    """Resolve and verify one piece; ``False`` when it points to nothing. ``outside`` gets offsets beyond a document."""
    quote = normalise(gold.quote)
    name = places.resolve(gold.document) if gold.document else places.holds(quote.strip())
    if not name:
        return False
    gold.document = name
    text = places.by_id[name].text
    if gold.start is None or gold.end is None:
        gold.start = gold.end = None
        gold.quote = quote
        if quote and not places.contains(name, quote):
            report.add("fuzzy", question, name)
        return True
    if not quote:
        if not 0 <= gold.start < gold.end <= len(text):
            outside.append(f"{gold.start}..{gold.end} of {name}")
            return False
        gold.quote = text[gold.start : gold.end]
        return True
    if text[gold.start : gold.end] == quote:
        gold.quote = quote
        return True
    points = places.byte_span(name, gold.start, gold.end)
    if points is not None and text[points[0] : points[1]] == quote:
        gold.start, gold.end = points
        report.add("bytes", question)
    else:
        report.add("by_quote" if quote in text else "fuzzy", question, f"{gold.start}..{gold.end} of {name}")
        gold.start, gold.end = _nearest(text, quote, gold.start)
    gold.quote = quote
    return True


def _nearest(text: str, quote: str, near: int) -> tuple[int | None, int | None]:
    """Return the occurrence of a quote closest to where it was said to be."""
    best, at = -1, text.find(quote)
    while at >= 0:
        if best < 0 or abs(at - near) < abs(best - near):
            best = at
        at = text.find(quote, at + 1)
    return (best, best + len(quote)) if best >= 0 else (None, None)


def _question(draft: DraftQuestion, places: Places | None) -> Question:
    number_groups(draft.evidence)
    digests: dict[str, str] = {}

    def digest(name: str) -> str:
        if places is None or name not in places.by_id:
            return ""
        if name not in digests:
            digests[name] = hashlib.sha256(places.by_id[name].text.encode()).hexdigest()
        return digests[name]

    spans = tuple(
        Span(
            document=gold.document,
            quote=normalise(gold.quote),
            start=gold.start,
            end=gold.end,
            group=gold.group or 0,
            text_digest="" if gold.start is None else digest(gold.document),
            label=gold.label,
        )
        for gold in draft.evidence
    )
    return Question(
        id=draft.id,
        text=draft.text,
        references=tuple(draft.references),
        answerable=draft.answerable is not False,
        evidence=spans,
        documents=tuple(draft.documents),
        type=draft.type,
        slice=draft.slice,
        weight=draft.weight,
        must_pass=draft.must_pass,
        meta=dict(sorted(draft.meta.items())),
        filter=draft.filter,
    )


_SAID = {
    "bytes": ("offsets count bytes; they were converted to characters", "info", ""),
    "by_quote": (
        "offsets do not reproduce the quote; the quote was found in the document and used",
        "warning",
        "Mark the evidence again on this version of the documents, or remove the offsets.",
    ),
    "fuzzy": (
        "neither the offsets nor the exact quote fit the document; the nearest passage will be looked for",
        "warning",
        "Correct the quotes.",
    ),
    "alternative": ("an alternative piece of evidence was not found; another of its group was", "warning", ""),
    "offsets": (
        "offsets lie outside their document; these questions stay out of retrieval metrics",
        "warning",
        "Correct them, or give the quotes.",
    ),
}


def _findings(report: GoldReport, file: str, documents: int) -> list[Finding]:
    found = [
        Finding(f"gold_{kind}", severity, text, file, rows=tuple(report.rows[kind]), remedy=remedy)  # type: ignore[arg-type]
        for kind, (text, severity, remedy) in _SAID.items()
        if report.rows[kind]
    ]
    rows = tuple(report.rows["missing"])
    if not rows and report.rows["offsets"] and not report.matched:
        text = f"the offsets of none of {report.stated} questions lie inside their documents"
        remedy = "Count them in characters of the uploaded documents, or give the quotes."
        return [Finding("gold_nowhere", "error", text, file, rows=tuple(report.rows["offsets"]), remedy=remedy)]
    if not rows:
        return found
    names = ", ".join(_cut(name) for name in list(report.missing)[:10])
    more = f" and {len(report.missing) - 10} more" if len(report.missing) > 10 else ""
    if not report.matched:
        text = f"the gold evidence of none of {report.stated} questions is in the {documents} documents: {names}{more}"
        remedy = "Upload the documents that the questions refer to, or correct the ids."
        return [*found, Finding("gold_nowhere", "error", text, file, rows=rows, remedy=remedy)]
    text = (
        f"gold evidence of {len(rows)} of {report.stated} questions points to no uploaded document "
        f"({len(report.missing)} ids: {names}{more}); these questions stay out of retrieval metrics"
    )
    remedy = "Upload the missing documents or correct the ids."
    return [*found, Finding("gold_missing", "warning", text, file, rows=rows, remedy=remedy)]


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"

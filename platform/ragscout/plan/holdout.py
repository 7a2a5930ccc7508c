"""Which questions are sealed, and how often a hold-out was used.

A question goes where its documents go: questions that share a document form a component, and a hash of the lineage and
the component's first document says whether it is sealed. A question without evidence belongs to the document that its
words point to. Where a component is too large to be kept on one side (every tenth question), its questions go by
their own first document, and those of a document that is still too large by themselves.

What was decided once holds for the lineage: the opening records of earlier sweeps are looked up first, so that growing
a set (which may join two components) moves no question.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragscout.data import load_manifest
from ragscout.engine.session import Opening
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.key import digest
from ragscout.model.results.board import Note
from ragscout.providers.parse import parse
from ragscout.providers.tokenize import words
from ragscout.store.store import Store

SMALL, MIDDLE = 100, 300
"""Below the first number of questions there is no hold-out by default, up to the second it is 30 %, above it is at
least 100 questions."""
SHARE = 0.3
LARGEST_PART = 0.1


@dataclass(frozen=True)
class Use:
    """What sweeps of one lineage did with its questions. ``opened``: names of the sweeps that opened a hold-out;
    ``seen``: how many of the now sealed questions were development questions of an earlier sweep."""

    opened: tuple[str, ...] = ()
    seen: int = 0


def default_share(questions: int) -> float:
    """Return the share that stays sealed when the sweep file says nothing."""
    if questions < SMALL:
        return 0.0
    return SHARE if questions <= MIDDLE else max(SMALL / questions, SHARE)


def sealed_set(eval_set: EvalSet, share: float | None, store: Store) -> EvalSet:
    """Return the evaluation set with its hold-out: the share that the sweep file names, else the default one.

    Args:
        eval_set: a pinned version.
        share: 0 for none; ``None`` when the sweep file says nothing.
        store: where earlier sweeps of the lineage are recorded, and what documents questions point to is remembered.
    """
    named, share = share, default_share(eval_set.count) if share is None else share
    if not share:
        return eval_set.with_holdout(0.0)
    # a share that the sweep file names is kept: only sweeps with the same one settled anything for it
    known = {
        question.text_key: question.text_key in held
        for opening, old in _earlier(store, eval_set)
        if opening.holdout and named in (None, opening.holdout)
        for held in [{item.text_key for item in old.questions_ if item.id in set(opening.sealed)}]
        for question in old.questions_
    }
    return eval_set.with_holdout(share, members(eval_set, share, known, _pointed_at(eval_set, store)))


def members(
    eval_set: EvalSet, share: float, known: Mapping[str, bool] = {}, documents: Mapping[str, str] = {}
) -> tuple[str, ...]:
    """Ids of the sealed questions, in the set's order.

    Args:
        eval_set: the questions.
        share: 0..0.9 of the components are sealed.
        known: text key of a question that was placed before, to whether it is sealed.
        documents: question id to a document, for questions without evidence.
    """
    anchors = _anchors(eval_set.questions_, documents)
    placed: dict[str, bool] = {}
    for question in sorted(eval_set.questions_, key=lambda item: item.text_key):
        if question.text_key in known:
            placed.setdefault(anchors[question.id], known[question.text_key])
    lineage = eval_set.lineage or eval_set.name

    def sealed(question: Question) -> bool:
        if question.text_key in known:
            return known[question.text_key]
        anchor = anchors[question.id]
        if anchor in placed:
            return placed[anchor]
        drawn = hashlib.sha256(f"{lineage}\x00{anchor}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") / 2**64 < share

    return tuple(question.id for question in eval_set.questions_ if sealed(question))


def use_of(eval_set: EvalSet, store: Store, sweep: str) -> Use:
    """How earlier sweeps used the hold-out of this set's lineage."""
    lineage = eval_set.lineage or eval_set.name
    opened = [
        name.rpartition("-")[0]
        for name, entries in store.ledger.journals("holdout_opened").items()
        if name != sweep and any(entry.payload.get("lineage") == lineage for entry in entries)
    ]
    sealed = {question.text_key for question in eval_set.questions_} - {item.text_key for item in eval_set.development}
    seen: set[str] = set()
    for opening, old in _earlier(store, eval_set, sweep):
        held = set(opening.sealed)
        seen |= {item.text_key for item in old.questions_ if item.id not in held} & sealed
    return Use(tuple(opened), len(seen))


def sealed_must_pass(eval_set: EvalSet) -> tuple[Note, ...]:
    """Return what must be said when questions that every row must pass are sealed; empty when none is."""
    held = sum(item.must_pass for item in eval_set.questions_) - sum(item.must_pass for item in eval_set.development)
    return (Note("sealed_must_pass", {"held": held}),) if held else ()


def _earlier(store: Store, eval_set: EvalSet, sweep: str = "") -> list[tuple[Opening, EvalSet]]:
    """Return opening records of sweeps of the lineage (but ``sweep``) with their sets, the newest first: in a mapping
    the oldest record of a question wins."""
    sets: dict[str, EvalSet] = {}
    found = []
    for name, entries in store.ledger.journals("opened").items():
        opening = Opening.of(entries[0].payload)
        if opening.eval_set not in sets and store.blobs.exists(opening.eval_set):
            sets[opening.eval_set] = load_manifest(store.blobs, opening.eval_set)
        old = sets.get(opening.eval_set)
        if name != sweep and old is not None and (old.lineage or old.name) == (eval_set.lineage or eval_set.name):
            found.append((opening, old))
    return found[::-1]


def _documents(question: Question, pointed: Mapping[str, str]) -> list[str]:
    named = sorted({span.document for span in question.evidence} | set(question.documents))
    return named or ([pointed[question.id]] if question.id in pointed else [])


def _anchors(questions: Sequence[Question], pointed: Mapping[str, str]) -> dict[str, str]:
    """Question id to what decides about it: the first document of its component, of its own, or its text."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    named = {question.id: _documents(question, pointed) for question in questions}
    for documents in named.values():
        for other in documents[1:]:
            # the smaller name becomes the root, so that the root is the component's first document
            first, second = sorted((root(documents[0]), root(other)))
            parent[second] = first
    most = max(4, math.ceil(LARGEST_PART * len(questions)))
    choices = [
        {question.id: root(named[question.id][0]) for question in questions if named[question.id]},
        {question.id: named[question.id][0] for question in questions if named[question.id]},
    ]
    anchors = {question.id: question.text for question in questions}
    for choice in reversed(choices):
        sizes = Counter(choice.values())
        anchors |= {name: anchor for name, anchor in choice.items() if sizes[anchor] <= most}
    return anchors


def _pointed_at(eval_set: EvalSet, store: Store) -> dict[str, str]:
    """Question id to the document that shares its rarest words, for questions without evidence. Remembered."""
    asked = [question for question in eval_set.questions_ if not _documents(question, {})]
    if not asked:
        return {}
    key = digest("holdout-documents", 1, eval_set.digest)
    found = store.ledger.memo_get("holdout-documents", [key])
    if key not in found:
        found = {key: json.dumps(_nearest(eval_set, asked, store), ensure_ascii=False, sort_keys=True)}
        store.ledger.memo_put("holdout-documents", found)
    pointed: dict[str, str] = json.loads(found[key])
    return pointed


def _nearest(eval_set: EvalSet, asked: Sequence[Question], store: Store) -> dict[str, str]:
    """Return the document with the largest sum of inverse document frequencies of a question's words; ties by its
    id."""
    wanted = {question.id: set(words(question.text)) for question in asked}
    known = set().union(*wanted.values())
    holders: dict[str, list[str]] = defaultdict(list)
    count = 0
    for file in sorted(eval_set.files, key=lambda item: item.path):
        for document in parse(file, store.blobs.read(file.sha256)).documents:
            count += 1
            for word in known & set(words(document.text)):
                holders[word].append(document.id)
    found = {}
    for question in asked:
        scores: dict[str, float] = defaultdict(float)
        for word in sorted(wanted[question.id]):
            for name in holders[word]:
                scores[name] += math.log(1 + count / len(holders[word]))
        if scores:
            found[question.id] = min(scores, key=lambda name: (-round(scores[name], 9), name))
    return found

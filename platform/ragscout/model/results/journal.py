"""What the journal of a sweep says: one frozen class per kind of entry, and one table that encodes and decodes them.

``encode`` gives the plain values that the store keeps, ``decode`` reads them back. A kind that this version does not
know decodes as ``UnknownEntry`` and is kept as it is. Forms of earlier versions are read through ``_OLD_FORMS``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ragscout.model.errors import StoreError
from ragscout.model.results.board import Note
from ragscout.model.results.reason import Reason


@dataclass(frozen=True)
class SweepOpened:
    """The first entry. ``record``: plain values of ``engine.session.Opening``, all that a worker needs."""

    record: Mapping[str, Any]


@dataclass(frozen=True)
class SampleSettled:
    """How many documents the corpus sample holds, of how many, by why they are in it. ``failed``: why it could not be
    made. ``used``: whether retrieval is ranked on it."""

    documents: int
    of: int
    evidence: int
    nearest: int
    random: int
    failed: str
    used: bool


@dataclass(frozen=True)
class AskedRequest:
    """Questions, by id, that were asked of one configuration, by key. ``reason``: see ``search.contract.Request``."""

    configuration: str
    questions: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class RoundAsked:
    """A round as it was proposed, written before it runs. Rounds count from 0."""

    round: int
    requests: tuple[AskedRequest, ...]


@dataclass(frozen=True)
class RoundMeasured:
    """A round was measured and told. ``failed``: configuration key to why it cannot run; ``broken``: key of a measure
    node to why it cannot be computed; ``notes``: what the proposer has to say; ``clock``: seconds that the sweep took
    so far, over all its processes."""

    round: int
    failed: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    clock: float = 0.0


@dataclass(frozen=True)
class RowsWaiting:
    """A run ended and left rows to the next one. ``rows``: configuration key to why it waits; empty when none does any
    more."""

    rows: Mapping[str, str]


@dataclass(frozen=True)
class RowsDropped:
    """Somebody left rows out for good. ``rows``: configuration key to why it is left out."""

    rows: Mapping[str, str]


@dataclass(frozen=True)
class SearchEnded:
    """What ended the search. ``broken``: in the middle of ``round``, else before it; ``answers``: how many the finals
    may ask, ``None`` without a limit."""

    round: int
    reason: Reason
    broken: bool
    answers: int | None = None
    clock: float = 0.0


@dataclass(frozen=True)
class ClosingBegun:
    """The search is over; probe, choice and hold-out follow."""

    clock: float = 0.0


@dataclass(frozen=True)
class Probed:
    """What the latency probe measured of the configuration ``key``: see ``serve.probe.Probe``."""

    key: str
    seconds: tuple[float, ...]
    stages: Mapping[str, tuple[float, ...]]
    at_once: int
    together: tuple[float, ...]
    first: tuple[float, ...]
    failed: int
    why: str
    clock: float = 0.0


@dataclass(frozen=True)
class ProbeOver:
    """No further configuration is probed."""

    clock: float = 0.0


@dataclass(frozen=True)
class Chosen:
    """The choice, fixed before a sealed question is read. ``rows``: configuration keys that are confirmed on
    ``questions`` sealed questions each; ``sealed``: why the hold-out stays sealed, ``None`` when it does not;
    ``used_by``: earlier sweeps that opened it; ``seen``: how many of its questions were development questions once."""

    leader: str
    recommended: str
    rows: tuple[str, ...]
    questions: int
    sealed: Reason | None = None
    used_by: tuple[str, ...] = ()
    seen: int = 0


@dataclass(frozen=True)
class HoldoutOpened:
    """The hold-out of an evaluation set was opened; ``lineage`` joins the versions of the set."""

    eval_set: str
    lineage: str
    questions: int


@dataclass(frozen=True)
class HoldoutConfirmed:
    """The chosen rows answered the sealed questions. ``broken``: nodes that cannot be computed, with the cause."""

    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepClosed:
    """Nothing more will be asked."""

    reason: Reason


@dataclass(frozen=True)
class JudgeLabelled:
    """People's labels of a judge's criterion were added, which change the board of a finished sweep."""

    criterion: str
    labels: int


@dataclass(frozen=True)
class UnknownEntry:
    """An entry of a kind that this version does not know."""

    kind: str
    payload: Mapping[str, Any]


JournalEntry = (
    SweepOpened
    | SampleSettled
    | RoundAsked
    | RoundMeasured
    | RowsWaiting
    | RowsDropped
    | SearchEnded
    | ClosingBegun
    | Probed
    | ProbeOver
    | Chosen
    | HoldoutOpened
    | HoldoutConfirmed
    | SweepClosed
    | JudgeLabelled
    | UnknownEntry
)

KINDS: dict[str, type[Any]] = {
    "opened": SweepOpened,
    "sample": SampleSettled,
    "round": RoundAsked,
    "measured": RoundMeasured,
    "waiting": RowsWaiting,
    "dropped": RowsDropped,
    "search_over": SearchEnded,
    "closing": ClosingBegun,
    "probed": Probed,
    "probe_over": ProbeOver,
    "chosen": Chosen,
    "holdout_opened": HoldoutOpened,
    "confirmed": HoldoutConfirmed,
    "closed": SweepClosed,
    "labelled": JudgeLabelled,
}
"""Name of a kind in the store to its class."""
_NAMES = {made: name for name, made in KINDS.items()}
_DONE_PROSE = "the search is over"


def kind_of(entry: JournalEntry | type[JournalEntry]) -> str:
    """Return the name under which the store keeps entries of this class."""
    if isinstance(entry, UnknownEntry):
        return entry.kind
    return _NAMES[entry if isinstance(entry, type) else type(entry)]


def encode(entry: JournalEntry) -> tuple[str, dict[str, Any]]:
    """Return the kind of an entry and its plain values, fit for JSON."""
    if isinstance(entry, UnknownEntry):
        return entry.kind, dict(entry.payload)
    if isinstance(entry, SweepOpened):
        return kind_of(entry), dict(entry.record)
    kind = kind_of(entry)
    plain: dict[str, Any] = _adapter(kind).dump_python(entry, mode="json")
    return kind, plain


def decode(kind: str, payload: Mapping[str, Any]) -> JournalEntry:
    """Read an entry back from its kind and plain values, whichever version wrote them.

    Raises:
        StoreError: the kind is known and its values are not what that kind holds.
    """
    if kind not in KINDS:
        return UnknownEntry(kind, payload)
    if kind == "opened":
        return SweepOpened(payload)
    modern = _OLD_FORMS[kind](payload) if kind in _OLD_FORMS else payload
    try:
        entry: JournalEntry = _adapter(kind).validate_python(dict(modern))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise StoreError(
            f"store: a journal entry of kind {kind!r} cannot be read; {place}: {error.errors()[0]['msg']}. "
            "Use the version of ragscout that wrote it, or run the sweep under another name."
        ) from None
    return entry


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def _reason_of(prose: str) -> dict[str, Any]:
    """Return the reason that an earlier version wrote down as a sentence."""
    return {"kind": "done"} if prose == _DONE_PROSE else {"kind": "legacy", "values": {"text": prose}}


def _old_end(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return payload if "reason" in payload else {**payload, "reason": _reason_of(str(payload.get("why", "")))}


def _old_choice(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    prose = str(payload.get("why", ""))
    return {**payload, "sealed": _reason_of(prose)} if prose else payload


def _old_notes(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return notes were two sentences each."""
    notes = [
        {"kind": "legacy", "values": {"en": note["en"], "ko": note["ko"]}} if "en" in note else note
        for note in payload.get("notes", ())
    ]
    return {**payload, "notes": notes}


_OLD_FORMS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "measured": _old_notes,
    "search_over": _old_end,
    "closed": _old_end,
    "chosen": _old_choice,
}
"""Kinds whose reasons or notes were sentences once, with what brings them into today's form."""

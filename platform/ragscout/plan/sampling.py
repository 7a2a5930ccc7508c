"""When a sweep ranks retrieval on a corpus sample first, and what it says about it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from ragscout.engine.fill import Filled, Want
from ragscout.engine.journal import SweepJournal
from ragscout.engine.session import Opening
from ragscout.model.results.declared_sample import AUTO, OFF, Declared, size_of
from ragscout.model.results.journal import SampleSettled, SweepOpened
from ragscout.plan.estimate import indexing
from ragscout.plan.setup import Setup
from ragscout.store.store import Store

QUARTER = 0.25
"""Share of the time budget that building all prefixes may take without a sample."""
TARGET = 0.05
"""Share of the time budget that building all prefixes on a sample of ``auto`` should take."""
LARGEST_SHARE = 0.5
"""Largest share of the documents that a sample of ``auto`` may hold: a larger one saves too little."""


def declare(prepared: Setup, store: Store, wanted: str, useful: bool) -> Setup:
    """Return the sweep with its sample declared, or without one. What an earlier process wrote down stays.

    Args:
        prepared: the sweep.
        store: its journal and what is computed already.
        wanted: ``screen: {sample: ...}`` as ``engine.corpus_sample.setting`` spells it.
        useful: whether the search has a prior that the sample could feed.
    """
    opened = SweepJournal(store.ledger, prepared.sweep_id).first(SweepOpened)
    if opened is not None:
        sample = Opening.of(opened.record).sample
    else:
        sample = _chosen(prepared, store, wanted) if useful and prepared.prefixes else None
    return replace(prepared, opening=replace(prepared.opening, sample=sample))


def _chosen(prepared: Setup, store: Store, wanted: str) -> Declared | None:
    minutes, seed = prepared.spec.budget.minutes, prepared.spec.seed
    if wanted == OFF or (wanted == AUTO and minutes is None):
        return None
    seconds, budget = indexing(prepared, store).expected, 60.0 * (minutes or 0.0)
    if wanted != AUTO:
        size, share = size_of(wanted)
        return Declared(size, share, seed, False, round(seconds, 3), budget)
    if seconds <= QUARTER * budget:
        return None
    # powers of two, so that an estimate that moves a little declares the same sample
    share = 2.0 ** -math.ceil(math.log2(seconds / (TARGET * budget)))
    return Declared(0, share, seed, True, round(seconds, 3), budget)


def plan_line(prepared: Setup, wanted: str) -> str:
    """Return what ``plan`` says about the sample: why, how large, what it saves; empty where there is nothing to
    say."""
    declared = prepared.opening.sample
    if declared is None:
        named = wanted not in (AUTO, OFF)
        return (
            "Corpus sample: not used; only the factor search with a retrieval metric has a use for it." if named else ""
        )
    if declared.auto:
        why = (
            f"building all prefixes takes about {_minutes(declared.seconds)}, more than a quarter of budget.minutes "
            f"({declared.budget / 60:g})"
        )
    else:
        why = f"the sweep file asks for it; building all prefixes takes about {_minutes(declared.seconds)}"
    saved = f", which saves about {_minutes(declared.seconds * (1 - declared.share))}" if declared.share else ""
    return (
        f"Corpus sample: {why}. Prefixes are first ranked on {_size(declared)} (all evidence, nearest distractors, "
        f"random ones; seed {declared.seed}){saved} before the first answer. Its figures only guide the search: every "
        "row that can be recommended is measured on the whole corpus."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"


def _size(declared: Declared) -> str:
    return f"{declared.size:,} documents" if declared.size else f"{100 * declared.share:.3g} % of the documents"


async def apply_sample(
    prepared: Setup, journal: SweepJournal, store: Store, fill: Callable[[Sequence[Want]], Awaitable[Filled]]
) -> list[str]:
    """Choose the sample's documents and write down how many they are, and whether ranking on them is worth it.

    Returns why the sample could not be made yet, in words; nothing is written down then.
    """
    declared = prepared.opening.sample
    if declared is None or journal.last(SampleSettled) is not None:
        return []
    roots = {item.source.key: item.source for item in prepared.sampled.values()}
    filled = await fill([Want(root) for root in roots.values()])
    if left := filled.why_open():
        return left
    rows = [store.ledger.value(key) for key in roots]
    notes: list[Mapping[str, float]] = [row.notes for row in rows if row is not None]

    def total(name: str) -> int:
        return int(sum(note.get(name, 0) for note in notes))

    documents, of, failed = total("documents"), total("of"), next(iter(filled.failed.values()), "")
    large = documents >= of if not declared.auto else documents > LARGEST_SHARE * of
    used = not failed and not large
    counts = (documents, of, total("evidence"), total("nearest"), total("random"))
    journal.append(SampleSettled(*counts, failed=failed, used=used))
    return []

"""From an opened sweep to the material of its reports."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable

from ragscout.model.key import short
from ragscout.model.results.board import BoardLanguage
from ragscout.plan.setup import Setup
from ragscout.record.recorder import Snapshot
from ragscout.record.words import of_language
from ragscout.report.material import MaterialOf, ReportMaterial
from ragscout.report.passages import PassageReader
from ragscout.report.plots import plots
from ragscout.store.store import Store


def material_of(prepared: Setup, store: Store, language: str = "") -> MaterialOf:
    """Return what makes the material of a snapshot of this sweep.

    Args:
        prepared: the sweep.
        store: where its cells lie.
        language: ``en``, ``ko``, or empty for the questions' own.
    """
    reader = PassageReader(prepared, store)
    facts = {
        "ragscout": importlib.metadata.version("ragscout"),
        "search": f"{prepared.search}, seed {prepared.spec.seed}",
        "sweep": f"{prepared.sweep_id} (spec {short(prepared.opening.spec)}, space {short(prepared.opening.space)})",
    }

    def make(snapshot: Snapshot) -> ReportMaterial:
        chosen: BoardLanguage = "ko" if language == "ko" else "en"
        return ReportMaterial(
            snapshot,
            prepared.space.configurations,
            chosen if language else of_language(snapshot.eval_set),
            dict(prepared.spec.goal.within),
            facts,
            reader.of,
        )

    return make


def plots_of(snapshot: Snapshot) -> dict[str, bytes]:
    """Make the plots of a snapshot, for recorders: file name to bytes, in the language of the questions."""
    return plots(snapshot.board, of_language(snapshot.eval_set))


def report_of(prepared: Setup, store: Store) -> Callable[[Snapshot], bytes]:
    """Return what makes the HTML report of a snapshot, for recorders."""
    from ragscout.report.html import report

    made = material_of(prepared, store)
    return lambda snapshot: report(made(snapshot))

"""Finding a sweep by its file or by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragscout.model.errors import SpecError, UnknownNameError

if TYPE_CHECKING:
    from ragscout.store.store import Store
    from ragscout.sweep import Sweep


@dataclass(frozen=True)
class FoundSweep:
    """A sweep of a store. ``sweep``: the sweep itself where a file was named, ``None`` where a name was."""

    id: str
    name: str
    store: Store
    sweep: Sweep | None = None

    def holder(self) -> str | None:
        """Return who runs the sweep, in words; ``None`` when nobody does."""
        from ragscout.store.claims import claim_of
        from ragscout.store.owners import is_dead, shown

        holder = self.store.ledger.claimant(claim_of(self.id))
        return None if holder is None or is_dead(holder) else shown(holder)


def find_sweep(name_or_file: str, location: str | None) -> FoundSweep:
    """Find a sweep by its file, its name or its id. Of several that have a name, the one that runs is meant.

    Raises:
        UnknownNameError: the store knows no sweep of this name.
        SpecError: it knows several, and not one of them alone runs.
    """
    from ragscout.plan.setup import open_store
    from ragscout.sweep import Sweep

    if Path(name_or_file).is_file():
        sweep = Sweep.load(name_or_file, location)
        return FoundSweep(sweep.id, sweep.spec.sweep, sweep.store, sweep)
    store = open_store(location)
    known = store.ledger.sweeps()
    named = [name for name in known if name_or_file in (name, name.rpartition("-")[0])]
    found = [FoundSweep(name, name.rpartition("-")[0], store) for name in named]
    running = [item for item in found if item.holder() is not None]
    meant = running or found
    if not meant:
        names = {name.rpartition("-")[0] for name in known}
        raise UnknownNameError("sweep", "sweep of this store", name_or_file, names)
    if len(meant) > 1:
        raise SpecError(
            f"{name_or_file}: several sweeps have this name; name one of {', '.join(item.id for item in meant)}, "
            "or its file."
        )
    return meant[0]

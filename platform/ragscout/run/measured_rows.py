"""Rows of a sweep with what was measured of them, read from the store only where the journal said something new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from ragscout.model.config import Configuration
from ragscout.model.results.measured import Measured
from ragscout.plan.cells import CellReader
from ragscout.plan.setup import Setup
from ragscout.record.recorder import RecordedRow
from ragscout.run.journal_state import JournalState


class LazyTexts(Mapping[str, str]):
    """Texts by question that are read when the first one is asked for."""

    def __init__(self, load: Callable[[], Mapping[str, str]]) -> None:
        """Args: load = reads all of them."""
        self._load = load

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        return self._load()

    def __getitem__(self, question: str) -> str:
        return self._texts[question]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


@dataclass(frozen=True)
class MeasuredRow:
    """One row as it was read: entry ``touched`` of the journal had last spoken of it. ``cells``: how many of its cells
    were there; ``complete``: whether that is all of them."""

    touched: int
    cells: int
    complete: bool
    names: tuple[str, ...]
    measured: Measured
    row: RecordedRow


class MeasuredRows:
    """Every configuration that was asked something. A row that did not change is the same object as before."""

    def __init__(self, prepared: Setup, cells: CellReader) -> None:
        """Args: cells = reads the sweep's cells."""
        self._prepared, self._cells = prepared, cells
        self._kept: dict[str, MeasuredRow] = {}

    def update(self, state: JournalState) -> list[MeasuredRow]:
        """Read what is new and return all rows, in the order of first asking."""
        stale = [key for key in state.asked if not self._current(key, state)]
        names = {key: self._names(key, state) for key in stale}
        rows = {key: self._prepared.configuration(key) for key in stale}
        self._cells.load([(rows[key], names[key]) for key in stale])
        for key in stale:
            self._kept[key] = self._read(rows[key], names[key], state)
        return [self._kept[key] for key in state.asked]

    def _current(self, key: str, state: JournalState) -> bool:
        """Whether nothing can have changed: cells that were open may have come without a word in the journal."""
        kept = self._kept.get(key)
        return kept is not None and kept.touched == state.asked[key].touched and kept.complete

    def _names(self, key: str, state: JournalState) -> tuple[str, ...]:
        kept, asked = self._kept.get(key), state.asked[key]
        return kept.names if kept is not None and kept.touched == asked.touched else tuple(asked.names)

    def _read(self, configuration: Configuration, names: tuple[str, ...], state: JournalState) -> MeasuredRow:
        """Make a row from what was loaded; the one that is kept when nothing came."""
        touched, failed = state.asked[configuration.key].touched, state.failed.get(configuration.key, "")
        scores, cells, complete = self._cells.table(configuration, names, state.broken)
        kept = self._kept.get(configuration.key)
        if kept is not None and (kept.touched, kept.cells) == (touched, cells):
            return kept
        usage = self._cells.usage(configuration, tuple(scores))

        def answers() -> Mapping[str, str]:
            return self._cells.answers(configuration, names)

        return MeasuredRow(
            touched,
            cells,
            complete or bool(failed),
            names,
            Measured(configuration, scores, usage, failed),
            RecordedRow(configuration, scores, LazyTexts(answers)),
        )


class LazyRows(Sequence[RecordedRow]):
    """Rows that are read when the first one is asked for."""

    def __init__(self, load: Callable[[], Sequence[RecordedRow]]) -> None:
        """Args: load = reads all of them."""
        self._load = load

    @cached_property
    def _rows(self) -> Sequence[RecordedRow]:
        return self._load()

    @overload
    def __getitem__(self, place: int) -> RecordedRow: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[RecordedRow]: ...

    def __getitem__(self, place: int | slice) -> RecordedRow | Sequence[RecordedRow]:
        return self._rows[place]

    def __len__(self) -> int:
        return len(self._rows)

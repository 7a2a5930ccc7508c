"""What a corpus sample said of retrieval, beside what the whole corpus says. Plain values for the board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class SampledPrefix:
    """One retrieval prefix. ``sampled``: figure to its mean on the sample over every question; ``whole``: on the whole
    corpus over the ``asked`` questions that were measured there (empty when none was). ``rows``: keys of the rows of
    the board that retrieve so."""

    key: str
    name: str
    sampled: Mapping[str, float]
    whole: Mapping[str, float]
    asked: int
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorpusSample:
    """The sample of a sweep: ``documents`` of ``of``, among them ``evidence``, ``nearest`` and ``random`` ones.
    ``used``: whether prefixes were ranked on it; ``why``: what kept it from being made, empty otherwise.

    ``prefixes``: by the first figure on the sample, the best first. ``figures``: names in display order.
    ``agreement``: Spearman rank correlation of sample and whole corpus by figure, over the ``compared`` prefixes that
    were measured on every question of the whole corpus (three or more).
    """

    documents: int
    of: int
    evidence: int = 0
    nearest: int = 0
    random: int = 0
    used: bool = True
    why: str = ""
    figures: tuple[str, ...] = ()
    prefixes: tuple[SampledPrefix, ...] = ()
    agreement: Mapping[str, float] | None = None
    compared: int = 0

    @cached_property
    def _of_row(self) -> dict[str, SampledPrefix]:
        return {key: prefix for prefix in self.prefixes for key in prefix.rows}

    def of_row(self, key: str) -> Mapping[str, float]:
        """Return sampled figures of a row's prefix, empty where there are none."""
        found = self._of_row.get(key)
        return found.sampled if found is not None else {}

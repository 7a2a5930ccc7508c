"""Sample against whole: what the corpus sample said of every prefix, and how well that ranked them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ragscout.board.build import row_names
from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Scores
from ragscout.model.results.corpus_sample import CorpusSample, SampledPrefix
from ragscout.model.results.journal import SampleSettled
from ragscout.model.results.measured import Measured
from ragscout.plan.outcome_table import column_of
from ragscout.stats.rounding import rounded

FEWEST_PREFIXES = 3
"""Prefixes from which on a rank correlation is shown."""
Means = dict[str, float]
Outcomes = Mapping[str, Scores]


def corpus_sample(
    entry: SampleSettled,
    sampled: Mapping[str, Measured],
    whole: Iterable[tuple[str, Measured]],
    questions: Sequence[Question],
    figures: Sequence[Figure],
) -> CorpusSample:
    """Return what the board says of a sample.

    Args:
        entry: the journal's account of it.
        sampled: prefix key to what was measured on the sample.
        whole: prefix key and what was measured on the whole corpus, of every row and prefix.
        questions: in the sweep's order.
        figures: of retrieval; the first one orders the prefixes.
    """
    scores: dict[str, list[Outcomes]] = {}
    rows: dict[str, list[str]] = {}
    for prefix, item in whole:
        scores.setdefault(prefix, []).append(item.scores)
        rows.setdefault(prefix, []).append(item.configuration.key)
    configurations: list[Configuration] = [item.configuration for item in sampled.values()]
    found = [
        SampledPrefix(
            key,
            name,
            _means([item.scores], questions, figures),
            _means(scores.get(key, ()), questions, figures),
            sum(any(question.id in own for own in scores.get(key, ())) for question in questions),
            tuple(dict.fromkeys(rows.get(key, ()))),
        )
        for (key, item), name in zip(sampled.items(), row_names(configurations), strict=True)
    ]
    names = [figure.name for figure in figures if any(figure.name in item.sampled for item in found)]
    first = next((figure for figure in figures if figure.name in names), None)
    sign = -1 if first is None or first.higher_is_better else 1
    worst = float("inf")

    def place(item: SampledPrefix) -> tuple[float, str]:
        value = item.sampled.get(first.name) if first is not None else None
        return (worst if value is None else sign * value), item.key

    complete = [item for item in found if item.asked == len(questions)]
    counts = {name: getattr(entry, name) for name in ("documents", "of", "evidence", "nearest", "random")}
    return CorpusSample(
        **counts,
        used=entry.used,
        why=entry.failed,
        figures=tuple(names),
        prefixes=tuple(sorted(found, key=place)),
        agreement=_agreement(complete, names),
        compared=len(complete),
    )


def _means(tables: Sequence[Outcomes], questions: Sequence[Question], figures: Sequence[Figure]) -> Means:
    """Mean of every figure over what any of some rows with the same retrieval was scored on."""
    import numpy as np

    found: Means = {}
    asked = [question.id for question in questions]
    for figure in figures:
        means, known = np.zeros(len(asked)), np.zeros(len(asked), dtype=bool)
        for scores in tables:
            own, there = column_of(scores, figure.name, asked).counted(figure)
            means[there] = own[there]
            known = known | there
        values = means[known].tolist()
        if values:
            found[figure.name] = rounded(sum(values) / len(values))
    return found


def _agreement(prefixes: Sequence[SampledPrefix], names: Sequence[str]) -> Means | None:
    """Spearman's rho by figure; none for a figure that is constant on a side."""
    import numpy as np
    from scipy.stats import spearmanr

    found: Means = {}
    for name in names:
        pairs = [
            (item.sampled[name], item.whole[name]) for item in prefixes if name in item.sampled and name in item.whole
        ]
        # rounded: sums in another order must not break ties
        columns = np.round(pairs, 9)
        if len(pairs) >= FEWEST_PREFIXES and (columns != columns[0]).any(axis=0).all():
            found[name] = rounded(float(spearmanr(columns).statistic))
    return found or None

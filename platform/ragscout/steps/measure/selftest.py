"""Whether a metric can tell right from wrong in a language: identity, unrelated texts, paraphrases."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Failure, Score
from ragscout.model.runtime import Runtime
from ragscout.prompts.files import TONGUES, PackagedFile, Tongue
from ragscout.steps.measure.base import AnswerPair, TextMetric

EXACT = ("exact_match", "answer_in_text")
"""Metrics that do not claim to see a paraphrase: they must only never prefer the wrong answer."""

TRIPLES = {name: PackagedFile("ragscout.steps.measure", f"triples/{name}.jsonl") for name in TONGUES}
"""What metrics are tested on, by language."""

IDENTITY = 0.999
UNRELATED = 0.2
NEEDED = 0.95


@dataclass(frozen=True)
class Triple:
    """A reference, the same said otherwise, a wrong answer that shares its numbers, and an unrelated sentence."""

    reference: str
    paraphrase: str
    wrong: str
    unrelated: str


@dataclass(frozen=True)
class SelfTest:
    """Result of a self-test. Shares are of the triples, 0..1; ``why`` is empty when it passed."""

    passed: bool
    why: str
    identity: float = 0.0
    unrelated: float = 0.0
    paraphrase: float = 0.0
    triples: int = 0


@functools.cache
def triples(language: Tongue) -> tuple[Triple, ...]:
    """Return the packaged triples of a language."""
    return tuple(Triple(**json.loads(line)) for line in TRIPLES[language].text.splitlines())


async def selftest(metric: MeasureStep, language: Tongue, runtime: Runtime) -> SelfTest:
    """Run a metric over its language's triples.

    It passes when identical texts score at least 0.999, and on at least 95 % of the triples the unrelated sentence
    stays under 0.2 and the paraphrase beats the wrong answer. Metrics that compare no texts (retrieval, judges,
    refusals) pass without a test. The first figure of a metric is tested, on the scale of its declared range and with
    more being better.
    """
    if not isinstance(metric, TextMetric) or not metric.tested_on_triples:
        return SelfTest(True, "")
    rows = triples(language)
    figure = metric.figures()[0]
    found: list[Sequence[float]] = []
    for kind in ("reference", "paraphrase", "wrong", "unrelated"):
        scored = await metric.score_all(runtime, [AnswerPair(getattr(row, kind), (row.reference,)) for row in rows])
        outcomes = [scores[figure.name] for scores in scored]
        failure = next((item for item in outcomes if isinstance(item, Failure)), None)
        if failure is not None:
            return SelfTest(False, f"{metric.name} cannot score {_NAMES[language]}: {failure.detail}")
        values = [
            (item.value - figure.low) / (figure.high - figure.low) for item in outcomes if isinstance(item, Score)
        ]
        found.append(values if figure.higher_is_better else [1 - value for value in values])
    identical, paraphrase, wrong, unrelated = found
    tie_counts = metric.name in EXACT
    shares = SelfTest(
        passed=True,
        why="",
        identity=_share([value >= IDENTITY for value in identical]),
        unrelated=_share([value < UNRELATED for value in unrelated]),
        paraphrase=_share(
            [one > other or (tie_counts and one == other) for one, other in zip(paraphrase, wrong, strict=True)]
        ),
        triples=len(rows),
    )
    why = _why(shares)
    return replace(
        shares, passed=not why, why=f"{metric.name} fails its {_NAMES[language]} self-test: {why}" if why else ""
    )


_NAMES = {"en": "English", "ko": "Korean"}


def _why(result: SelfTest) -> str:
    faults = []
    if result.identity < 1.0:
        faults.append(f"only {result.identity:.0%} of identical texts score 1")
    if result.unrelated < NEEDED:
        faults.append(f"only {result.unrelated:.0%} of unrelated texts stay under {UNRELATED}")
    if result.paraphrase < NEEDED:
        faults.append(f"a paraphrase beats a wrong answer with the same numbers on {result.paraphrase:.0%} only")
    return "; ".join(faults)


def _share(passed: Sequence[bool]) -> float:
    return sum(passed) / len(passed)

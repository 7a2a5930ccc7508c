"""Where the money and the time went: to serve, to index, to evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ragscout.model.config import Configuration, plan
from ragscout.model.outcome import Usage
from ragscout.model.results.board import Board
from ragscout.model.stages import STAGES
from ragscout.plan.setup import Setup
from ragscout.store.store import Store
from ragscout.words import Phrase, Words, phrase

PURPOSES = ("answer", "judge", "query", "rerank", "context", "guard", "embed", "probe", "data")
"""Purposes of requests that have a name for people."""


@dataclass(frozen=True)
class SpendingPlan:
    """``evaluate``: what this sweep's requests took, by purpose; ``index``: what building every index of the space
    (and of its corpus sample) took, whichever sweep paid for it; ``serve``: money for 1,000 questions with the
    recommended row, ``None`` when it is unknown or nothing is recommended. Money is in ``currency``, ``None`` where a
    price is unknown."""

    evaluate: dict[str, Usage]
    index: Usage
    serve: float | None
    currency: str

    def lines(self, words: Words) -> Iterator[str]:
        """For people, in a language."""
        yield words("spending.serve", money=_amount(self.serve, self.currency, 2))
        yield words("spending.index", money=_amount(self.index.money, self.currency, 4), seconds=self.index.seconds)
        if not self.evaluate:
            yield words("spending.evaluate_none")
        for purpose, usage in self.evaluate.items():
            yield words(
                "spending.evaluate",
                purpose=purpose_phrase(purpose),
                requests=usage.calls,
                tokens=usage.input_tokens + usage.output_tokens,
                money=_amount(usage.money, self.currency, 4),
                seconds=usage.seconds,
            )


def purpose_phrase(purpose: str) -> Phrase | str:
    """Return what requests are for, in words; a purpose without a name is shown as it is."""
    return phrase(f"purpose.{purpose}") if purpose in PURPOSES else purpose


def spending(prepared: Setup, store: Store, board: Board) -> SpendingPlan:
    """Return what a sweep took so far. Seconds are those of the work itself, however much of it ran at once."""
    index = Usage()
    for node in plan(_indexed((*prepared.space.configurations, *prepared.sampled.values()))).values():
        found = None if node.per_question else store.ledger.value(node.key)
        if found is not None:
            index += found.usage
    best = board.recommended()
    serve = None if best is None else best.cost.per_1000
    return SpendingPlan(dict(store.ledger.spent(prepared.sweep_id).by_purpose), index, serve, prepared.currency)


def _indexed(configurations: Iterable[Configuration]) -> Iterable[Configuration]:
    """Return one configuration for each way to index: most of a space differs in what is asked of an index only."""
    found: dict[tuple[object, ...], Configuration] = {}
    for item in configurations:
        steps = (id(step) for stage, step in item.steps.items() if STAGES[stage].grain != "question")
        found.setdefault((item.source.key, *steps), item)
    return found.values()


def _amount(money: float | None, currency: str, digits: int) -> Phrase | str:
    if money is None:
        return phrase("spending.unknown")
    return f"{money:.{digits}f} {currency}".strip() if money else phrase("spending.nothing")

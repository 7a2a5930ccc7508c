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

PURPOSES = {
    "answer": "answers",
    "judge": "judging",
    "query": "rewriting queries",
    "rerank": "reranking",
    "context": "preparing passages",
    "guard": "guarding",
    "embed": "vectors from an endpoint",
    "probe": "latency probe",
    "data": "preparing data",
}


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

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"To serve 1,000 questions with the recommended row: {_amount(self.serve, self.currency, 2)}."
        yield f"To index (all that was built): {_shown(self.index, self.currency)}."
        if not self.evaluate:
            yield "To evaluate: no request to a chat model."
        for purpose, usage in self.evaluate.items():
            yield (
                f"To evaluate, {PURPOSES.get(purpose, purpose)}: {usage.calls} requests, "
                f"{usage.input_tokens + usage.output_tokens} tokens, {_shown(usage, self.currency)}."
            )


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


def _shown(usage: Usage, currency: str) -> str:
    return f"{_amount(usage.money, currency, 4)}, {usage.seconds:.0f} s of work"


def _amount(money: float | None, currency: str, digits: int) -> str:
    if money is None:
        return "price unknown"
    return f"{money:.{digits}f} {currency}".strip() if money else "no money"

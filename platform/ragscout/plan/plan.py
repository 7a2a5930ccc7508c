"""What a sweep would do, counted before anything is paid."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ragscout.engine.worker import cell_key
from ragscout.model.config import Configuration, plan
from ragscout.model.errors import SpecError, StepError, UnknownNameError
from ragscout.model.stages import STAGES
from ragscout.model.step import chat_models, model_files
from ragscout.plan.budget import SweepBudget
from ragscout.plan.estimate import Estimate, Range, each_answer, estimate
from ragscout.plan.lexicons import LexiconPlan, lexicons
from ragscout.plan.lexicons import lines as lexicon_lines
from ragscout.plan.setup import Setup, host_of
from ragscout.store.store import Store


@dataclass(frozen=True)
class Leaving:
    """One thing that would leave the machine: where to, what, by which step, at most how many requests."""

    host: str
    model: str
    stage: str
    sends: str
    requests: int


@dataclass(frozen=True)
class Plan:
    """Counts of a sweep. ``one_by_one``/``shared``: whole values and cells per stage, without and with sharing;
    ``cached``: how many of the shared ones the store holds. ``money_high``: upper bound, ``None`` when a price is
    unknown. ``absent``: models that are not on this machine, with the remedy. ``held``: sealed questions; ``answers``:
    what the search may ask, ``closing``: what hold-out and probe ask beside it. ``refused``: why a run would not
    begin, empty when it would. ``affordable``: how many (more) answers the search's part of the budget is expected to
    pay for, ``None`` without a limit. ``advice``: what so many questions can show. ``lexicons``:
    how each will be built."""

    sweep: str
    eval_set: str
    questions: int
    configurations: int
    proposed: int
    answers: int
    one_by_one: dict[str, int]
    shared: dict[str, int]
    cached: dict[str, int]
    leaving: tuple[Leaving, ...]
    money_high: float | None
    absent: tuple[str, ...]
    held: int = 0
    closing: int = 0
    estimate: Estimate | None = None
    refused: str = ""
    advice: tuple[str, ...] = field(default=())
    sample: str = ""
    lexicons: tuple[LexiconPlan, ...] = ()
    affordable: int | None = None

    def lines(self) -> list[str]:
        """For people."""
        found = [
            f"{self.sweep}: {self.configurations} distinct configurations on {self.eval_set}, "
            f"{self.questions} questions; the search asks for at most {self.answers} answers, hold-out and latency "
            f"probe for at most {self.closing}.",
            f"Work: {sum(self.one_by_one.values())} values and cells one by one, {sum(self.shared.values())} shared, "
            f"{sum(self.cached.values())} of them in the store.",
        ]
        if not self.leaving:
            found.append("Nothing leaves this machine.")
        for item in self.leaving:
            found.append(
                f"To {item.host} ({item.model}, {item.stage}): {item.sends}; at most {item.requests} requests."
            )
        if self.leaving and self.money_high is not None:
            found.append(f"Price: at most {self.money_high:.2f} (budget.usd).")
        found += lexicon_lines(self.lexicons)
        found += _estimated(self.estimate) if self.estimate is not None else []
        if self.affordable is not None and self.affordable < self.answers:
            found.append(
                f"The budget is expected to pay for about {self.affordable} more answers of the search, hold-out and "
                "probe set aside: it would end there."
            )
        found += [self.sample] if self.sample else []
        found += self.advice
        found += [f"Would be refused: {self.refused}"] if self.refused else []
        found += [f"Missing: {line}" for line in self.absent]
        return found

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


def make_plan(prepared: Setup, store: Store) -> Plan:
    """Count what ``prepared`` would do on ``store``. Reads keys only."""
    configurations = prepared.space.configurations
    questions = len(prepared.questions)
    one_by_one: Counter[str] = Counter()
    for item in configurations:
        for node in item.nodes.values():
            if node.step is not None:
                one_by_one[node.stage] += questions if node.per_question else 1
    shared: Counter[str] = Counter()
    cached: Counter[str] = Counter()
    for node in plan(configurations).values():
        if node.step is None:
            continue
        if node.per_question:
            keys = {cell_key(node, question) for question in prepared.questions}
            shared[node.stage] += len(keys)
            cached[node.stage] += len(store.ledger.cells_present(node.key, keys))
        else:
            shared[node.stage] += 1
            cached[node.stage] += store.ledger.value(node.key) is not None
    most = sum(questions for item in configurations if item.generates)
    answers = min(most, prepared.answers) if prepared.answers else most
    leaving = tuple(_leaving(prepared, configurations, answers))
    try:
        prepared.affordable()
        refused = ""
    except SpecError as error:
        refused = str(error)
    expected = partial(each_answer, prepared, store)
    budget = SweepBudget(store.ledger, prepared.sweep_id, minutes=None, spent_seconds=0.0, expected=expected)
    return Plan(
        prepared.spec.sweep,
        f"{prepared.eval_set.name}@{prepared.eval_set.version}",
        questions,
        len(configurations),
        sum(1 for item in configurations if not item.roles),
        answers,
        dict(one_by_one),
        dict(shared),
        dict(cached),
        leaving,
        prepared.opening.money if leaving else 0.0,
        tuple(_absent(prepared)),
        prepared.held,
        prepared.closing_most,
        estimate(prepared, store),
        refused,
        lexicons=lexicons(prepared, store),
        affordable=budget.answers(prepared.opening.limits(closing=False)),
    )


def _estimated(found: Estimate) -> list[str]:
    """Return the estimate for people: low, expected, high."""
    requests = ", ".join(f"{name} {_span(value)}" for name, value in found.requests.items()) or "none"
    money = "unknown; add price: to the connections" if found.money is None else _span(found.money, 2, found.currency)
    return [
        "Estimate (low / expected / high):",
        f"  answers {_span(found.answers)}; requests to chat models: {requests}; tokens {_span(found.tokens)}",
        f"  money {money}; minutes {_span(found.minutes, 1)}, of them hours to index {_span(found.index_hours, 2)}; "
        f"disk {_span(found.disk.times(1e-6), 0, 'MB')}",
        *(f"  · {source}" for source in found.sources),
    ]


def _span(value: Range, digits: int = 0, unit: str = "") -> str:
    ends = (value.low, value.expected, value.high)
    return " / ".join(f"{end:,.{digits}f}" for end in ends) + (f" {unit}" if unit else "")


def _leaving(prepared: Setup, configurations: Iterable[Configuration], answers: int) -> Iterable[Leaving]:
    steps = {step for item in configurations for step in item.steps.values()}
    remote = {item.identity_model(): item for item in prepared.opening.connections if host_of(item)}
    used: dict[tuple[str, str, str], int] = {}
    for step in [*sorted(steps, key=lambda step: (step.stage, step.label())), *prepared.metrics]:
        for model in chat_models(step):
            connection = remote.get(model)
            if connection is not None:
                number = answers if STAGES[step.stage].grain == "question" else 1
                used[host_of(connection), f"{model.provider}/{model.model}", step.stage] = number
    for (host, model_name, stage), number in sorted(used.items()):
        yield Leaving(host, model_name, stage, STAGES[stage].sends, number)


def _absent(prepared: Setup) -> Iterable[str]:
    """Return what to do about every model of the space that is not on this machine."""
    models = prepared.opening.models()
    wanted = {(connection.alias, "") for connection in prepared.opening.connections if connection.alias}
    steps = {step for item in prepared.space.configurations for step in item.steps.values()}
    wanted |= {(item.name, item.revision) for step in steps for item in model_files(step)}
    for name, revision in sorted(wanted):
        try:
            models.folder(name, revision)
        except (StepError, UnknownNameError) as error:
            yield str(error)

"""What a sweep would do, counted before anything is paid."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ragscout.engine.prepare import Prepared
from ragscout.engine.store import Store
from ragscout.engine.worker import chat_models, question_key
from ragscout.model.config import Configuration, plan
from ragscout.model.errors import StepError
from ragscout.model.stages import STAGES
from ragscout.spec import Connection

SENT = {
    "prompt": "questions and passages",
    "generate": "questions and passages",
    "measure": "questions, answers, references (and passages for faithfulness)",
    "embed": "every chunk of the documents, and the questions",
    "query": "questions",
    "rerank": "questions and passages",
}


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
    unknown. ``absent``: models that are not on this machine, with the remedy."""

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

    def lines(self) -> list[str]:
        """For people."""
        found = [
            f"{self.sweep}: {self.configurations} distinct configurations on {self.eval_set}, "
            f"{self.questions} questions; at most {self.answers} answers are asked for.",
            f"Work: {sum(self.one_by_one.values())} values and cells one by one, {sum(self.shared.values())} shared, "
            f"{sum(self.cached.values())} of them in the store.",
        ]
        if not self.leaving:
            found.append("Nothing leaves this machine.")
        for item in self.leaving:
            found.append(
                f"To {item.host} ({item.model}, {item.stage}): {item.sends}; at most {item.requests} requests."
            )
        if self.leaving:
            known = (
                "unknown: add price: to its connection" if self.money_high is None else f"at most {self.money_high:.2f}"
            )
            found.append(f"Price: {known}.")
        found += [f"Missing: {line}" for line in self.absent]
        return found

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


def make_plan(prepared: Prepared, store: Store) -> Plan:
    """Count what ``prepared`` would do on ``store``. Reads keys only."""
    configurations = prepared.space.configurations
    questions = len(prepared.questions)
    one_by_one: Counter[str] = Counter()
    for item in configurations:
        for node in item.nodes.values():
            one_by_one[node.stage] += questions if node.per_question else 1
    shared: Counter[str] = Counter()
    cached: Counter[str] = Counter()
    for node in plan(configurations).values():
        if node.stage == "source":
            continue
        if node.per_question:
            keys = {question_key(node.stage, question) for question in prepared.questions}
            shared[node.stage] += len(keys)
            cached[node.stage] += len(store.ledger.cells_present(node.key, keys))
        else:
            shared[node.stage] += 1
            cached[node.stage] += store.ledger.value(node.key) is not None
    del one_by_one["source"]
    most = sum(questions for item in configurations if item.generates)
    answers = min(most, prepared.answers) if prepared.answers else most
    leaving = tuple(_leaving(prepared, configurations, answers))
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
    )


def _leaving(prepared: Prepared, configurations: Iterable[Configuration], answers: int) -> Iterable[Leaving]:
    steps = {step for item in configurations for step in item.steps.values()}
    remote = {item.identity_model(): item for item in prepared.opening.connections if _host(item)}
    used: dict[tuple[str, str, str], int] = {}
    for step in [*sorted(steps, key=lambda step: (step.stage, step.label())), *prepared.metrics]:
        for model in chat_models(step):
            connection = remote.get(model)
            if connection is not None:
                number = answers if STAGES[step.stage].grain == "question" else 1
                used[_host(connection), f"{model.provider}/{model.model}", step.stage] = number
    for (host, model_name, stage), number in sorted(used.items()):
        yield Leaving(host, model_name, stage, SENT.get(stage, "questions"), number)


def _host(connection: Connection) -> str:
    host = urlsplit(connection.base_url or "").hostname or ""
    return "" if host in ("", "localhost", "127.0.0.1", "::1") else host


def _absent(prepared: Prepared) -> Iterable[str]:
    models = prepared.opening.models()
    names = {connection.alias for connection in prepared.opening.connections if connection.alias}
    for item in prepared.space.configurations:
        embed = item.steps.get("embed")
        name = getattr(embed, "model", "")
        if isinstance(name, str) and name:
            names.add(name)
    for name in sorted(names):
        try:
            models.folder(name)
        except StepError as error:
            yield str(error)

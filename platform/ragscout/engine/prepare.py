"""From a sweep file to everything that is fixed before the first request: the pinned evaluation set, the closed space,
the metrics, the goal, the opening record. Nothing here is paid for."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.data import open_eval_set
from ragscout.engine.holdout import sealed_set
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.session import Opening
from ragscout.engine.store import Store
from ragscout.engine.worker import chat_models
from ragscout.model.board import Goal
from ragscout.model.config import Configuration, Node, node, source_node
from ragscout.model.errors import SpecError, StoreError, UnknownNameError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.key import digest, short
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.step import make
from ragscout.model.text import language
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.spec import Space, SweepSpec, metrics, space, space_hash, spec_hash
from ragscout.spec.metrics import unsuited

STORE_VARIABLE = "RAGSCOUT_STORE"


@dataclass(frozen=True)
class Prepared:
    """What a sweep is made of. ``questions``: the development questions in the one seeded order of the sweep."""

    spec: SweepSpec
    eval_set: EvalSet
    questions: tuple[Question, ...]
    space: Space
    metrics: tuple[MeasureStep, ...]
    goal: Goal
    opening: Opening
    sweep_id: str
    notes: tuple[str, ...] = ()
    _by_id: dict[str, Question] = field(default_factory=dict, repr=False)

    @property
    def answers(self) -> int | None:
        """How many answers may be asked of candidates, ``None`` without a limit."""
        return self.spec.budget.answers

    @property
    def search(self) -> str:
        """Name of the proposer."""
        return self.spec.search.use

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure of every metric, in the order of the sweep file."""
        return tuple(figure for metric in self.metrics for figure in metric.figures())

    def figures_of(self, family: str) -> tuple[Figure, ...]:
        """Figures of one family: ``answer`` or ``retrieval``."""
        return tuple(figure for metric in self.metrics if metric.family == family for figure in metric.figures())

    @cached_property
    def currency(self) -> str:
        """Currency of the connections' prices, empty when none has a price of its own."""
        named = [dict(connection.price or {}).get("currency", "") for connection in self.opening.connections]
        return str(next((name for name in named if name), ""))

    @cached_property
    def signatures(self) -> dict[str, str]:
        """Figure name to the signature of its metric."""
        return {figure.name: metric.signature() for metric in self.metrics for figure in metric.figures()}

    @cached_property
    def prefixes(self) -> tuple[tuple[Configuration, ...], ...]:
        """Distinct retrieval prefixes in rounds, when there is a retrieval metric to score them: the lexical ones
        first, which cost next to nothing, then one round per encoder in the order of the sweep file."""
        if not self.figures_of("retrieval"):
            return ()
        rounds: dict[str, dict[str, Configuration]] = {"": {}}
        for item in self.space.configurations:
            if item.retrieves:
                prefix = item.retrieval()
                encoder = prefix.steps["embed"].key({}) if "embed" in prefix.steps else ""
                rounds.setdefault(encoder, {}).setdefault(prefix.key, prefix)
        return tuple(tuple(found.values()) for found in rounds.values() if found)

    @cached_property
    def floor(self) -> tuple[Configuration, ...]:
        """Baselines that ask no model for their answers: measured first, so that the first board has a floor."""
        return tuple(
            item
            for item in self.space.configurations
            if "baseline" in item.roles
            and item.retrieves
            and not any(chat_models(step) for step in item.steps.values())
        )

    @cached_property
    def _configurations(self) -> dict[str, Configuration]:
        return {item.key: item for item in (*chain.from_iterable(self.prefixes), *self.space.configurations)}

    def configuration(self, key: str) -> Configuration:
        """A configuration of the space (or a prefix) by its key.

        Raises:
            StoreError: the journal names one that this space does not hold.
        """
        try:
            return self._configurations[key]
        except KeyError:
            raise StoreError(
                f"{self.sweep_id}: the journal names configuration {short(key)}, which this version does not make. "
                "Run the sweep under another name."
            ) from None

    def pick(self, names: Sequence[str]) -> tuple[Question, ...]:
        """Questions by id."""
        return tuple(self._by_id[name] for name in names)

    def measures(self, configuration: Configuration) -> list[Node]:
        """Measure nodes of a configuration: those metrics whose inputs it has."""
        nodes = dict(configuration.nodes)
        if "corpus" in nodes:
            nodes["evidence"] = node(make("evidence", "place"), [nodes["corpus"]])
        found = []
        for metric in self.metrics:
            if metric.family == "retrieval" and not configuration.retrieves:
                continue
            if metric.family == "answer" and not configuration.generates:
                continue
            found.append(node(metric, [nodes[stage] for stage in metric.uses if stage in nodes]))
        return found

    def wanted(self, configuration: Configuration) -> list[Node]:
        """Nodes that must be filled to measure a configuration."""
        return [configuration.last, *self.measures(configuration)]

    def deadline(self) -> float | None:
        """Moment on the monotonic clock at which the budget's minutes are over, ``None`` without such a limit."""
        return None if self.spec.budget.minutes is None else time.monotonic() + 60 * self.spec.budget.minutes

    def study(self, store: Store) -> str:
        """Where the Optuna study lies: a file in the store's folder, or the URL of the setting RAGSCOUT_STUDY."""
        return os.environ.get("RAGSCOUT_STUDY") or str(store.folder / "studies" / f"{self.sweep_id}.journal")

    async def preflight(self, runtime: EngineRuntime) -> None:
        """Check what can be checked before anything is spent: every model that the space names is there.

        Raises:
            StepError: a model is absent; the message holds the remedy.
            MissingExtraError: a metric needs an optional dependency that is not installed.
        """
        for alias in sorted({connection.alias for connection in self.opening.connections if connection.alias}):
            runtime.models.folder(alias)
        for metric in self.metrics:
            metric.ready(runtime.models)


def prepare(spec: SweepSpec, store: Store, base: Path) -> Prepared:
    """Pin the evaluation set, close the space, choose metrics and goal, write the opening record down in memory.

    Raises:
        SpecError, EvalSetError: with place, cause and remedy.
    """
    eval_set = open_eval_set(spec.eval_set, blobs=store.blobs, registry=store.ledger, base=base)
    eval_set = sealed_set(eval_set, spec.holdout, store)
    questions = _ordered(eval_set.development, spec.seed)
    if not questions:
        raise SpecError(f"{spec.eval_set}: there is no question to ask; got 0. Add questions to the evaluation set.")
    network = frozenset(() if spec.network == "offline" else spec.network)
    models = Resolver(policy=NetworkPolicy.hosts(network))
    source = source_node(digest("source", [(item.path, item.sha256) for item in eval_set.files]))
    closed = space(spec, source, models)
    languages = {language(question.text) for question in questions}
    chosen = tuple(metric.resolved(models) for metric in metrics(spec, languages, models))
    goal = _goal(spec, chosen)
    opening = Opening(
        name=spec.sweep,
        eval_set=eval_set.digest,
        seed=spec.seed,
        spec=spec_hash(spec),
        space=space_hash(closed),
        metrics=tuple(metric.key({}) for metric in chosen),
        connections=tuple(spec.connections.values()),
        holdout=eval_set.holdout_share,
        sealed=eval_set.sealed or (),
        network=tuple(sorted(network)),
        money=spec.budget.usd,
        calls=spec.budget.calls,
    )
    sweep_id = f"{spec.sweep}-{short(digest('sweep', opening.spec, opening.space, opening.eval_set, opening.metrics))}"
    others = [name for name in store.ledger.sweeps() if name.rpartition("-")[0] == spec.sweep and name != sweep_id]
    changed = [f"{spec.sweep} was run before with another content: this is a new study, what was computed is reused."]
    return Prepared(
        spec,
        eval_set,
        questions,
        closed,
        chosen,
        goal,
        opening,
        sweep_id,
        (*spec.notes, *unsuited(chosen, languages), *(changed if others else ())),
        {question.id: question for question in questions},
    )


def open_store(location: str | Path | None = None) -> Store:
    """The store at a location, else at RAGSCOUT_STORE, else ``.ragscout`` in the working directory."""
    return Store.open(location or os.environ.get(STORE_VARIABLE) or Path(".ragscout"))


def _ordered(questions: Sequence[Question], seed: int) -> tuple[Question, ...]:
    """One common order for all configurations, drawn by hash so that an added question moves no other."""

    def place(question: Question) -> str:
        return hashlib.sha256(f"{seed}\x00{question.text_key}\x00{question.id}".encode()).hexdigest()

    return tuple(sorted(questions, key=place))


def _goal(spec: SweepSpec, chosen: Sequence[MeasureStep]) -> Goal:
    figures: Mapping[str, Figure] = {figure.name: figure for metric in chosen for figure in metric.figures()}
    name = spec.goal.metric
    if name not in figures:
        raise UnknownNameError("goal.maximize", "figure that the sweep measures", name, figures)
    if figures[name].level != "question":
        raise SpecError(
            f"goal: {name} is one figure for the whole set; got a set-level goal. Use a per-question figure."
        )
    return Goal.of(figures[name])

"""From a sweep file to everything that is fixed before the first request: the pinned evaluation set, the closed space,
the metrics, the goal, the opening record. Nothing here is paid for."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.data import open_eval_set
from ragscout.engine.journal import SweepJournal
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.session import Opening
from ragscout.model.config import Configuration, Node, node, source_node
from ragscout.model.errors import SpecError, StoreError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.key import digest, short
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.prefixes import distinct_prefixes
from ragscout.model.results.board import Goal
from ragscout.model.results.declared_sample import on_sample
from ragscout.model.results.journal import SweepOpened
from ragscout.model.results.weighted import Weighted
from ragscout.model.step import chat_models, make
from ragscout.model.text import language
from ragscout.plan.budget import CANDIDATES, CLOSING_SHARE
from ragscout.plan.goal import goal_of, refuse_unfit_goal, tester
from ragscout.plan.holdout import sealed_set
from ragscout.plan.training import keep_splits
from ragscout.providers import prices
from ragscout.providers.assets import Resolver
from ragscout.providers.client import DEFAULT_BASE_URL
from ragscout.providers.network import NetworkPolicy
from ragscout.spec import Connection, Space, SweepSpec, dump, ineffective, metrics, space, space_hash, spec_hash
from ragscout.spec.metrics import refuse_blind_goal, unsuited
from ragscout.steps.measure.leak import with_leaks
from ragscout.store.store import Store

STORE_VARIABLE = "RAGSCOUT_STORE"
MISSING_LIMIT = 0.02
"""Share of the questions that a language must have for the goal to be tested in it: less cannot exclude a row."""


@dataclass(frozen=True)
class Setup:
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
    weighted: Weighted | None = None
    _by_id: dict[str, Question] = field(default_factory=dict, repr=False)

    @property
    def answers(self) -> int | None:
        """How many answers the search may ask of candidates, ``None`` without a limit: what the file says, less what
        the hold-out (and, of ``calls``, the probe) will ask, at most a quarter."""
        budget = self.spec.budget
        limits = []
        if budget.answers is not None:
            limits.append(budget.answers - min(int(CLOSING_SHARE * budget.answers), self.closing_answers(probe=False)))
        if budget.calls is not None:
            limits.append(budget.calls - min(int(CLOSING_SHARE * budget.calls), self.closing_answers()))
        return min(limits, default=None)

    def opened(self) -> Opening:
        """Return the opening record as the journal takes it: with the sweep file's text, which only the journal
        needs."""
        return replace(self.opening, sweep_file=dump(self.spec))

    @property
    def held(self) -> int:
        """How many questions are sealed."""
        return self.eval_set.count - len(self.questions)

    def closing_answers(self, probe: bool = True) -> int:
        """Answers that the hold-out asks (leader, recommended, reference, baselines), and the latency probe (which asks
        its first question twice; a limit in seconds may take it to more rows, as far as the budget goes)."""
        rows = [item for item in self.space.configurations if item.generates]
        fixed = sum(1 for item in rows if {"reference", "baseline"} & set(item.roles))
        confirmed = min(len(rows), 2 + fixed) * self.held
        asked = min(self.spec.probe.questions, len(self.questions))
        if not probe or not asked:
            return confirmed
        each = 1 + asked * (1 + (self.spec.probe.concurrency > 1))
        return confirmed + min(len(rows), 1 + CANDIDATES + fixed) * each

    @property
    def closing_most(self) -> int:
        """``closing_answers`` as far as the limit on answers allows."""
        limit, held = self.spec.budget.answers, self.closing_answers(probe=False)
        allowed = held if limit is None else min(held, int(CLOSING_SHARE * limit))
        return allowed + self.closing_answers() - held

    def with_questions(self, questions: Sequence[Question]) -> Setup:
        """Return the same sweep on other questions: the opened hold-out."""
        return replace(self, questions=tuple(questions), _by_id={question.id: question for question in questions})

    @property
    def search(self) -> str:
        """Name of the proposer."""
        return self.spec.search.use

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure of every metric, in the order of the sweep file; a weighted goal first."""
        return (*self._weighted(), *(figure for metric in self.metrics for figure in metric.figures()))

    def figures_of(self, family: str) -> tuple[Figure, ...]:
        """Figures of one family: ``answer`` or ``retrieval``."""
        found = tuple(figure for metric in self.metrics if metric.family == family for figure in metric.figures())
        mine = self.weighted is not None and self.weighted.parts[0][0] in found
        return (*self._weighted(), *found) if mine else found

    @cached_property
    def deciding(self) -> frozenset[MeasureStep]:
        """Metrics without which a row cannot be ranked: those of the goal."""
        names = {*(self.spec.goal.weights or (self.spec.goal.metric,))}
        return frozenset(item for item in self.metrics if names & {figure.name for figure in item.figures()})

    def _weighted(self) -> tuple[Figure, ...]:
        return () if self.weighted is None else (self.weighted.figure(),)

    @cached_property
    def currency(self) -> str:
        """Currency of the connections' prices, empty when none has a price of its own."""
        named = [dict(connection.price or {}).get("currency", "") for connection in self.opening.connections]
        return str(next((name for name in named if name), ""))

    @cached_property
    def signatures(self) -> dict[str, str]:
        """Figure name to the signature of its metric."""
        found = {figure.name: metric.signature() for metric in self.metrics for figure in metric.figures()}
        return found if self.weighted is None else {self.weighted.figure().name: self.weighted.signature(), **found}

    @cached_property
    def prefixes(self) -> Mapping[str, Configuration]:
        """Retrieval prefixes by key, when a retrieval metric can score them; ``search.prefixes`` orders them."""
        return distinct_prefixes(self.space.configurations) if self.figures_of("retrieval") else {}

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
    def sampled(self) -> dict[str, Configuration]:
        """Key of a retrieval prefix to the same on the declared corpus sample; empty without one."""
        declared = self.opening.sample
        if declared is None:
            return {}
        return on_sample(self.prefixes.values(), declared, self.eval_set.development)

    @property
    def configurations(self) -> Sequence[Configuration]:
        """Everything that can be asked: prefixes, whole configurations, prefixes on the corpus sample."""
        return tuple(self._configurations.values())

    @cached_property
    def _configurations(self) -> dict[str, Configuration]:
        known = (*self.prefixes.values(), *self.space.configurations, *self.sampled.values())
        return {item.key: item for item in known}

    def configuration(self, key: str) -> Configuration:
        """Return a configuration of the space (or a prefix) by its key.

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
        if configuration.key not in self._measures:
            self._measures[configuration.key] = self._measured_by(configuration)
        return list(self._measures[configuration.key])

    @cached_property
    def _measures(self) -> dict[str, list[Node]]:
        return {}

    def _measured_by(self, configuration: Configuration) -> list[Node]:
        nodes = dict(configuration.nodes)
        if "corpus" in nodes:
            nodes["evidence"] = node(make("evidence", "place"), [nodes["corpus"]])
        found = []
        for metric in self.metrics:
            if metric.family == "retrieval" and not configuration.retrieves:
                continue
            if metric.family == "answer" and not configuration.generates:
                continue
            found.append(node(metric, nodes))
        return found

    def wanted(self, configuration: Configuration) -> list[Node]:
        """Nodes that must be filled to measure a configuration."""
        return [configuration.last, *self.measures(configuration)]

    def study(self, store: Store) -> str:
        """Where the Optuna study lies: a file in the store's folder, or the URL of the setting RAGSCOUT_STUDY."""
        return os.environ.get("RAGSCOUT_STUDY") or str(store.folder / "studies" / f"{self.sweep_id}.journal")

    async def preflight(self, runtime: EngineRuntime) -> None:
        """Check what can be checked before anything is spent: every model that the space names is there.

        Raises:
            AbsentError: a model is absent; the message holds the remedy.
            MissingExtraError: a step needs an optional dependency that is not installed.
        """
        self.affordable()
        for alias in sorted({connection.alias for connection in self.opening.connections if connection.alias}):
            runtime.models.folder(alias)
        steps = {step for item in self.space.configurations for step in item.steps.values()}
        for step in [*sorted(steps, key=lambda step: (step.stage, step.label())), *self.metrics]:
            step.ready(runtime.models)

    def affordable(self) -> None:
        """Check that paid endpoints have a money budget and that limits in money know every price.

        Raises:
            SpecError: with the line to add.
        """
        steps = [*(step for item in self.space.configurations for step in item.steps.values()), *self.metrics]
        used = {model for step in set(steps) for model in chat_models(step)}
        for connection in self.opening.connections:
            if connection.identity_model() in used and (refusal := _refusal(connection, self.spec)):
                raise SpecError(refusal)


def _refusal(connection: Connection, spec: SweepSpec) -> str:
    """Why a connection cannot be used under the sweep's limits in money, empty when it can."""
    where, usd = f"models.{connection.name}", spec.budget.usd
    price = prices.price_of(connection)
    if price is None and (usd is not None or "usd_per_1k" in spec.goal.within):
        limit = "budget.usd" if usd is not None else "goal.within.usd_per_1k"
        return (
            f"{where}: its price is unknown, so {limit} cannot be kept; got no price. Add to the connection: "
            "price: {input: 2.5, output: 10, per: 1M, currency: USD} (0 for a server of your own)."
        )
    free = price is not None and not (price.input or price.output or price.hour)
    if usd is None and not free and host_of(connection):
        return (
            f"{where}: a paid endpoint is not asked without a money budget; got none. Add to the sweep file: "
            "budget: {usd: 5} (and price: {input: 0, output: 0} to the connection where it costs nothing)."
        )
    if usd == 0 and not free:
        return (
            f"budget.usd: 0 buys no answer of {where}; got 0. Give an amount, or leave {connection.name} out of the "
            "pipeline and the judge."
        )
    return ""


def host_of(connection: Connection) -> str:
    """Host that a connection's requests go to; empty for this machine."""
    host = urlsplit(connection.base_url or DEFAULT_BASE_URL.get(connection.provider, "")).hostname or ""
    return "" if host in ("", "localhost", "127.0.0.1", "::1") else host


def prepare(spec: SweepSpec, store: Store, base: Path) -> Setup:
    """Pin the evaluation set, close the space, choose metrics and goal, write the opening record down in memory.

    Which questions are sealed is looked up once, before the sweep is begun; then its opening record says so.

    Raises:
        SpecError, EvalSetError: with place, cause and remedy.
    """
    eval_set = open_eval_set(spec.eval_set, blobs=store.blobs, registry=store.ledger, base=base, notes=store.ledger)
    network = frozenset(() if spec.network == "offline" else spec.network)
    models = Resolver(policy=NetworkPolicy.hosts(network))
    source = source_node(digest("source", [(item.path, item.sha256) for item in eval_set.files]))
    closed = space(spec, source, models)
    named = tuple(metric.resolved(models) for metric in metrics(spec, models))

    def id_of(measured: Sequence[MeasureStep]) -> str:
        keys = tuple(metric.key({}) for metric in measured)
        return f"{spec.sweep}-{short(digest('sweep', spec_hash(spec), space_hash(closed), eval_set.digest, keys))}"

    others = [name for name in store.ledger.sweeps() if name.rpartition("-")[0] == spec.sweep]
    # whether a metric of leaks is added follows from the questions, and which these are from the opening record
    possible = {id_of(named), id_of(with_leaks(eval_set.questions_, named))}
    opened = next((opening for name in others if name in possible if (opening := _opened(store, name))), None)
    if opened is not None:
        eval_set = eval_set.with_holdout(opened.holdout, opened.sealed)
    else:
        eval_set = sealed_set(eval_set, spec.holdout, store)
    keep_splits(closed, spec, eval_set, store)
    questions = ordered(eval_set.development, spec.seed)
    if not questions:
        raise SpecError(f"{spec.eval_set}: there is no question to ask; got 0. Add questions to the evaluation set.")
    chosen = with_leaks(questions, named)
    goal, weighted = goal_of(spec, chosen)
    sweep_id = id_of(chosen)
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
        llm_calls=spec.budget.llm_calls,
        tokens=spec.budget.tokens,
    )
    changed = [f"{spec.sweep} was run before with another content: this is a new study, what was computed is reused."]
    if not spec.probe.questions and {"p50_seconds", "p95_seconds"} & set(spec.goal.within):
        raise SpecError(
            f"{spec.document.at('goal.within')}: a limit in seconds needs the latency probe; got probe: off. "
            "Leave probe: out, or the limit."
        )
    prepared = Setup(
        spec,
        eval_set,
        questions,
        closed,
        chosen,
        goal,
        opening,
        sweep_id,
        (
            *spec.notes,
            *ineffective(spec, closed),
            *unsuited(chosen, _languages(questions)),
            *(changed if set(others) - {sweep_id} else ()),
        ),
        weighted,
        {question.id: question for question in questions},
    )
    need = prepared.closing_answers()
    most = prepared.answers or sum(len(questions) for item in closed.configurations if item.generates)
    share = min(CLOSING_SHARE, need / (need + most)) if need else 0.0
    return replace(prepared, opening=replace(opening, closing=round(share, 4)))


def check_goal(prepared: Setup, store: Store) -> None:
    """Try the goal's metrics out on answers whose order is known, in every language of the questions. The goal of a
    sweep that was begun passed already.

    Raises:
        SpecError: a metric of the goal cannot tell a good answer from a bad one.
    """
    if _opened(store, prepared.sweep_id) is not None:
        return
    most = MISSING_LIMIT * len(prepared.questions)
    real = [name for name, count in _languages(prepared.questions).items() if count > most]
    models = Resolver(policy=prepared.opening.policy())
    refuse_blind_goal(prepared.spec, prepared.metrics, real, tester(store, models))
    refuse_unfit_goal(prepared.spec, prepared.metrics, prepared.questions, store, models)


def _languages(questions: Sequence[Question]) -> Counter[str]:
    return Counter(language(question.text) for question in questions)


def _opened(store: Store, sweep_id: str) -> Opening | None:
    """Return the opening record of a sweep, ``None`` when it was not begun."""
    opened = SweepJournal(store.ledger, sweep_id).first(SweepOpened)
    return None if opened is None else Opening.of(opened.record)


def open_store(location: str | Path | None = None) -> Store:
    """Return the store at a location, else at RAGSCOUT_STORE, else ``.ragscout`` in the working directory."""
    return Store.open(location or os.environ.get(STORE_VARIABLE) or Path(".ragscout"))


def ordered(questions: Sequence[Question], seed: int) -> tuple[Question, ...]:
    """One common order for all configurations, drawn by hash so that an added question moves no other."""

    def place(question: Question) -> str:
        return hashlib.sha256(f"{seed}\x00{question.text_key}\x00{question.id}".encode()).hexdigest()

    return tuple(sorted(questions, key=place))

"""From a sweep's opening record to something that runs: evaluation set, connections, runtime, worker.

The opening record is the first entry of a sweep's journal. It holds everything a worker in another process needs and
no secret: keys are named by the environment variable that holds them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from ragscout.data import load_manifest
from ragscout.engine.cancel import CancelToken, InterruptedClient
from ragscout.engine.connection_limit import WAIT, ConnectionLimit, identity
from ragscout.engine.journal import SweepJournal
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.worker import Worker
from ragscout.model.errors import StoreError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.key import digest
from ragscout.model.outcome import Usage
from ragscout.model.results.declared_sample import Declared
from ragscout.model.results.journal import ClosingBegun, HoldoutOpened, SweepOpened
from ragscout.model.runtime import ChatRequest, Models
from ragscout.providers import prices
from ragscout.providers.assets import Resolver
from ragscout.providers.clients import cores_of, make_client
from ragscout.providers.network import NetworkPolicy, quiet_libraries, set_process_policy
from ragscout.spec import Connection
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store


@dataclasses.dataclass(frozen=True)
class Opening:
    """Payload of the journal entry ``opened``. ``eval_set`` is the digest of the set's manifest: the version is
    pinned. ``sealed``: ids of the hold-out's questions. ``network``: allowed hosts, empty for offline.
    ``spec``: identity of what the sweep asks for; ``sweep_file``: its text in canonical form, empty in older journals.
    ``closing``: share of money, requests and tokens that the search leaves to the probe and the hold-out."""

    name: str
    eval_set: str
    seed: int
    spec: str
    space: str
    metrics: tuple[str, ...]
    connections: tuple[Connection, ...] = ()
    holdout: float = 0.0
    sealed: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    money: float | None = None
    calls: int | None = None
    llm_calls: int | None = None
    tokens: int | None = None
    closing: float = 0.0
    repackaged: bool = True
    sweep_file: str = ""
    sample: Declared | None = None
    """The corpus sample on which retrieval is ranked first, ``None`` for none."""

    def payload(self) -> dict[str, Any]:
        """Return plain values for the journal."""
        plain: dict[str, Any] = TypeAdapter(Opening).dump_python(self, mode="json")
        return plain

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Opening:
        """Read an opening back from its plain values."""
        return TypeAdapter(cls).validate_python(dict(record))

    @classmethod
    def read(cls, journal: SweepJournal) -> Opening:
        """Read the opening of a sweep from its journal.

        Raises:
            StoreError: when the journal has none.
        """
        opened = journal.first(SweepOpened)
        if opened is None:
            raise StoreError(f"store: the journal knows no sweep {journal.sweep!r}. Run the sweep first.")
        return cls.of(opened.record)

    def set_of(self, store: Store) -> EvalSet:
        """Return the pinned evaluation set with this sweep's hold-out."""
        return load_manifest(store.blobs, self.eval_set).with_holdout(self.holdout, self.sealed)

    def limits(self, closing: bool) -> SpendLimits:
        """Return what the sweep may spend by the end of its search, or (``closing``) altogether."""
        kept = 1.0 if closing else 1.0 - self.closing

        def part(limit: int | None) -> int | None:
            return None if limit is None else int(limit * kept)

        money = None if self.money is None else self.money * kept
        return SpendLimits(money, self.calls, part(self.llm_calls), part(self.tokens))

    def policy(self) -> NetworkPolicy:
        """Return what the one HTTP client lets through."""
        return NetworkPolicy.hosts(self.network)

    def models(self) -> Models:
        """Where model files are found."""
        return Resolver(policy=self.policy(), allow_repackaged=self.repackaged)


def open_runtime(
    store: Store,
    sweep: str,
    opening: Opening,
    *,
    deadline: float | None = None,
    closing: bool = False,
    cancel: CancelToken | None = None,
) -> EngineRuntime:
    """Open a runtime for one sweep in this process. Clients connect on first use. ``closing``: the search is over;
    ``cancel``: while it asks to hold or to stop, nothing is sent."""
    policy = opening.policy()
    quiet_libraries()
    models = opening.models()
    limits = opening.limits(closing)
    connections = open_connections(opening.connections, policy, models)
    if cancel is not None:
        connections = {
            name: replace(connection, client=InterruptedClient(connection.client, cancel))
            for name, connection in connections.items()
        }
    return EngineRuntime(store, sweep, models, connections, limits, deadline=deadline)


def open_connections(
    connections: Sequence[Connection], policy: NetworkPolicy, models: Models
) -> dict[str, ConnectionLimit]:
    """Identity of a chat model to the connection that serves it; of two that serve the same model, the first.

    Raises:
        SpecError: a connection is incomplete, its host is not allowed, or its key is not in the environment.
    """
    limits: dict[str, ConnectionLimit] = {}
    for connection in connections:
        limits.setdefault(identity(connection.identity_model()), _limit(connection, policy, models))
    return limits


def _limit(connection: Connection, policy: NetworkPolicy, models: Models) -> ConnectionLimit:
    def price(usage: Usage) -> float | None:
        if connection.provider == "http" and usage.money is not None:
            return usage.money  # what the system itself says that its answer cost
        return prices.price(connection, usage)

    def most(request: ChatRequest) -> float | None:
        """Every byte of the prompt counted as half a token (Korean: about 1.5 a character), the whole reply used."""
        tokens = sum(len(message.content.encode()) for message in request.messages) // 2 + 50
        return prices.price(connection, Usage(input_tokens=tokens, output_tokens=request.max_tokens))

    limits = connection.limits or {}
    return ConnectionLimit(
        make_client(connection, policy, models),
        price,
        most,
        requests_per_minute=float(limits.get("rpm", 0.0)),
        tokens_per_minute=float(limits.get("tpm", 0.0)),
        bucket=digest("endpoint", (connection.provider, connection.base_url, connection.model, connection.key_env)),
        wait=float(limits.get("wait", WAIT)),
        cores=cores_of(connection),
    )


def open_worker(store: Store, sweep: str) -> Worker:
    """Open a worker that knows nothing but the store: everything else comes from the sweep's journal. It has a process
    of its own, whose libraries are held to the sweep's network policy."""
    journal = SweepJournal(store.ledger, sweep)
    opening = Opening.read(journal)
    set_process_policy(opening.policy())
    eval_set = opening.set_of(store)
    questions: tuple[Question, ...] = eval_set.development
    if journal.first(HoldoutOpened) is not None:
        questions = eval_set.questions_
    closing = journal.first(ClosingBegun) is not None
    return Worker(store, open_runtime(store, sweep, opening, closing=closing), eval_set, questions)

"""From a sweep's opening record to something that runs: evaluation set, connections, runtime, worker.

The opening record is the first entry of a sweep's journal. It holds everything a worker in another process needs and
no secret: keys are named by the environment variable that holds them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from ragscout.data import load_manifest
from ragscout.engine.ledger import Entry, SpendLimits
from ragscout.engine.runtime import Door, EngineRuntime, identity
from ragscout.engine.store import Store
from ragscout.engine.worker import Worker
from ragscout.model.errors import StoreError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.outcome import Usage
from ragscout.model.runtime import ChatRequest, Models
from ragscout.providers import prices
from ragscout.providers.assets import Resolver
from ragscout.providers.chat import make_client
from ragscout.providers.network import NetworkPolicy
from ragscout.spec import Connection

CHARACTERS_PER_TOKEN = 2.0
"""Lower bound used to price a request before it leaves: Korean text has about two characters per token."""


@dataclasses.dataclass(frozen=True)
class Opening:
    """Payload of the journal entry ``opened``. ``eval_set`` is the digest of the set's manifest: the version is
    pinned. ``network``: allowed hosts, empty for offline."""

    name: str
    eval_set: str
    seed: int
    spec: str
    space: str
    metrics: tuple[str, ...]
    connections: tuple[Connection, ...] = ()
    holdout: float = 0.0
    network: tuple[str, ...] = ()
    money: float | None = None
    calls: int | None = None
    repackaged: bool = True

    def payload(self) -> dict[str, Any]:
        """Plain values for the journal."""
        found: dict[str, Any] = TypeAdapter(Opening).dump_python(self, mode="json")
        return found

    @classmethod
    def of(cls, entries: Sequence[Entry], sweep: str) -> Opening:
        """The opening of a sweep.

        Raises:
            StoreError: when the journal has none.
        """
        for entry in entries:
            if entry.kind == "opened":
                return TypeAdapter(cls).validate_python(dict(entry.payload))
        raise StoreError(f"store: the journal knows no sweep {sweep!r}; got no opening record. Run the sweep first.")

    def set_of(self, store: Store) -> EvalSet:
        """The pinned evaluation set with this sweep's hold-out."""
        return load_manifest(store.blobs, self.eval_set).with_holdout(self.holdout)

    def policy(self) -> NetworkPolicy:
        """What the one HTTP client lets through."""
        return NetworkPolicy(frozenset(self.network))

    def models(self) -> Models:
        """Where model files are found."""
        return Resolver(policy=self.policy(), allow_repackaged=self.repackaged)


def open_runtime(store: Store, sweep: str, opening: Opening, *, deadline: float | None = None) -> EngineRuntime:
    """A runtime for one sweep in this process. Clients connect on first use."""
    policy = opening.policy()
    policy.apply_to_libraries()
    models = opening.models()
    doors: dict[str, Door] = {}
    for connection in opening.connections:
        client = make_client(connection, policy, models)
        door = Door(
            client,
            lambda usage, connection=connection: prices.price(connection, usage),  # type: ignore[misc]
            lambda request, connection=connection: _most(connection, request),  # type: ignore[misc]
            requests_per_minute=float((connection.limits or {}).get("rpm", 0.0)),
            serial=connection.provider == "local",
        )
        doors.setdefault(identity(connection.identity_model()), door)
    limits = SpendLimits(money=opening.money, calls=opening.calls)
    return EngineRuntime(store, sweep, models, doors, limits, deadline=deadline)


def open_worker(store: Store, sweep: str) -> Worker:
    """A worker that knows nothing but the store: everything else comes from the sweep's journal."""
    entries = store.ledger.journal(sweep)
    opening = Opening.of(entries, sweep)
    eval_set = opening.set_of(store)
    questions: tuple[Question, ...] = eval_set.development
    if any(entry.kind == "holdout_opened" for entry in entries):
        questions = eval_set.questions_
    return Worker(store, open_runtime(store, sweep, opening), eval_set, questions)


def _most(connection: Connection, request: ChatRequest) -> float | None:
    """Largest possible price of a request: every character counted generously, the whole reply length used."""
    characters = sum(len(message.content) for message in request.messages)
    most = Usage(input_tokens=int(characters / CHARACTERS_PER_TOKEN) + 50, output_tokens=request.max_tokens)
    return prices.price(connection, most)


def journal_view(entries: Sequence[Entry], kind: str) -> list[Mapping[str, Any]]:
    """Payloads of one kind, in order."""
    return [entry.payload for entry in entries if entry.kind == kind]

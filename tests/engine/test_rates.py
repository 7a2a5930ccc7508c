"""Rate limits of an endpoint: one bucket in the ledger for every process that uses the endpoint."""

import asyncio
from pathlib import Path

from world import MODEL, CountingClient, NoModels

from ragscout.engine.connection_limit import ConnectionLimit, estimated_tokens, identity
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.outcome import Message
from ragscout.model.runtime import ChatReply, ChatRequest
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store

REQUEST = ChatRequest(MODEL, (Message("user", "연차는 언제 생기나요? " * 20),), max_tokens=64)


def ask(store: Store, requests: float, tokens: float) -> None:
    connection = ConnectionLimit(
        CountingClient(),
        lambda usage: 0.0,
        lambda request: 0.0,
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        bucket="endpoint",
    )
    runtime = EngineRuntime(store, "sweep", NoModels(), {identity(MODEL): connection}, SpendLimits())  # type: ignore[arg-type]

    async def once() -> None:
        assert isinstance(await runtime.chat(REQUEST, "answer"), ChatReply)
        await runtime.close()

    asyncio.run(once())


def test_a_request_pays_its_tokens_into_the_endpoints_bucket(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    ask(store, requests=0, tokens=60)
    wait = store.ledger.take("tokens:endpoint", 60, 1)
    assert estimated_tokens(REQUEST) - 10 < wait < estimated_tokens(REQUEST)
    assert store.ledger.take("requests:endpoint", 60) == 0.0, "no limit of requests was set"


def test_a_limit_of_requests_is_kept_apart_from_that_of_tokens(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    ask(store, requests=10, tokens=0)
    assert 4 < store.ledger.take("requests:endpoint", 10) < 6
    assert store.ledger.take("tokens:endpoint", 60, 1) == 0.0

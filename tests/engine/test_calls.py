"""The calls that every runtime shares, over replies remembered in memory: the engine's ledger has tests of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from test_ledger_admission import Client, request
from world import MODEL, NoModels

from ragscout.engine.admission import MemoryAdmission
from ragscout.engine.calls import Calls, Patience
from ragscout.engine.connection_limit import ConnectionLimit, identity
from ragscout.engine.single_flight import SingleFlight
from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.client import TransientError
from ragscout.serve.memory import MemoryMemo
from ragscout.serve.runtime import ServingRuntime
from ragscout.testing.steps import FakeRuntime

BUSY = TransientError("busy", retry_after=0.001)


def connections(client: Client, price: float | None = 0.25) -> dict[str, ConnectionLimit]:
    return {identity(MODEL): ConnectionLimit(client, lambda usage: price, lambda asked: 1.0)}  # type: ignore[arg-type]


def calls(client: Client, keep: int | None = None, retries: int = 2, **given: Any) -> Calls:
    return Calls(connections(client), MemoryAdmission(keep), Patience(retries, 0.01), "Name one.", **given)


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await work()

    return asyncio.run(main())


def serving(client: Client) -> Any:
    return ServingRuntime(MemoryMemo(8), NoModels(), connections(client), remember=8)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["serving", "testing"])
def test_equal_requests_at_once_are_one_in_every_runtime(kind: str) -> None:
    client = Client(seconds=0.01)
    made = serving(client) if kind == "serving" else FakeRuntime(lambda asked: "15일")
    replies = run(lambda: asyncio.gather(*(made.chat(request(0), "answer") for _ in range(20))))
    assert len(set(replies)) == 1 and isinstance(replies[0], ChatReply)
    assert len(client.sent if kind == "serving" else made.requests) == 1


def test_a_remembered_reply_is_charged_to_whoever_asks() -> None:
    made = serving(Client())

    async def one() -> list[Usage]:
        account = made.account()
        await made.chat(request(0), "answer")
        return account  # type: ignore[no-any-return]

    accounts = run(lambda: asyncio.gather(*(asyncio.create_task(one()) for _ in range(3))))
    assert [[usage.money for usage in account] for account in accounts] == [[0.25]] * 3


def test_the_latest_replies_are_remembered() -> None:
    client = Client()
    made = calls(client, keep=2)

    async def work() -> None:
        for number in (1, 2, 2, 3, 3, 1):
            await made.chat(request(number), "answer")

    run(work)
    assert client.sent == ["질문 1", "질문 2", "질문 3", "질문 1"]
    assert (made.counters.memo_hits, made.counters.calls) == (2, {"answer": 4})


def test_without_a_memory_each_request_is_sent() -> None:
    client = Client()
    made = calls(client, keep=0)
    run(lambda: asyncio.gather(*(made.chat(request(0), "answer") for _ in range(3))))
    assert client.sent == ["질문 0"] * 3


def test_passing_errors_are_retried_and_a_dead_endpoint_is_said_once() -> None:
    client = Client(fail=lambda number: BUSY if number <= 2 else None)
    assert isinstance(run(lambda: calls(client).chat(request(0), "answer")), ChatReply)
    dead = Client(fail=lambda number: BUSY)
    made = calls(dead)
    assert run(lambda: made.chat(request(0), "answer")) == Unfilled("endpoint", "busy")
    assert len(dead.sent) == 3, "twice again"
    replies = run(lambda: asyncio.gather(*(made.chat(request(number), "answer") for number in range(10))))
    assert replies == [Unfilled("endpoint", "busy")] * 10
    assert len(dead.sent) == 13, "of an endpoint that is down each one is told after one try"
    dead.fail = lambda number: None
    assert isinstance(run(lambda: made.chat(request(1), "answer")), ChatReply), "trouble is not remembered"


def told(seconds: float) -> TransientError:
    return TransientError("models.x: status 429", retry_after=seconds, status=429)


def test_an_endpoint_that_says_when_to_come_back_fails_no_try() -> None:
    client = Client(fail=lambda number: told(0.001) if number <= 9 else None)
    assert isinstance(run(lambda: calls(client, retries=2).chat(request(0), "answer")), ChatReply)
    assert len(client.sent) == 10


def test_an_endpoint_that_always_says_to_come_back_is_given_up() -> None:
    client = Client(fail=lambda number: told(0.001))
    reply = run(lambda: calls(client, retries=2).chat(request(0), "answer"))
    assert reply == Unfilled("endpoint", "models.x: status 429") and len(client.sent) == 33


@pytest.mark.parametrize(("seconds", "sent"), [(86_400.0, 1), (0.02, 6)])
def test_an_endpoint_may_ask_for_no_more_than_its_connection_allows(seconds: float, sent: int) -> None:
    client = Client(fail=lambda number: told(seconds))
    limit = ConnectionLimit(client, lambda usage: 0.0, lambda asked: 1.0, wait=0.11)  # type: ignore[arg-type]
    made = Calls({identity(MODEL): limit}, MemoryAdmission(None), Patience(2, 0.01), "Name one.")
    reply = run(lambda: made.chat(request(0), "answer"))
    assert isinstance(reply, Unfilled) and reply.kind == "endpoint"
    assert "longer than limits: wait: 0.11" in reply.detail and len(client.sent) == sent


@pytest.mark.parametrize("status", [0, 408, 500, 502])
def test_a_pause_is_bounded_whatever_the_status(status: int) -> None:
    client = Client(fail=lambda number: TransientError("models.x: busy", retry_after=86_400.0, status=status))
    reply = run(lambda: calls(client).chat(request(0), "answer"))
    assert "longer than limits: wait: 300" in reply.detail and len(client.sent) == 1


def test_the_minutes_of_the_budget_bound_a_pause() -> None:
    class Ending(MemoryAdmission):
        def seconds_left(self) -> float:
            return 30.0

    client = Client(fail=lambda number: told(31.0))
    made = Calls(connections(client), Ending(None), Patience(2, 0.01), "Name one.")
    reply = run(lambda: made.chat(request(0), "answer"))
    assert "longer than what is left of budget: minutes" in reply.detail and len(client.sent) == 1


def test_an_endpoint_that_says_nothing_is_given_up_after_two_tries() -> None:
    client = Client(fail=lambda number: TransientError("no reply in time", silent=True))
    reply = run(lambda: calls(client, retries=5).chat(request(0), "answer"))
    assert reply == Unfilled("endpoint", "no reply in time") and len(client.sent) == 2


def test_a_pause_of_seconds_is_said_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragscout.engine.calls.SAID", 0.01)
    client = Client(fail=lambda number: told(0.05) if number == 1 else None)
    made, said = calls(client), list[list[str]]()
    made.counters.changed = lambda: said.append(list(made.counters.waits))
    run(lambda: made.chat(request(0), "answer"))
    (during,), after = said
    assert during.startswith("waiting 0 s for ") and during.endswith(": models.x: status 429") and after == []


def test_an_error_for_good_is_not_retried() -> None:
    client = Client(fail=lambda number: ModelCallError("wrong key"))
    assert run(lambda: calls(client).chat(request(0), "answer")) == Unfilled("endpoint", "wrong key")
    assert len(client.sent) == 1


def test_a_failure_of_the_candidate_is_remembered() -> None:
    class Filtering(Client):
        async def complete(self, asked: ChatRequest) -> ChatReply | Failure:
            self.sent.append("x")
            return Failure("candidate", "filtered")

    client = Filtering()
    made = calls(client)

    async def work() -> list[Any]:
        return [await made.chat(request(0), "answer") for _ in range(2)]

    assert run(work) == [Failure("candidate", "filtered")] * 2
    assert len(client.sent) == 1


def test_a_model_that_no_connection_serves() -> None:
    made = calls(Client())
    unknown = ChatRequest(ChatModel("openai", "nobody"), request(0).messages, 8)
    outcome = run(lambda: made.chat(unknown, "answer"))
    assert outcome.kind == "endpoint"
    assert "no connection serves openai/nobody" in outcome.detail and outcome.detail.endswith("Name one.")


def test_usage_is_measured_on_the_clock_of_the_calls() -> None:
    class Timeless(Client):
        async def complete(self, asked: ChatRequest) -> ChatReply | Failure:
            return ChatReply("a", usage=Usage(10, 5, 0.0, None, 0))

    ticks = iter((1.0, 3.5))
    reply = run(lambda: calls(Timeless(), clock=lambda: next(ticks)).chat(request(0), "answer"))
    assert reply.usage == Usage(10, 5, 2.5, 0.25, 1)


def test_streamed_replies_say_when_they_began() -> None:
    class Streaming(Client):
        async def stream(self, asked: ChatRequest) -> tuple[ChatReply | Failure, float]:
            return await self.complete(asked), 0.125

    made = calls(Streaming(), keep=0)

    async def work() -> None:
        await made.chat(request(0), "answer")
        assert made.first_token is None
        made.streams = True
        await made.chat(request(0), "answer")
        assert made.first_token == 0.125

    run(work)


def test_at_most_so_many_are_in_flight_as_the_client_takes() -> None:
    flying, largest = 0, 0

    class Narrow(Client):
        async def complete(self, asked: ChatRequest) -> ChatReply | Failure:
            nonlocal flying, largest
            flying += 1
            largest = max(largest, flying)
            await asyncio.sleep(0.001)
            flying -= 1
            return ChatReply("a")

    made = calls(Narrow(concurrency=3))
    run(lambda: asyncio.gather(*(made.chat(request(number), "answer") for number in range(12))))
    assert largest == 3 and made.counters.in_flight == 0


def test_a_flight_ends_with_the_last_who_waits_for_it() -> None:
    started, ended = 0, list[str]()

    async def slow() -> str:
        nonlocal started
        started += 1
        try:
            await asyncio.sleep(0.02 if started > 1 else 60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "done"

    async def work() -> None:
        flights: SingleFlight[str] = SingleFlight()
        tasks = [asyncio.create_task(flights.once("k", slow)) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        assert not ended and started == 1
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert ended == ["cancelled"]
        assert await flights.once("k", slow) == "done"
        assert started == 2

    run(work)


def test_an_error_reaches_everybody_who_waits() -> None:
    async def broken() -> str:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def work() -> list[Any]:
        flights: SingleFlight[str] = SingleFlight()
        return await asyncio.gather(*(flights.once("k", broken) for _ in range(3)), return_exceptions=True)

    assert [str(error) for error in run(work)] == ["no"] * 3

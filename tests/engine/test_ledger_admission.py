"""Requests through the ledger: how few transactions they take, and that no limit is ever passed."""

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import MODEL, NoModels

from ragscout.engine import ledger_admission, pacing
from ragscout.engine.admission import Ticket
from ragscout.engine.connection_limit import ConnectionLimit, identity
from ragscout.engine.ledger_admission import LedgerAdmission
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.errors import BudgetExceeded, ModelCallError, StoreError
from ragscout.model.outcome import Failure, Message, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.client import TransientError
from ragscout.store.amounts import SpendLimits
from ragscout.store.leases import TIMER
from ragscout.store.ledger import Ledger
from ragscout.store.shards import CellData
from ragscout.store.store import Store
from ragscout.testing.store import count_transactions, in_threads


def request(number: int) -> ChatRequest:
    return ChatRequest(MODEL, (Message("user", f"질문 {number}"),), 8)


@dataclass
class Client:
    """Answers with the message it got; says what was in flight, and fails as it is told to."""

    concurrency: int = 8
    seconds: float = 0.0
    sent: list[str] = field(default_factory=list)
    fail: Callable[[int], Exception | None] = lambda number: None
    threads: set[int] = field(default_factory=set)

    async def complete(self, asked: ChatRequest) -> ChatReply | Failure:
        self.threads.add(threading.get_ident())
        self.sent.append(asked.messages[-1].content)
        await asyncio.sleep(self.seconds)
        if (error := self.fail(len(self.sent))) is not None:
            raise error
        return ChatReply(asked.messages[-1].content, usage=Usage(10, 5, 0.01, None, 0))

    async def embed(self, model: ChatModel, texts: Any) -> Any:
        self.sent += list(texts)
        if (error := self.fail(len(self.sent))) is not None:
            raise error
        return [[1.0]] * len(texts)

    async def close(self) -> None:
        pass


def runtime(
    store: Store, client: Client, limits: SpendLimits | None = None, *, price: float = 0.25, **given: Any
) -> EngineRuntime:
    most = given.pop("most", 1.0)
    connection = ConnectionLimit(client, lambda usage: price, lambda request: most, bucket="e", **given)
    return EngineRuntime(store, "sweep", NoModels(), {identity(MODEL): connection}, limits or SpendLimits())  # type: ignore[arg-type]


def asked(made: EngineRuntime, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        try:
            return await work()
        finally:
            await made.close()

    return asyncio.run(main())


def all_of(made: EngineRuntime, numbers: Any) -> list[Any]:
    async def work() -> list[Any]:
        return list(await asyncio.gather(*(made.chat(request(number), "answer") for number in numbers)))

    found: list[Any] = asked(made, work)
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is handed over, and nothing taken ahead lapses, only because this machine is slow."""
    monkeypatch.setattr(ledger_admission, "OLD", 3600.0)
    monkeypatch.setattr(pacing, "BURST", 3600.0)
    monkeypatch.setattr(TIMER, "lease", 36_000.0)


# -- how few transactions ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("patient")
def test_requests_at_once_share_their_transactions(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 requests, 8 in flight: at most a fifth of a transaction each, with a limit of money and of the rate."""
    client = Client()
    made = runtime(folder_store, client, SpendLimits(money=1000.0), requests_per_minute=600_000)
    counted = count_transactions(folder_store.ledger, monkeypatch)
    assert all(isinstance(reply, ChatReply) for reply in all_of(made, range(200)))
    assert len(client.sent) == 200
    assert len(counted) <= 40, counted
    assert folder_store.ledger.spent("sweep").calls == 200


@pytest.mark.usefixtures("patient")
def test_requests_one_after_the_other_take_one_transaction_each(
    folder_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one for the runtime when it closes."""
    made = runtime(folder_store, Client(), SpendLimits(money=1000.0), requests_per_minute=600_000)
    counted = count_transactions(folder_store.ledger, monkeypatch)

    async def work() -> None:
        for number in range(20):
            await made.chat(request(number), "answer")

    asked(made, work)
    assert len(counted) <= 21, counted


@pytest.mark.usefixtures("patient")
def test_replies_that_are_known_take_one_look_for_all(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of(runtime(folder_store, Client()), range(100))
    client = Client()
    counted = count_transactions(folder_store.ledger, monkeypatch)
    replies = all_of(runtime(folder_store, client), range(100))
    assert [reply.text for reply in replies] == [f"질문 {number}" for number in range(100)]
    assert not client.sent and len(counted) <= 2, counted


@pytest.mark.usefixtures("patient")
def test_cells_come_with_the_replies_they_were_made_of(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction for ten replies, what they took and their cells: a kill leaves all of it or nothing."""
    made = runtime(folder_store, Client(), SpendLimits(money=1000.0))

    async def work() -> None:
        await asyncio.gather(*(made.chat(request(number), "answer") for number in range(10)))
        listed = count_transactions(folder_store.ledger, monkeypatch)
        assert await made.write_cells("n", {f"q{number}": CellData({"value": number}) for number in range(10)}) == 10
        assert listed == ["write"]
        assert folder_store.ledger.spent("sweep").calls == 10
        assert len(folder_store.ledger.memo_get("chat", [request(number).key for number in range(10)])) == 10
        assert await made.write_cells("n", {"q0": CellData({"value": 7}), "q10": CellData({"value": 1})}) == 1

    asked(made, work)
    assert folder_store.read_cells("n", ["q0"])["q0"].data == {"value": 0}


def test_no_transaction_is_made_on_the_event_loop(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    client, where = Client(), set[int]()
    writing = folder_store.ledger.writing

    def watched(*names: str) -> Any:
        where.add(threading.get_ident())
        return writing(*names)

    monkeypatch.setattr(folder_store.ledger, "writing", watched)
    made = runtime(folder_store, client, SpendLimits(money=100.0), requests_per_minute=600_000)

    async def work() -> None:
        await asyncio.gather(*(made.chat(request(number), "answer") for number in range(5)))
        await made.write_cells("n", {"q": CellData({"value": 1})})

    asked(made, work)
    assert where and not where & client.threads


def test_the_cost_does_not_grow_with_what_was_spent(folder_store: Store) -> None:
    """As many statements and rows after 300 requests as after the first."""
    statements: list[str] = []

    @sa.event.listens_for(folder_store.ledger._engine, "before_cursor_execute")
    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    counts = []
    for start in (0, 10, 310):
        before = len(statements)
        all_of(runtime(folder_store, Client(), SpendLimits(money=1000.0)), range(start, start + 10))
        counts.append(len(statements) - before)
        if start == 10:
            all_of(runtime(folder_store, Client(), SpendLimits(money=1000.0)), range(20, 310))
    assert max(counts) - min(counts) <= 12, counts
    with folder_store.ledger.reading() as connection:
        for table in ("totals", "reservations", "claims"):
            assert connection.exec_driver_sql(f"select count(*) from {table}").scalar_one() <= 1


# -- limits -----------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    money=st.one_of(st.none(), st.integers(0, 30)),
    calls=st.one_of(st.none(), st.integers(0, 20)),
    requests=st.one_of(st.none(), st.integers(0, 20)),
    price=st.sampled_from([0.0, 0.25, 1.0]),
    width=st.sampled_from([1, 3, 16]),
    runtimes=st.integers(1, 3),
    failing=st.integers(0, 3),
)
def test_limits_are_never_passed_and_always_used(
    tmp_path_factory: pytest.TempPathFactory,
    money: int | None,
    calls: int | None,
    requests: int | None,
    price: float,
    width: int,
    runtimes: int,
    failing: int,
) -> None:
    """Whatever the limits, the prices, the width, how many work at once and whose requests fail: what is settled is
    within every limit, and a limit ends the work only where one more request could pass it."""
    store = Store.open(tmp_path_factory.mktemp("store"))
    limits = SpendLimits(None if money is None else float(money), calls, requests)
    clients = [
        Client(width, fail=lambda number: ModelCallError("no") if number <= failing else None) for _ in range(runtimes)
    ]

    def work(number: int) -> list[Any]:
        mine = range(100 * number, 100 * number + 25)
        return all_of(runtime(store, clients[number], limits, price=price), mine)

    outcomes = [outcome for found in in_threads(runtimes, work) for outcome in found]
    spent = store.ledger.spent("sweep")
    answered = sum(isinstance(outcome, ChatReply) for outcome in outcomes)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unfilled) and outcome.kind == "budget"]
    assert answered == spent.calls == spent.llm_calls
    assert spent.money == price * answered
    for used, limit in ((spent.money, limits.money), (spent.calls, calls), (spent.llm_calls, requests)):
        assert limit is None or used <= limit
    assert sum(len(client.sent) for client in clients) == len(outcomes) - len(refused)
    if refused:
        room = spent.room(limits)
        assert room.money < 1.0 or room.answers < 1 or room.requests < 1
    assert not spent.reserved.requests, "nothing stays set aside"
    store.close()


def test_another_process_finds_its_share(folder_store: Store) -> None:
    """A process that holds a block ahead gives back what it does not use, so that another one is not refused."""
    limits = SpendLimits(calls=20)
    first, second = runtime(folder_store, Client(), limits), runtime(folder_store, Client(), limits)

    async def main() -> None:
        await first.chat(request(0), "answer")
        found = await asyncio.gather(*(second.chat(request(number), "answer") for number in range(1, 20)))
        assert all(isinstance(reply, ChatReply) for reply in found)
        assert isinstance(await first.chat(request(21), "answer"), Unfilled)
        await first.close()
        await second.close()

    asyncio.run(main())
    assert folder_store.ledger.spent("sweep").calls == 20


def test_an_unknown_price_or_a_passed_deadline_sends_nothing(folder_store: Store) -> None:
    client = Client()
    unpriced = runtime(folder_store, client, SpendLimits(money=5.0), most=None)
    assert "is unknown; add price:" in all_of(unpriced, [1])[0].detail
    late = runtime(folder_store, client)
    late.allow(SpendLimits(), time.monotonic() - 1)
    assert all_of(late, [1]) == [Unfilled("budget", "the minutes of the budget are over")]
    assert not client.sent
    assert len(all_of(runtime(folder_store, client, most=None), [1])) == 1 == len(client.sent)
    assert isinstance(all_of(late, [1])[0], ChatReply), "what is known costs nothing, whenever it is asked for"


def test_vectors_are_paid_and_refused_like_requests(folder_store: Store) -> None:
    client = Client()
    made = runtime(folder_store, client, SpendLimits(money=0.6), price=0.5)

    async def work() -> None:
        await made.embed_remote(MODEL, ["가", "나"], "data")
        assert folder_store.ledger.spent("sweep").by_purpose["embed"].calls == 1
        with pytest.raises(BudgetExceeded, match=r"toy: the vectors of 1 texts were not asked for: the next request"):
            await made.embed_remote(dataclasses.replace(MODEL, label="toy"), ["다"], "data")

    asked(made, work)
    assert client.sent == ["가", "나"]


def test_an_embedding_endpoint_that_is_down_is_said_and_nothing_is_paid(
    folder_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(fail=lambda number: TransientError("busy", retry_after=0.001))
    made = runtime(folder_store, client)

    async def work() -> None:
        with pytest.raises(ModelCallError, match="the embedding endpoint did not answer: busy"):
            await made.embed_remote(MODEL, ["가"], "data")

    asked(made, work)
    assert len(client.sent) == 6, "five times again"
    assert folder_store.ledger.spent("sweep").llm_calls == 0


# -- trouble ----------------------------------------------------------------------------------------------------------


def test_a_ledger_that_fails_for_a_moment_loses_nothing(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it is told; replies that came back stay and are handed over again."""
    monkeypatch.setattr(ledger_admission, "AGAIN", 0.01)
    client = Client()
    made = runtime(folder_store, client)
    exchange = folder_store.ledger.exchange

    def full(window: Any) -> Any:
        raise StoreError("disk full")

    async def work() -> None:
        await made.chat(request(0), "answer")
        monkeypatch.setattr(folder_store.ledger, "exchange", full)
        with pytest.raises(StoreError, match="disk full"):
            await made.chat(request(1), "answer")
        with pytest.raises(StoreError, match="disk full"):
            await made.write_cells("n", {"q": CellData({"value": 1})})
        assert isinstance(await made.chat(request(0), "answer"), ChatReply), "it is still known here"
        monkeypatch.setattr(folder_store.ledger, "exchange", exchange)
        await made.chat(request(1), "answer")

    asked(made, work)
    assert client.sent == ["질문 0", "질문 1"]
    assert folder_store.ledger.spent("sweep").calls == 2
    assert len(folder_store.ledger.memo_get("chat", [request(0).key, request(1).key])) == 2


def test_a_cancelled_request_gives_back_what_it_held(folder_store: Store) -> None:
    client = Client(seconds=60)
    made = runtime(folder_store, client, SpendLimits(calls=1))

    async def work() -> None:
        task = asyncio.create_task(made.chat(request(0), "answer"))
        while not client.sent:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        client.seconds = 0.0
        assert isinstance(await made.chat(request(0), "answer"), ChatReply)

    asked(made, work)
    assert folder_store.ledger.spent("sweep").calls == 1


def test_equal_requests_are_one_and_survive_who_asked_first(folder_store: Store) -> None:
    client = Client(seconds=0.05)
    made = runtime(folder_store, client)

    async def work() -> None:
        tasks = [asyncio.create_task(made.chat(request(0), "answer")) for _ in range(5)]
        while not client.sent:
            await asyncio.sleep(0.001)
        tasks[0].cancel()
        replies = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(replies[0], asyncio.CancelledError)
        assert all(isinstance(reply, ChatReply) for reply in replies[1:])

    asked(made, work)
    assert client.sent == ["질문 0"]


KILLED = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[2])
    import test_ledger_admission as here
    from ragscout.engine import ledger_admission
    from ragscout.store.amounts import SpendLimits
    from ragscout.store.store import Store
    ledger_admission.OLD = 3600.0

    class Telling(here.Client):
        async def complete(self, asked):
            reply = await super().complete(asked)
            print(len(self.sent), flush=True)
            return reply

    made = here.runtime(Store.open(sys.argv[1]), Telling(concurrency=1), SpendLimits(money=100.0), price=0.5)

    async def main():
        await made.chat(here.request(0), "answer")
        await made.write_cells("n", {"q": here.CellData({"value": 1})})
        await asyncio.gather(*(made.chat(here.request(number), "answer") for number in range(1, 6)))
        print("answered", flush=True)
        await asyncio.sleep(3600)

    asyncio.run(main())
"""


def test_a_kill_loses_its_window_and_its_money_stays_reserved(folder_store: Store) -> None:
    """Until the process is known to be dead; then the requests are sent again at once, and nothing else is."""
    script, here = textwrap.dedent(KILLED), str(Path(__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-c", script, folder_store.location, here], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    while child.stdout.readline() != "answered\n":
        assert child.poll() is None
    os.kill(child.pid, signal.SIGSTOP)
    spent = folder_store.ledger.spent("sweep")
    assert spent.money == 0.5, "one reply was committed with its cell"
    assert spent.reserved.money >= 5.0, "five replies were paid for and are in no ledger yet"
    child.kill()
    child.communicate()
    client = Client()
    made = runtime(folder_store, client, SpendLimits(money=100.0), price=0.5)
    started = time.monotonic()
    replies = all_of(made, range(6))
    assert all(isinstance(reply, ChatReply) for reply in replies)
    assert sorted(client.sent) == [f"질문 {number}" for number in range(1, 6)]
    assert time.monotonic() - started < 30, "no lease of a minute was waited for"
    spent = folder_store.ledger.spent("sweep")
    assert (spent.money, spent.calls, spent.reserved.requests) == (3.0, 6, 0)


def test_many_processes_keep_one_limit(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import json, sys
        sys.path.insert(0, sys.argv[2])
        import test_ledger_admission as here
        from ragscout.store.amounts import SpendLimits
        from ragscout.store.store import Store
        client = here.Client(seconds=0.002)
        start = int(sys.argv[3])
        limits = SpendLimits(money=20.0)
        found = here.all_of(here.runtime(Store.open(sys.argv[1]), client, limits), range(start, start + 60))
        print(json.dumps([len(client.sent), sum(isinstance(item, here.ChatReply) for item in found)]))
    """)
    here = str(Path(__file__).parent)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "s"), here, start], stdout=subprocess.PIPE, text=True
        )
        for start in ("0", "100", "30")
    ]
    counts = [json.loads(child.communicate(timeout=240)[0]) for child in children]
    spent = Store.open(tmp_path / "s").ledger.spent("sweep")
    sent = sum(item[0] for item in counts)
    assert sent == spent.calls
    assert spent.money <= 20.0
    assert spent.money > 19.0, "each request may cost 1 and costs 0.25: the limit is used to the last request"


def test_the_rate_limit_is_kept_by_all_together(folder_store: Store) -> None:
    """600 a minute are ten a second: a second of burst, a second that a process takes ahead, and then the rate."""
    clients = [Client(), Client()]
    until = time.monotonic() + 1.2

    async def main() -> None:
        made = [runtime(folder_store, client, requests_per_minute=600) for client in clients]
        tasks = [
            asyncio.create_task(item.chat(request(100 * place + number), "answer"))
            for place, item in enumerate(made)
            for number in range(60)
        ]
        await asyncio.sleep(until - time.monotonic())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for item in made:
            await item.close()

    asyncio.run(main())
    sent = sum(len(client.sent) for client in clients)
    elapsed = time.monotonic() - until + 1.2
    assert 10 <= sent <= 10 * (elapsed + 2) + 1


def test_what_is_never_remembered_is_paid_each_time(ledger: Ledger) -> None:
    """A probe pays for each request and remembers none."""

    async def main() -> None:
        admission = LedgerAdmission(ledger, "s", SpendLimits(calls=2), remembers=False)
        for _ in range(2):
            ticket = Ticket("", "probe", "m", 0.5)
            assert await admission.enter(ticket) is None
            admission.leave(ticket, ChatReply("a"), Usage(money=0.1, calls=1))
        refused = await admission.enter(Ticket("", "probe", "m", 0.5))
        assert isinstance(refused, Unfilled) and refused.kind == "budget"
        await admission.close()

    asyncio.run(main())
    spent = ledger.spent("s")
    assert (spent.by_purpose["probe"].calls, spent.calls) == (2, 2)
    assert ledger.counts()["memo"] == 0

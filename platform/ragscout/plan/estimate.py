"""What a sweep will ask, cost and take, before anything is paid: low, expected, high.

Counted: answers, requests per answer, chunks. Assumed where nothing was measured: the length of an answer, how many
characters a token has, how fast models work (``engine.rates``). What requests of this sweep took already (a pilot, an
earlier part of it) replaces the assumptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ragscout.model.config import Configuration, plan
from ragscout.model.outcome import Usage
from ragscout.model.stages import STAGES
from ragscout.model.step import Step, chat_models, model_files
from ragscout.plan import rates
from ragscout.plan.budget import Each
from ragscout.plan.setup import Setup, host_of
from ragscout.plan.workloads import along, before, mean_of, workload
from ragscout.providers import prices
from ragscout.spec import Connection
from ragscout.store.store import Store

SHORTEST = 10.0
"""Tokens of a reply at least; what is expected and what is allowed say the steps."""
BUILDING, KEPT = (0.4, 1.0, 3.0), (0.6, 1.0, 1.5)
"""Factors on the time of building an index, and on the bytes that are kept."""
SPREAD = (0.7, 1.0, 1.5)
"""Factors on assumed token counts."""
SLOW = (0.9, 1.2, 3.0)
"""Factors on the time of models that run here."""
UNLIMITED = (0.1, 0.5, 1.0)
"""Shares of the grid that a search without a limit is taken to ask."""
MARGIN = 1.3
FEWEST_MEASURED = 3
"""Requests of a purpose from which on their measured mean counts."""


@dataclass(frozen=True)
class Range:
    """Low, expected, high."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, *factors: float) -> Range:
        """Each end times its factor (one factor: all)."""
        low, expected, high = factors * 3 if len(factors) == 1 else factors
        return Range(self.low * low, self.expected * expected, self.high * high)


NO_WORK = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Estimate:
    """``answers``: asked of candidates, hold-out and probe included; ``requests`` to chat models by purpose; ``money``
    ``None`` when a price is unknown; ``disk`` in bytes. ``sources``: what the figures rest on, in words."""

    answers: Range
    requests: Mapping[str, Range]
    tokens: Range
    money: Range | None
    currency: str
    minutes: Range
    index_hours: Range
    disk: Range
    sources: tuple[str, ...] = field(default=())


@dataclass
class _Work:
    """Requests of one purpose to one model, and the tokens of one request."""

    purpose: str
    connection: Connection
    requests: Range
    prompt: Range
    reply: Range


def estimate(prepared: Setup, store: Store) -> Estimate:
    """Estimate a sweep. Reads keys, sizes and what was spent; computes and sends nothing."""
    measured = {
        purpose: usage
        for purpose, usage in store.ledger.spent(prepared.sweep_id).by_purpose.items()
        if usage.calls >= FEWEST_MEASURED
    }
    answers = answers_of(prepared)
    work = list(_work(prepared, store, answers))
    sources = [_counted(prepared)]
    requests: dict[str, Range] = {}
    tokens, money, seconds = NO_WORK, NO_WORK, NO_WORK
    unknown = False
    for item in work:
        requests[item.purpose] = requests.get(item.purpose, NO_WORK) + item.requests
        usage = measured.get(item.purpose)
        prompt, reply = item.prompt, item.reply
        if usage is not None:
            prompt = Range(*(usage.input_tokens / usage.calls * factor for factor in (0.9, 1.0, 1.2)))
            reply = Range(*(usage.output_tokens / usage.calls * factor for factor in (0.9, 1.0, 1.2)))
            sources.append(f"{item.purpose}: tokens measured on {usage.calls} requests of this sweep.")
        tokens += _product(item.requests, prompt + reply)
        price = prices.price_of(item.connection)
        spent, source = _seconds(item, prompt, reply, usage)
        seconds += spent
        sources.append(source)
        if price is None:
            unknown = True
            continue
        each = Range(
            *(
                price.of(Usage(input_tokens=round(a), output_tokens=round(b)))
                for a, b in zip(_ends(prompt), _ends(reply), strict=True)
            )
        )
        money += _product(item.requests, each)
        money += spent.times(price.hour / 3600)
        if price.source.startswith("genai"):
            sources.append(f"Price of {item.connection.model}: {price.source}.")
    here, known = _here(prepared, store, answers)
    index, disk, notes = _index(prepared, store, answers)
    sources += known + notes
    return Estimate(
        answers,
        requests,
        tokens,
        None if unknown else money,
        prepared.currency or "USD",
        (seconds + here + index).times(1 / 60),
        index.times(1 / 3600),
        disk,
        tuple(dict.fromkeys(sources)),
    )


def indexing(prepared: Setup, store: Store) -> Range:
    """Seconds of building every index of the space that the store does not hold."""
    return _index(prepared, store, NO_WORK)[0]


def each_answer(prepared: Setup, store: Store) -> Each:
    """Return what one answer is expected to take, with a margin."""
    found = estimate(prepared, store)
    answers = found.answers.expected or 1.0
    money = found.money.expected if found.money is not None else 0.0
    requests = sum(value.expected for value in found.requests.values())
    return Each(*(MARGIN * value / answers for value in (money, answers / MARGIN, requests, found.tokens.expected)))


def answers_of(prepared: Setup) -> Range:
    """Answers asked of candidates: the search's, the hold-out's, the probe's."""
    most = sum(len(prepared.questions) for item in prepared.space.configurations if item.generates)
    limit = prepared.answers
    if prepared.search == "grid" or (limit is not None and most <= limit):
        number = float(most if limit is None else min(most, limit))
        search = Range(number, number, number)
    elif limit is None:
        search = Range(*(most * share for share in UNLIMITED))
    else:
        search = Range(limit * 0.5, float(limit), float(limit))
    closing = float(prepared.closing_most)
    return search + Range(closing / 2, closing * 0.75, closing)


def _counted(prepared: Setup) -> str:
    if prepared.search == "grid" or prepared.answers is not None:
        return "Answers: counted; a limited search may stop at half its limit when nothing is left to gain."
    return "Answers: without a limit a search is taken to ask a tenth to all of the grid, a half expected."


def _work(prepared: Setup, store: Store, answers: Range) -> Iterable[_Work]:
    """Return requests to chat models: of the steps in proportion to the configurations that have them, less what the
    store holds; judging of every answer."""
    rows = [item for item in prepared.space.configurations if item.generates]
    connections = {item.identity_model(): item for item in prepared.opening.connections}
    start = workload(prepared, store)
    for step, using in _asking(rows).items():
        open_ = _open_share(prepared, store, step.stage, using)
        count = answers.times(len(using) / len(rows)).times(0.9 * open_, open_, open_)
        cost = step.cost(mean_of([along(item, start)[step.stage] for item in using]))
        for model in chat_models(step):
            if model in connections:
                each = count.times(cost.requests / len(chat_models(step)))
                low = min(cost.longest, SHORTEST)
                reply = Range(low, min(cost.longest, cost.reply), cost.longest)
                purpose = STAGES[step.stage].purpose or "answer"
                yield _Work(purpose, connections[model], each, Range(*(cost.prompt * by for by in SPREAD)), reply)
    made = mean_of([along(item, start)[""] for item in rows]) if rows else start
    for metric in prepared.metrics:
        for model in chat_models(metric):
            if model in connections:
                cost = metric.cost(made)
                count = answers.times(cost.requests).times(0.7, 1.0, 1.0)
                reply = Range(cost.reply / 2, cost.reply, cost.longest)
                yield _Work("judge", connections[model], count, Range(*(cost.prompt * by for by in SPREAD)), reply)


def _asking(rows: Iterable[Configuration]) -> dict[Step, list[Configuration]]:
    """Return steps that ask a chat model for every question, with the configurations that have them."""
    found: dict[Step, list[Configuration]] = {}
    for item in rows:
        for stage, step in item.steps.items():
            if STAGES[stage].grain == "question" and chat_models(step):
                found.setdefault(step, []).append(item)
    return found


def _open_share(prepared: Setup, store: Store, stage: str, rows: list[Configuration]) -> float:
    """Share of the cells of a stage that the store does not hold yet."""
    keys = {question.text_key for question in prepared.questions}
    nodes = {item.nodes[stage].key for item in rows}
    held = sum(len(store.ledger.cells_present(node, keys)) for node in nodes)
    return 1 - held / (len(nodes) * len(keys))


def _here(prepared: Setup, store: Store, answers: Range) -> tuple[Range, list[str]]:
    """Seconds that steps with models of this machine take for the questions, and what they rest on."""
    rows = [item for item in prepared.space.configurations if item.generates]
    start, seconds, notes = workload(prepared, store), NO_WORK, []
    using: dict[Step, list[Configuration]] = {}
    for item in rows:
        for stage, step in item.steps.items():
            if STAGES[stage].grain == "question" and model_files(step):
                using.setdefault(step, []).append(item)
    for step, items in using.items():
        cost = step.cost(mean_of([along(item, start)[step.stage] for item in items]))
        open_ = _open_share(prepared, store, step.stage, items)
        seconds += answers.times(len(items) / len(rows) * open_ * cost.seconds).times(*SLOW)
        notes += [cost.basis] if cost.basis else []
    return seconds, notes


def _seconds(item: _Work, prompt: Range, reply: Range, usage: Usage | None) -> tuple[Range, str]:
    """Wall clock of a piece of work, and what it rests on."""
    connection, rate = item.connection, rates.chat_rate(item.connection)
    name = connection.alias or connection.model
    if usage is not None:
        width = 1 if rate is not None else _width(connection)
        each = Range(*(usage.seconds / usage.calls / width * factor for factor in (0.9, 1.0, 1.5)))
        return _product(item.requests, each), f"{item.purpose}: seconds measured on {usage.calls} requests."
    if rate is not None:
        each = (prompt.times(1 / rate.prompt) + reply.times(1 / rate.reply)).times(*SLOW)
        return _product(
            item.requests, each
        ), f"{name}: {rate.prompt:g} prompt and {rate.reply:g} reply tokens per second, {rate.source}."
    width = _width(connection)
    where = host_of(connection) or "this machine"
    source = f"{name} at {where}: {rates.ENDPOINT_SECONDS:g} s a request, {width} at once (assumed)."
    return item.requests.times(*(rates.ENDPOINT_SECONDS / width * factor for factor in (0.3, 1.0, 3.0))), source


def _width(connection: Connection) -> int:
    return int((connection.limits or {}).get("concurrency") or rates.ENDPOINT_WIDTH)


def _index(prepared: Setup, store: Store, answers: Range) -> tuple[Range, Range, list[str]]:
    """Seconds to build all indexes that the store does not hold, and bytes on disk."""
    start = workload(prepared, store)
    size = start.characters * start.per_character
    seconds, disk, notes = NO_WORK, Range(size, size, size) + answers.times(2_000.0), []
    for node in plan(prepared.space.configurations).values():
        if node.per_question or node.step is None or store.ledger.value(node.key) is not None:
            continue
        cost = node.step.cost(before(node, start))
        seconds += Range(*(cost.seconds * by for by in BUILDING))
        disk += Range(*(cost.disk * by for by in KEPT))
        notes += [cost.basis] if cost.basis else []
    return seconds, disk, notes


def _product(count: Range, each: Range) -> Range:
    return Range(count.low * each.low, count.expected * each.expected, count.high * each.high)


def _ends(value: Range) -> tuple[float, float, float]:
    return value.low, value.expected, value.high

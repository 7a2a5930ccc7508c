"""What a sweep will ask, cost and take, before anything is paid: low, expected, high.

Counted: answers, requests per answer, chunks. Assumed where nothing was measured: the length of an answer, how many
characters a token has, how fast models work (``engine.rates``). What requests of this sweep took already (a pilot, an
earlier part of it) replaces the assumptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ragscout.engine.worker import chat_models
from ragscout.model.config import Configuration, plan
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Usage
from ragscout.model.step import Step
from ragscout.model.text import language
from ragscout.plan import rates
from ragscout.plan.budget import Each
from ragscout.plan.setup import Prepared, host_of
from ragscout.providers import prices
from ragscout.spec import Connection
from ragscout.store.store import Store

ANSWER_TOKENS = (10, 60)
"""Length of an answer, low and expected; high is what the step allows."""
TEMPLATE, RUBRIC, VERDICT = 60, 100, 10
"""Tokens of a prompt's own words, of a judge's instructions, of its verdict."""
CHARACTERS_PER_TOKEN = {"ko": 1.6, "en": 4.2}
SPREAD = (0.7, 1.0, 1.5)
"""Factors on assumed token counts."""
SLOW = (0.9, 1.2, 3.0)
"""Factors on the time of models that run here."""
UNLIMITED = (0.1, 0.5, 1.0)
"""Shares of the grid that a search without a limit is taken to ask."""
MARGIN = 1.3
FEWEST = 3
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


NOTHING = Range(0.0, 0.0, 0.0)


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


def estimate(prepared: Prepared, store: Store) -> Estimate:
    """Estimate a sweep. Reads keys, sizes and what was spent; computes and sends nothing."""
    measured = {
        purpose: usage
        for purpose, usage in store.ledger.spent(prepared.sweep_id).by_purpose.items()
        if usage.calls >= FEWEST
    }
    answers = answers_of(prepared)
    work = list(_work(prepared, store, answers))
    sources = [_counted(prepared)]
    requests: dict[str, Range] = {}
    tokens, money, seconds = NOTHING, NOTHING, NOTHING
    unknown = False
    for item in work:
        requests[item.purpose] = requests.get(item.purpose, NOTHING) + item.requests
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
    index, disk, notes = _index(prepared, store, answers)
    sources += notes
    return Estimate(
        answers,
        requests,
        tokens,
        None if unknown else money,
        prepared.currency or "USD",
        (seconds + index).times(1 / 60),
        index.times(1 / 3600),
        disk,
        tuple(dict.fromkeys(sources)),
    )


def indexing(prepared: Prepared, store: Store) -> Range:
    """Seconds of building every index of the space that the store does not hold."""
    return _index(prepared, store, NOTHING)[0]


def each_answer(prepared: Prepared, store: Store) -> Each:
    """What one answer is expected to take, with a margin."""
    found = estimate(prepared, store)
    answers = found.answers.expected or 1.0
    money = found.money.expected if found.money is not None else 0.0
    requests = sum(value.expected for value in found.requests.values())
    return Each(*(MARGIN * value / answers for value in (money, answers / MARGIN, requests, found.tokens.expected)))


def answers_of(prepared: Prepared) -> Range:
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


def _counted(prepared: Prepared) -> str:
    if prepared.search == "grid" or prepared.answers is not None:
        return "Answers: counted; a limited search may stop at half its limit when nothing is left to gain."
    return "Answers: without a limit a search is taken to ask a tenth to all of the grid, a half expected."


def _work(prepared: Prepared, store: Store, answers: Range) -> Iterable[_Work]:
    """Requests to chat models: answers and query rewriting in proportion to the configurations that need them, less
    what the store holds; judging of every answer."""
    rows = [item for item in prepared.space.configurations if item.generates]
    connections = {item.identity_model(): item for item in prepared.opening.connections}
    asked = sum(language(question.text) == "ko" for question in prepared.questions) * 2 > len(prepared.questions)
    per_token = CHARACTERS_PER_TOKEN["ko" if asked else "en"]
    questions = sum(len(question.text) for question in prepared.questions) / len(prepared.questions) / per_token
    for stage, purpose in (("generate", "answer"), ("query", "query"), ("rerank", "rerank")):
        members: dict[Step, list[Configuration]] = {}
        for item in rows:
            if stage in item.steps and chat_models(item.steps[stage]):
                members.setdefault(item.steps[stage], []).append(item)
        for step, using in members.items():
            open_ = _open_share(prepared, store, stage, using)
            count = answers.times(len(using) / len(rows)).times(0.9 * open_, open_, open_)
            passages = sum(_passages(item, per_token) for item in using) / len(using)
            prompt = Range(*((passages + questions + TEMPLATE) * factor for factor in SPREAD))
            longest = float(getattr(step, "max_tokens", 256))
            low, expected = (min(longest, value) for value in ANSWER_TOKENS)
            for model in chat_models(step):
                if model in connections:
                    yield _Work(purpose, connections[model], count, prompt, Range(low, expected, longest))
    for metric in prepared.metrics:
        for model in chat_models(metric):
            if model in connections:
                count = answers.times(_calls(metric)).times(0.7, 1.0, 1.0)
                prompt = Range(*((RUBRIC + questions + 2 * ANSWER_TOKENS[1]) * factor for factor in SPREAD))
                yield _Work("judge", connections[model], count, prompt, Range(VERDICT / 2, VERDICT, VERDICT * 4))


def _calls(metric: MeasureStep) -> int:
    """Requests that a metric sends for one answer, of three passages where it asks about each."""
    return metric.requests(3)


def _open_share(prepared: Prepared, store: Store, stage: str, rows: list[Configuration]) -> float:
    """Share of the cells of a stage that the store does not hold yet."""
    keys = {question.text_key for question in prepared.questions}
    nodes = {item.nodes[stage].key for item in rows}
    held = sum(len(store.ledger.cells_present(node, keys)) for node in nodes)
    return 1 - held / (len(nodes) * len(keys))


def _passages(item: Configuration, per_token: float) -> float:
    """Tokens of the passages in a prompt."""
    if not item.retrieves or "prompt" not in item.steps:
        return 0.0
    chunk = item.steps["chunk"]
    size = float(getattr(chunk, "size", 1000))
    tokens = size if chunk.name == "tokens" else size / per_token
    return tokens * float(getattr(item.steps["prompt"], "passages", 3))


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


def _index(prepared: Prepared, store: Store, answers: Range) -> tuple[Range, Range, list[str]]:
    """Seconds to build all indexes that the store does not hold, and bytes on disk."""
    files = {file.sha256 for file in prepared.eval_set.files}
    size = float(sum(store.blobs.size(digest) for digest in files if store.blobs.exists(digest)))
    korean = any(language(question.text) == "ko" for question in prepared.questions[:20])
    characters = size / (2.4 if korean else 1.0)
    per_token = CHARACTERS_PER_TOKEN["ko" if korean else "en"]
    seconds, disk, notes = NOTHING, Range(size, size, size) + answers.times(2_000.0), []
    for node in plan(prepared.space.configurations).values():
        if node.stage not in ("embed", "lexicon", "chunk") or store.ledger.value(node.key) is not None:
            continue
        chunk = node if node.stage == "chunk" else next(item for item in node.inputs if item.stage == "chunk")
        length = float(getattr(chunk.step, "size", 1000)) * (
            per_token if chunk.step and chunk.step.name == "tokens" else 1
        )
        step = length - float(getattr(chunk.step, "overlap_units", 0)) * (
            length / max(1.0, getattr(chunk.step, "size", 1000))
        )
        chunks = max(1.0, characters / max(1.0, step))
        text = chunks * length * (2.4 if korean else 1.0)
        if node.stage == "embed":
            name = _encoder(node.step)
            rate = rates.TEXTS_PER_SECOND.get(name, rates.UNKNOWN_ENCODER)
            work = chunks * max(0.2, length / per_token / 60) / rate
            seconds += Range(work, work, work).times(0.5, 1.0, 3.0)
            vectors = chunks * rates.DIMENSIONS.get(name, rates.UNKNOWN_DIMENSION) * 4 * 2
            disk += Range(vectors, vectors, vectors).times(0.8, 1.0, 1.3)
            known = name in rates.TEXTS_PER_SECOND
            notes.append(f"{name}: {rate:g} texts of 60 tokens per second ({rates.MEASURED if known else 'assumed'}).")
        else:
            disk += Range(text, text, text).times(0.4, 0.8, 1.5)
            seconds += Range(0.1, 0.3, 1.0).times(1 + characters / 1e6)
    return seconds, disk, notes


def _encoder(step: Step | None) -> str:
    model = getattr(step, "model", "")
    return model if isinstance(model, str) and model else getattr(step, "name", "")


def _product(count: Range, each: Range) -> Range:
    return Range(count.low * each.low, count.expected * each.expected, count.high * each.high)


def _ends(value: Range) -> tuple[float, float, float]:
    return value.low, value.expected, value.high

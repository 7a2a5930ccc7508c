"""What a sweep may spend, what it spent, and what is set aside for requests on their way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ragscout.model.outcome import Usage

ANSWERS = ("answer", "probe")
"""Purposes of requests that are candidate answers."""


@dataclass(frozen=True)
class SpendLimits:
    """What a sweep may spend: ``money`` in the connections' currency, ``calls`` candidate answers, ``llm_calls``
    requests to chat models of any kind, ``tokens`` in and out of them; ``None``: all."""

    money: float | None = None
    calls: int | None = None
    llm_calls: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Amount:
    """Part of a sweep's limits: money at the largest price, candidate answers, requests of any kind."""

    money: float = 0.0
    answers: float = 0
    requests: float = 0

    @classmethod
    def of(cls, purpose: str, most: float) -> Amount:
        """Return what one request takes at most."""
        return cls(most, int(purpose in ANSWERS), 1)

    @classmethod
    def total(cls, amounts: Iterable[Amount]) -> Amount:
        """Add amounts up; nothing is nothing."""
        found = list(amounts)
        return cls(
            math.fsum(item.money for item in found),
            sum(item.answers for item in found),
            sum(item.requests for item in found),
        )

    def __add__(self, other: Amount) -> Amount:
        return Amount.total((self, other))

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.money - other.money, self.answers - other.answers, self.requests - other.requests)

    def __mul__(self, times: int) -> Amount:
        return Amount(self.money * times, self.answers * times, self.requests * times)

    def at_least(self, other: Amount) -> Amount:
        """Return the larger of each part."""
        return Amount(
            max(self.money, other.money), max(self.answers, other.answers), max(self.requests, other.requests)
        )

    def at_most(self, other: Amount) -> Amount:
        """Return the smaller of each part."""
        return Amount(
            min(self.money, other.money), min(self.answers, other.answers), min(self.requests, other.requests)
        )

    def fits(self, room: Amount) -> bool:
        """Return whether no part is larger than that of ``room``."""
        return self.at_most(room) == self

    def quarter(self) -> Amount:
        """Return a quarter, of countable parts rounded down: what one process takes ahead of what is left."""
        return Amount(self.money / 4, _down(self.answers), _down(self.requests))


@dataclass(frozen=True)
class Spent:
    """What a sweep has settled so far. ``calls`` counts candidate answers only (those of the latency probe too);
    ``by_purpose`` everything, with ``money=None`` where a price was unknown. ``reserved`` is set aside for requests
    on their way, at the largest price that they can have."""

    money: float = 0.0
    calls: int = 0
    by_purpose: Mapping[str, Usage] = field(default_factory=dict)
    reserved: Amount = Amount()

    @property
    def llm_calls(self) -> int:
        """Requests of every purpose."""
        return sum(usage.calls for usage in self.by_purpose.values())

    @property
    def tokens(self) -> int:
        """Tokens of every purpose, in and out."""
        return sum(usage.input_tokens + usage.output_tokens for usage in self.by_purpose.values())

    def room(self, limits: SpendLimits) -> Amount:
        """Return what the limits leave beside what is settled, whatever is on its way."""
        if limits.tokens is not None and self.tokens >= limits.tokens:
            return Amount(-math.inf, -math.inf, -math.inf)
        return Amount(
            math.inf if limits.money is None else limits.money - self.money,
            math.inf if limits.calls is None else limits.calls - self.calls,
            math.inf if limits.llm_calls is None else limits.llm_calls - self.llm_calls,
        )


@dataclass(frozen=True)
class Charge:
    """What requests of one purpose took. ``unpriced`` counts those whose price nobody knows."""

    settled: int = 0
    money: float = 0.0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, usage: Usage, settled: int = 1) -> Charge:
        """Charge one request; ``settled`` is 0 for attempts that were paid and gave nothing."""
        unpriced = int(usage.money is None)
        return cls(settled, usage.money or 0.0, unpriced, usage.input_tokens, usage.output_tokens, usage.seconds)

    def __add__(self, other: Charge) -> Charge:
        return Charge(
            self.settled + other.settled,
            self.money + other.money,
            self.unpriced + other.unpriced,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
        )


def _down(number: float) -> float:
    return number if math.isinf(number) else number // 4

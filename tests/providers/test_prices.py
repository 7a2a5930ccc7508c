"""Prices: one's own, the public one, or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ragscout.model.errors import ParameterError
from ragscout.model.outcome import Usage
from ragscout.providers.prices import price, price_of


@dataclass(frozen=True)
class Connection:
    name: str = "gpt"
    provider: str = "openai"
    base_url: str = ""
    model: str = "gpt-4o-mini"
    price: Mapping[str, Any] | None = None


USAGE = Usage(input_tokens=2000, output_tokens=500)


@pytest.mark.parametrize(
    ("given", "money"),
    [
        ({"input": 2.5, "output": 10, "per": "1M"}, 0.01),
        ({"input": 2.5, "output": 10}, 0.01),
        ({"input": 0.0025, "output": 0.01, "per": "1k"}, 0.01),
        ({"input": "0.0025", "output": "0.01", "per": 1000}, 0.01),
        ({"input": 3, "output": 0, "per": "1_000"}, 6.0),
        ({"output": 2, "per": "M"}, 0.001),
    ],
)
def test_the_connections_own_price_wins(given: Mapping[str, Any], money: float) -> None:
    assert price(Connection(price=given), USAGE) == pytest.approx(money)


def test_the_currency_is_the_connections() -> None:
    found = price_of(Connection(price={"input": 1, "output": 1, "currency": "KRW"}))
    assert found is not None
    assert (found.currency, found.source) == ("KRW", "the connection")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"input": -1, "output": 1},
        {"input": "dear"},
        {"input": float("nan")},
        {"input": float("inf")},
        {"per": "1M"},
    ],
)
def test_a_malformed_price_is_refused(given: Mapping[str, Any]) -> None:
    with pytest.raises(ParameterError, match=r"models\.gpt\.price: .*Write for example"):
        price(Connection(price=given), USAGE)


@pytest.mark.parametrize("per", ["many", "0", "", "1G", -5])
def test_a_malformed_unit_is_refused(per: object) -> None:
    with pytest.raises(ParameterError, match=r"models\.gpt\.price\.per: .*Write 1M"):
        price(Connection(price={"input": 1, "output": 1, "per": per}), USAGE)


def test_a_public_price_names_its_table() -> None:
    found = price_of(Connection())
    assert found is not None
    assert 0 < found.input < found.output
    assert found.source.startswith("genai-prices ")
    assert price(Connection(), USAGE) == pytest.approx((2000 * found.input + 500 * found.output) / 1e6)


def test_unknown_is_unknown() -> None:
    assert price(Connection(model="no-such-model-x"), USAGE) is None
    assert price(Connection(base_url="https://example.invalid/v1"), USAGE) is None, "another address, another price"
    assert price(Connection(base_url="http://127.0.0.1:8000/v1"), USAGE) is None


def test_a_local_model_costs_no_money() -> None:
    assert price(Connection(provider="local", model=""), USAGE) == 0.0

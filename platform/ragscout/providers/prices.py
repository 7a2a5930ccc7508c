"""What a request costs: the connection's own price, else the public price of its model, else unknown."""

from __future__ import annotations

import functools
import importlib.metadata
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ragscout.model.errors import ParameterError
from ragscout.model.outcome import Usage
from ragscout.providers.client import DEFAULT_BASE_URL

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
_PER = re.compile(r"(\d+(?:[_,]\d{3})*|\d*)\s*([kKmM]?)")


class Priced(Protocol):
    """What the price of a connection depends on."""

    @property
    def name(self) -> str:
        """Name the steps refer to."""

    @property
    def provider(self) -> str:
        """``openai``, ``azure``, ``local``."""

    @property
    def base_url(self) -> str:
        """Root of the endpoint; empty for the provider's own."""

    @property
    def model(self) -> str:
        """Model as the endpoint calls it."""

    @property
    def price(self) -> Mapping[str, Any] | None:
        """``input`` and ``output`` in ``currency`` per ``per`` tokens (default 1M); ``None`` when not given."""


@dataclass(frozen=True)
class Price:
    """Money per million tokens, and per ``hour`` of machine time. ``source`` says where it comes from: the connection,
    or the price table's version."""

    input: float
    output: float
    currency: str
    source: str
    hour: float = 0.0

    def of(self, usage: Usage) -> float:
        """Money for some tokens and seconds."""
        tokens = usage.input_tokens * self.input + usage.output_tokens * self.output
        return tokens / 1_000_000 + usage.seconds * self.hour / 3600


def price_of(connection: Priced) -> Price | None:
    """Return the price of a connection; ``None`` when nobody knows it.

    A local model costs no money. A public price counts only for the provider's own addresses: the same model name
    behind another address may cost something else.

    Raises:
        ParameterError: the connection's own price is malformed.
    """
    if connection.price is not None:
        return _own(connection.name, connection.price)
    if connection.provider == "local":
        return Price(0.0, 0.0, "USD", "runs on this machine")
    return _public(
        connection.provider, connection.base_url or DEFAULT_BASE_URL.get(connection.provider, ""), connection.model
    )


def price(connection: Priced, usage: Usage) -> float | None:
    """Money for some usage in the connection's currency; ``None`` when its price is unknown."""
    found = price_of(connection)
    return None if found is None else found.of(usage)


def _own(name: str, given: Mapping[str, Any]) -> Price:
    where = f"models.{name}.price"
    try:
        amounts = [float(given.get(part) or 0) for part in ("input", "output", "hour")]
    except (TypeError, ValueError):
        amounts = [-1.0]
    if not all(0 <= amount < math.inf for amount in amounts) or not ({"input", "output", "hour"} & set(given)):
        raise ParameterError(
            f"{where}: input and output must be amounts of 0 or more; got {dict(given)}. "
            "Write for example {input: 2.5, output: 10, per: 1M, currency: USD}."
        )
    scale = 1_000_000 / _tokens(where, given.get("per", "1M"))
    currency = str(given.get("currency", "USD"))
    return Price(amounts[0] * scale, amounts[1] * scale, currency, "the connection", amounts[2])


def _tokens(where: str, per: Any) -> float:
    found = _PER.fullmatch(str(per).strip())
    number = int(re.sub("[_,]", "", found[1]) or 1) * _UNITS[found[2].lower()] if found and str(per).strip() else 0
    if number <= 0:
        raise ParameterError(f"{where}.per: a number of tokens is expected; got {per!r}. Write 1M, 1k or 1.")
    return number


def _checked(provider: str, address: str, model: str) -> str:
    """Return the newest day on which the table's makers say they compared this model's price, for people."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(input_tokens=1, output_tokens=0)
    if provider == "azure":
        found = calc_price(tokens, model, provider_id="azure").model
    else:
        found = calc_price(tokens, model, provider_api_url=address).model
    noted = f"{getattr(found, 'prices_checked', '')} {getattr(found, 'price_comments', '')}"
    days = re.findall(r"20\d\d-\d\d-\d\d", noted)
    return f", prices checked {max(days)}" if days else ""


@functools.lru_cache(maxsize=256)
def _public(provider: str, address: str, model: str) -> Price | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    def cost(tokens: Tokens) -> float:
        # an Azure resource has an address of its own, so it is looked up by provider
        if provider == "azure":
            return float(calc_price(tokens, model, provider_id="azure").total_price)
        return float(calc_price(tokens, model, provider_api_url=address).total_price)

    try:
        # with some models long prompts cost more: the price is read at the size of a common prompt
        amounts = [cost(Tokens(input_tokens=1000, output_tokens=0)), cost(Tokens(input_tokens=0, output_tokens=1000))]
    except LookupError:
        return None
    source = f"genai-prices {importlib.metadata.version('genai-prices')}{_checked(provider, address, model)}"
    return Price(amounts[0] * 1000, amounts[1] * 1000, "USD", source)

"""What ``evidence suggest`` and ``generate-questions`` share: the model, its price, the questions a person answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragscout.cli.support.output import asked, confirmed, remark, say

if TYPE_CHECKING:
    from ragscout.curate.reviewing import ReviewDecision
    from ragscout.engine.runtime import EngineRuntime
    from ragscout.model.runtime import ChatRequest
    from ragscout.spec import Connection, SweepSpec
    from ragscout.store.store import Store


@dataclass(frozen=True)
class Shown:
    """One item as a person sees it. ``value``: the fields that may be changed."""

    key: str
    text: str
    value: Mapping[str, str]


def load_sweep(sweep: Path | None) -> SweepSpec | None:
    """Return the sweep file whose models and embedders are used, if one is named."""
    from ragscout.spec import load

    return None if sweep is None else load(sweep)


def connection_of(name: str, spec: SweepSpec | None) -> Connection:
    """Return the connection of that name in the sweep file, else a packaged local model of that alias.

    Raises:
        UnknownNameError: neither.
    """
    from ragscout.model.errors import UnknownNameError
    from ragscout.providers.catalogue import CATALOGUE
    from ragscout.spec import Connection

    if spec is not None and name in spec.connections:
        return spec.connections[name]
    local = [asset.alias for asset in CATALOGUE.values() if asset.role == "chat model"]
    if name not in local:
        raise UnknownNameError("--model", "model", name, [*(spec.connections if spec else ()), *local])
    return Connection(name, "local", alias=name)


def open_runtime(
    store: Store, name: str, spec: SweepSpec | None, connection: Connection | None, usd: float | None
) -> EngineRuntime:
    """Return a runtime that may talk to this model only; what it spends is booked under ``name``."""
    from ragscout.engine.runtime import EngineRuntime
    from ragscout.engine.session import open_connections
    from ragscout.providers.assets import Resolver
    from ragscout.providers.network import NetworkPolicy, set_process_policy
    from ragscout.store.ledger import SpendLimits

    hosts = () if spec is None or spec.network == "offline" else spec.network
    policy = NetworkPolicy.hosts(frozenset(hosts))
    set_process_policy(policy)
    models = Resolver(policy=policy)
    connections = open_connections([connection] if connection else [], policy, models)
    return EngineRuntime(store, name, models, connections, SpendLimits(money=usd))


def priced(requests: Sequence[ChatRequest], connection: Connection) -> str:
    """Return what these requests cost at most, in words."""
    from ragscout.model.outcome import Usage
    from ragscout.providers import prices

    tokens = sum(sum(len(message.content.encode()) for message in item.messages) // 2 + 50 for item in requests)
    replies = sum(item.max_tokens for item in requests)
    money = prices.price(connection, Usage(input_tokens=tokens, output_tokens=replies))
    cost = "the price of this model is unknown" if money is None else f"at most {money:.2f} in its currency"
    return (
        f"{len(requests)} requests to {connection.name} (at most {tokens:,} tokens in, {replies:,} out): "
        f"{'free, on this machine' if connection.provider == 'local' else cost}"
    )


def agreed(text: str, yes: bool) -> None:
    """Go on when the person agrees; without a terminal only with ``--yes``. The price is said on standard error, since
    standard output may be JSON.

    Raises:
        SpecError: nobody agreed.
    """
    from ragscout.model.errors import SpecError

    remark(text)
    if yes or (sys.stdin.isatty() and confirmed("Go on?")):
        return
    raise SpecError("models: nothing was sent; got no agreement to the price above. Say --yes to go on.")


def ask_all(
    items: Sequence[Shown], done: Mapping[str, ReviewDecision], decide: Callable[[ReviewDecision], None], change: str
) -> bool:
    """Ask about every item that is not decided yet; every answer is kept at once. Whether all are decided.

    ``a`` accepts, ``d`` drops, ``c`` changes a field, ``s`` leaves the item for later, ``q`` stops.
    """
    from ragscout.curate.reviewing import ReviewDecision

    left = [item for item in items if item.key not in done]
    say(f"{len(items) - len(left)} of {len(items)} are decided.")
    skipped = 0
    for number, item in enumerate(left, 1):
        say(f"\n[{number}/{len(left)}] {item.text}")
        said = asked(f"[a]ccept, [c]hange {change}, [d]rop, [s]kip, [q]uit", "a").strip()[:1].lower()
        if said == "q":
            return False
        if said == "d":
            decide(ReviewDecision(item.key, "drop", {}))
        elif said == "c":
            value = {name: asked(name, text) for name, text in item.value.items()}
            decide(ReviewDecision(item.key, "change", value))
        elif said == "a":
            decide(ReviewDecision(item.key, "accept", {}))
        else:
            skipped += 1
    return not skipped

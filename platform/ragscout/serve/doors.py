"""Connections of a bundle as doors of its runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragscout.engine.runtime import Door, identity
from ragscout.model.runtime import Models
from ragscout.providers.network import NetworkPolicy, apply_to_libraries

if TYPE_CHECKING:
    from ragscout.spec import Connection


def policy_of(network: Sequence[str]) -> NetworkPolicy:
    """The hosts that a bundle may reach, told to the model libraries too."""
    policy = NetworkPolicy.hosts(network)
    apply_to_libraries(policy)
    return policy


def open_doors(connections: Sequence[Connection], policy: NetworkPolicy, models: Models) -> dict[str, Door]:
    """Identity of a chat model to the connection that serves it. Clients connect on first use.

    Raises:
        SpecError: a connection is incomplete, its host is not allowed, or its key is not in the environment.
    """
    if not connections:
        return {}
    from ragscout.providers import prices
    from ragscout.providers.chat import is_serial, make_client

    return {
        identity(connection.identity_model()): Door(
            make_client(connection, policy, models),
            lambda usage, connection=connection: prices.price(connection, usage),  # type: ignore[misc]
            lambda _: None,
            serial=is_serial(connection),
        )
        for connection in connections
    }

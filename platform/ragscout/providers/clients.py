"""Which client serves which connection."""

from __future__ import annotations

from collections.abc import Callable

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.runtime import Models
from ragscout.providers.client import DEFAULT_BASE_URL, ChatClient, ConnectionLike
from ragscout.providers.network import NetworkPolicy

CONCURRENCY = 8  # requests in flight to an endpoint whose connection names no other number

Maker = Callable[[ConnectionLike, NetworkPolicy, Models | None], ChatClient]


def _openai(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None) -> ChatClient:
    from ragscout.providers.openai_compatible import OpenAIClient

    concurrency = int((connection.limits or {}).get("concurrency") or CONCURRENCY)
    return OpenAIClient(connection, policy, concurrency=concurrency)


def _local(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None) -> ChatClient:
    from ragscout.providers.assets import Resolver
    from ragscout.providers.local import LocalClient

    return LocalClient(connection, models or Resolver(policy=policy))


def _system(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None) -> ChatClient:
    from ragscout.providers.system_http import SystemClient

    concurrency = int((connection.limits or {}).get("concurrency") or CONCURRENCY)
    return SystemClient(connection, policy, concurrency=concurrency)


_MAKERS: dict[str, Maker] = {"azure": _openai, "http": _system, "local": _local, "openai": _openai}


def providers() -> tuple[str, ...]:
    """Names a connection's ``provider`` may have: ``openai`` stands for every OpenAI-compatible endpoint, ``http`` for
    a whole system that is asked with a question."""
    return tuple(sorted(_MAKERS))


def check(connection: ConnectionLike) -> None:
    """Check a connection before anything is sent.

    Raises:
        UnknownNameError: no such provider.
        SpecError: a field the provider needs is absent.
    """
    where = f"models.{connection.name}"
    if connection.provider not in _MAKERS:
        raise UnknownNameError(f"{where}.provider", "provider", connection.provider, _MAKERS)
    if connection.provider == "local":
        if not (connection.alias or connection.model):
            raise SpecError(f"{where}: a local model needs an alias; got none. Add for example alias: smollm2-135m.")
        return
    if not connection.model:
        raise SpecError(f"{where}: the model's name is missing; got none. Add model: with the endpoint's name for it.")
    if not (connection.base_url or connection.provider in DEFAULT_BASE_URL):
        raise SpecError(f"{where}: the address is missing; got none. Add base_url: https://... of the endpoint.")


def make_client(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None = None) -> ChatClient:
    """Return the client of a connection.

    Args:
        connection: a named connection of the sweep file.
        policy: which hosts may be reached.
        models: where local models lie; the default resolver when absent.

    Raises:
        SpecError: the connection is incomplete, its host is not allowed, or the variable with its key is not set.
        StepError: the local model is absent.
    """
    check(connection)
    return _MAKERS[connection.provider](connection, policy, models)


def cores_of(connection: ConnectionLike) -> int:
    """Cores of this machine that one request of the connection keeps busy; 0 for a remote endpoint."""
    if connection.provider != "local":
        return 0
    from ragscout.providers.local import lanes

    return lanes(connection)[1]

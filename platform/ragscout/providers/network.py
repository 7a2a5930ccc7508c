"""Which hosts may be reached, and the one HTTP client that obeys."""

from __future__ import annotations

import ipaddress
import os
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.model.errors import SpecError

if TYPE_CHECKING:
    import httpx

HUB = "huggingface.co"
HUB_HOSTS = (HUB, "*.huggingface.co", "*.hf.co")
"""The public hub and the hosts it redirects downloads to."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "LANCEDB_TELEMETRY": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAGAS_DO_NOT_TRACK": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_CALM = {"OMP_WAIT_POLICY": "PASSIVE"}  # threads of torch and llama.cpp that wait for each other sleep, not spin
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}


@dataclass(frozen=True)
class NetworkPolicy:
    """Hosts that may be reached. Loopback always may.

    ``allowed``: host names (``*.example.com`` stands for every name below), ``None`` for every host. ``registry``:
    whether the package registry that pip is configured for may be asked for model files.
    """

    allowed: frozenset[str] | None = frozenset()
    registry: bool = True

    @classmethod
    def offline(cls) -> NetworkPolicy:
        """Nothing but loopback."""
        return cls(frozenset(), registry=False)

    @classmethod
    def hosts(cls, hosts: Iterable[str], *, registry: bool = True) -> NetworkPolicy:
        """Only these hosts; an address is cut to its host name."""
        return cls(frozenset(host_of(item) for item in hosts), registry)

    def allows(self, host: str) -> bool:
        """Whether a host may be reached."""
        host = host.strip("[]").rstrip(".").lower()
        if self.allowed is None or is_loopback(host):
            return True
        return any(
            host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:])) for pattern in self.allowed
        )

    def require(self, host: str, what: str) -> None:
        """Refuse a host that is not listed. ``what`` says what would be sent.

        Raises:
            SpecError: with the line to add.
        """
        if not self.allows(host):
            listed = ", ".join(sorted(self.allowed or ())) or "offline"
            raise SpecError(
                f"network: the host {host} is not listed, so {what} was not sent; got network: {listed}. "
                f"To allow it, write: network: [{', '.join([*sorted(self.allowed or ()), host])}]"
            )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(address: str) -> str:
    """Host name of an address or of a bare ``host[:port]``, lower case, without brackets."""
    from urllib.parse import urlsplit

    text = address.strip()
    host = urlsplit(text if "//" in text else f"//{text}").hostname
    return (host or text).rstrip(".").lower()


def client(
    policy: NetworkPolicy,
    timeout: float,
    what: str = "the request",
    *,
    follow_redirects: bool = False,
    connections: int = 32,
) -> httpx.AsyncClient:
    """Return the only way ragscout makes an HTTP client.

    Every request, a redirected one too, is checked against the policy before a connection is opened. Proxies come
    from ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (never used for loopback), certificates from
    ``SSL_CERT_FILE``, ``SSL_CERT_DIR`` or ``REQUESTS_CA_BUNDLE``.

    Args:
        policy: which hosts may be reached.
        timeout: seconds to wait for a connection and between bytes.
        what: what is sent, for the message of a refused host.
        follow_redirects: whether redirects are followed.
        connections: connections kept at most.
    """
    import httpx

    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout, connect=min(timeout, 15.0), pool=None),
        follow_redirects=follow_redirects,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        event_hooks={"request": [_guard(policy, what)]},
        mounts={f"all://{'[::1]' if ':' in host else host}": None for host in LOOPBACK},
        verify=certificates(),
    )


def _guard(policy: NetworkPolicy, what: str) -> Callable[[httpx.Request], Awaitable[None]]:
    async def check(request: httpx.Request) -> None:
        policy.require(request.url.host, what)

    return check


def certificates() -> ssl.SSLContext | bool:
    """Trusted certificates: a private CA named by the usual variables, else the system's or certifi's.

    Raises:
        SpecError: the named file cannot be read.
    """
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(variable)
        if not path:
            continue
        try:
            if os.path.isdir(path):  # noqa: PTH112 - the variable may name either
                return ssl.create_default_context(capath=path)
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            raise SpecError(
                f"{variable}: the certificates cannot be read; got {path!r} ({error.strerror or error}). "
                "Point it at a PEM file, or unset it."
            ) from error
    return True


def quiet_libraries() -> None:
    """Switch off what libraries send about their users, in this process and its children.

    How their threads wait is set too, unless the user has: it changes no result. Call it before a model library is
    imported. It is the same for every policy: which hosts may be reached is said to each client and each loader.
    """
    for variable, value in _QUIET.items():
        os.environ[variable] = value
    for variable, value in _CALM.items():
        os.environ.setdefault(variable, value)


def set_process_policy(policy: NetworkPolicy) -> None:
    """Hold libraries that open connections of their own to a policy, for the whole process.

    Only for a process that has one policy: a worker, a command line. Every loader is told what it may do as well, so
    this guards against a library that looks up something nobody asked it for. A library that is already imported is
    told as well.
    """
    quiet_libraries()
    hub = policy.allows(hub_host())
    for variable, value in _OFFLINE.items():
        if hub:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        constants.HF_HUB_OFFLINE = not hub  # type: ignore[attr-defined]


def hub_host() -> str:
    """Host of the model hub, a mirror named by ``HF_ENDPOINT`` included."""
    return host_of(hub_address())


def hub_address() -> str:
    """Address of the model hub without a trailing slash."""
    return (os.environ.get("HF_ENDPOINT") or f"https://{HUB}").rstrip("/")

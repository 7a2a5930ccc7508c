"""The network policy: nothing leaves for a host that is not listed."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from ragscout.model.errors import SpecError
from ragscout.providers.network import (
    HUB_HOSTS,
    NetworkPolicy,
    certificates,
    client,
    host_of,
    hub_host,
    is_loopback,
    set_process_policy,
)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "LOCALHOST", "a.localhost"])
def test_loopback_is_always_allowed(host: str) -> None:
    assert is_loopback(host)
    assert NetworkPolicy.offline().allows(host)


@pytest.mark.parametrize("host", ["127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "0.0.0.0", ""])
def test_what_only_looks_like_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)
    assert not NetworkPolicy.offline().allows(host)


def test_hosts_are_compared_as_hosts() -> None:
    policy = NetworkPolicy.hosts(["https://API.example.com:8443/v1", "*.hf.co"])
    assert policy.allows("api.example.com")
    assert policy.allows("api.example.com.")
    assert not policy.allows("example.com")
    assert not policy.allows("evil-api.example.com")
    assert policy.allows("cdn.hf.co")
    assert not policy.allows("hf.co")
    assert not policy.allows("evilhf.co")
    assert NetworkPolicy(None).allows("anything.example")
    assert host_of("example.com:80") == "example.com"
    assert host_of("http://[::1]:80/v1") == "::1"


def test_the_message_names_host_content_and_line() -> None:
    with pytest.raises(SpecError) as error:
        NetworkPolicy.hosts(["a.example"]).require("b.example", "the judge's questions and answers")
    assert "b.example" in str(error.value)
    assert "the judge's questions and answers was not sent" in str(error.value)
    assert "network: [a.example, b.example]" in str(error.value)


class _Redirecting(BaseHTTPRequestHandler):
    target = ""

    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", type(self).target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Redirecting)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(address: str, policy: NetworkPolicy, follow: bool = True) -> httpx.Response:
    async def inner() -> httpx.Response:
        async with client(policy, 5.0, "a test", follow_redirects=follow) as http:
            return await http.get(address)

    return asyncio.run(inner())


def test_a_refused_host_is_not_even_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **more: object) -> None:
        raise AssertionError(f"a connection was attempted: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket.socket, "connect", never)
    with pytest.raises(SpecError, match=r"example\.invalid is not listed"):
        get("http://example.invalid/", NetworkPolicy.offline())


def test_redirects_are_checked_again(redirecting: str) -> None:
    _Redirecting.target = "http://example.invalid/secret"
    with pytest.raises(SpecError, match=r"example\.invalid is not listed"):
        get(f"{redirecting}/away", NetworkPolicy.offline())
    _Redirecting.target = f"{redirecting}/here"
    assert get(f"{redirecting}/away", NetworkPolicy.offline()).status_code == 200
    assert get(f"{redirecting}/away", NetworkPolicy.offline(), follow=False).status_code == 302


def test_a_proxy_is_used_for_hosts_and_never_for_loopback(redirecting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", redirecting)
    # the stand-in proxy answers for the host that does not exist
    assert get("http://example.invalid/", NetworkPolicy.hosts(["example.invalid"])).status_code == 200
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert get(f"{redirecting}/here", NetworkPolicy.offline()).status_code == 200
    with pytest.raises(httpx.ConnectError):
        get("http://example.invalid/", NetworkPolicy.hosts(["example.invalid"]))


def test_private_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import certifi

    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert certificates() is True
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    assert isinstance(certificates(), ssl.SSLContext)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(SpecError, match=r"SSL_CERT_FILE: the certificates cannot be read.*Point it at a PEM file"):
        certificates()


def test_libraries_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "0"})
    set_process_policy(NetworkPolicy.offline())
    told = dict(os.environ)
    assert told["HF_HUB_OFFLINE"] == told["TRANSFORMERS_OFFLINE"] == "1"
    assert told["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert told["DO_NOT_TRACK"] == "1"
    set_process_policy(NetworkPolicy.hosts(HUB_HOSTS))
    assert "HF_HUB_OFFLINE" not in os.environ
    monkeypatch.setitem(os.environ, "HF_ENDPOINT", "https://mirror.example/hf/")
    assert hub_host() == "mirror.example"
    set_process_policy(NetworkPolicy.hosts(HUB_HOSTS))
    assert os.environ["HF_HUB_OFFLINE"] == "1", "the mirror is not listed"


def test_an_imported_hub_library_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    set_process_policy(NetworkPolicy.offline())
    assert sys.modules["huggingface_hub.constants"].HF_HUB_OFFLINE is True

"""Pipelines whose answers come from a chat model: a small HTTP server on loopback stands in for it."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from measured import Measured, NoModels, bundled, configuration, lexical, measured

from ragscout.engine.session import open_connections
from ragscout.model.errors import BundleError, ModelCallError
from ragscout.model.step import make
from ragscout.providers.assets import digest_path
from ragscout.providers.network import NetworkPolicy
from ragscout.serve import Pipeline, export, load, verify
from ragscout.serve.archive import seal
from ragscout.spec import Connection
from ragscout.store.store import Store

Call = Callable[..., tuple[int, str, str]]
KEY = "key-of-a-test-0123456789"


class Endpoint:
    """Answers every request with the number of words of its last message, and remembers what it was sent."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(data)
                outer.keys.append(self.headers.get("Authorization", ""))
                words = len(data["messages"][-1]["content"].split())
                reply = {
                    "model": "counter",
                    "choices": [{"message": {"content": f"낱말 {words}개"}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": words, "completion_tokens": 3},
                }
                body = json.dumps(reply if outer.status == 200 else {"error": {"message": "no"}}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("COUNTER_KEY", KEY)
    found = Endpoint()
    yield found
    found.close()


@pytest.fixture
def counted(endpoint: Endpoint, tmp_path: Path) -> Measured:
    store = Store.open(tmp_path / "store")
    eval_set = bundled(store, "handbook-ko")
    price = {"input": 1.0, "output": 2.0, "per": 1000, "currency": "USD"}
    used = Connection("counter", "openai", endpoint.url, model="counter-1", key_env="COUNTER_KEY", price=price)
    other = Connection("other", "openai", "http://127.0.0.1:9/v1", model="unused")
    limits = open_connections([used], NetworkPolicy(), NoModels())
    stages = lexical() | {"generate": ("chat", {"model": used.identity_model(), "max_tokens": 20})}
    return measured(store, eval_set, stages, ask=3, limits=limits, connections=(other, used))


def test_the_connection_goes_along_without_its_key(counted: Measured, endpoint: Endpoint, tmp_path: Path) -> None:
    path = counted.export(tmp_path / "b.bundle")
    made = json.loads((path / "bundle.json").read_text(encoding="utf-8"))
    assert [item["name"] for item in made["connections"]] == ["counter"]
    assert made["connections"][0]["key_env"] == "COUNTER_KEY"
    assert {"stage": "generate", "provider": "openai", "model": "counter-1", "revision": ""} in made["models"]
    assert not any(KEY.encode() in item.read_bytes() for item in path.rglob("*") if item.is_file())
    assert "set `COUNTER_KEY`" in (path / "README.md").read_text(encoding="utf-8")
    sent = len(endpoint.requests)
    with Pipeline.load(path) as pipeline:
        reply = pipeline.ask(counted.questions[0].text)
        words = len(endpoint.requests[-1]["messages"][-1]["content"].split())
        assert reply.text == f"낱말 {words}개"
        assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.calls) == (words, 3, 1)
        assert reply.usage.money == pytest.approx((words + 6) / 1000)
        assert endpoint.keys[-1] == f"Bearer {KEY}"
        assert endpoint.requests[-1] == endpoint.requests[0]
        assert len(endpoint.requests) == sent + 1
        assert pipeline.ask(counted.questions[0].text).usage.calls == 1
        assert len(endpoint.requests) == sent + 1
    with Pipeline.load(path, memo=False) as pipeline:
        for _ in range(2):
            pipeline.ask(counted.questions[0].text)
    assert len(endpoint.requests) == sent + 3


def test_a_bundle_from_elsewhere_gets_no_key_and_no_address_that_is_not_allowed(
    counted: Measured, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    path = counted.export(tmp_path / "b.bundle")
    sent, host = len(endpoint.requests), endpoint.url.split("/")[2]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "somebody"))
    asked = ("ask", str(path), counted.questions[0].text)
    status, out, said = call(*asked)
    assert status == 2 and not out and KEY not in said and "Traceback" not in said
    assert said.endswith(
        f"got {host}, COUNTER_KEY. If you trust it, allow them by name, once: --allow {host} --allow COUNTER_KEY\n"
    )
    assert call(*asked, "--allow", host)[0] == 2, "the address alone gives no key"
    with pytest.raises(BundleError, match="COUNTER_KEY"):
        verify(path, allow=[host])
    assert len(endpoint.requests) == sent
    assert call(*asked, "--allow", host, "--allow", "COUNTER_KEY", "--allow", "OTHER_KEY")[0] == 0
    assert call(*asked)[0] == 0, "it is remembered"
    assert len(endpoint.requests) == sent + 2

    other = shutil.copytree(path, tmp_path / "changed.bundle")
    (other / "README.md").write_text("something else\n", encoding="utf-8")
    (other / "CHECKSUMS.json").unlink()
    seal(other)
    assert call("ask", str(other), "?")[0] == 2, "what was allowed to one bundle is not allowed to another"
    monkeypatch.setenv("RAGSCOUT_ALLOW", f"COUNTER_KEY, {host}")
    assert call("ask", str(other), counted.questions[0].text)[0] == 0
    assert len(endpoint.requests) == sent + 3


def test_an_unknown_memory_allows_nothing(
    counted: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = counted.export(tmp_path / "b.bundle")
    place = tmp_path / "broken" / "ragscout"
    place.mkdir(parents=True)
    (place / "bundles.json").write_text("[1", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place.parent))
    with pytest.raises(BundleError, match="COUNTER_KEY"):
        Pipeline.load(path)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    counted.export(tmp_path / "c.bundle")
    assert "is not remembered" in caplog.text


def test_verify_asks_the_model_again(counted: Measured, endpoint: Endpoint, tmp_path: Path) -> None:
    path = counted.export(tmp_path / "b.zip")
    sent = len(endpoint.requests)
    report = verify(path)
    assert report.same
    assert report.answers_equal == 3
    assert len(endpoint.requests) == sent + 3


def test_an_endpoint_that_is_down_is_no_answer(counted: Measured, endpoint: Endpoint, tmp_path: Path) -> None:
    path = counted.export(tmp_path / "b.zip")
    endpoint.status = 401
    with Pipeline.load(path) as pipeline:
        with pytest.raises(ModelCallError, match="generate: no answer came"):
            pipeline.ask(counted.questions[0].text)
        endpoint.status = 200
        assert pipeline.ask(counted.questions[0].text).text.startswith("낱말")


def test_a_judge_is_asked_only_on_request(counted: Measured, endpoint: Endpoint, tmp_path: Path) -> None:
    judge = make("measure", "judge", {"model": counted.opening.connections[1].identity_model()})
    path = counted.export(tmp_path / "b.zip", metrics=(*counted.metrics, judge))
    sent = len(endpoint.requests)
    report = verify(path, limit=1)
    assert report.skipped == {"judge.correctness": "it asks a model"}
    assert len(endpoint.requests) == sent + 1


def test_a_model_without_a_connection(counted: Measured, tmp_path: Path) -> None:
    counted.opening = dataclasses.replace(counted.opening, connections=())
    with pytest.raises(BundleError, match="no connection serves a model of this configuration; got openai/counter-1"):
        counted.export(tmp_path / "b.zip")


def test_a_model_named_by_a_path_is_looked_for_where_the_bundle_is_loaded(
    english: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "home of a user" / "my-encoder"
    here.mkdir(parents=True)
    (here / "tokenizer.json").write_text("{}")
    revision = digest_path(here)
    tokens = ("tokens", {"size": 100, "overlap": 0, "tokenizer": str(here), "revision": revision})
    english_like = configuration(english.eval_set, lexical() | {"chunk": tokens}, name=f"tokens by {here}")
    path = export(
        english_like,
        store=english.store,
        opening=english.opening,
        eval_set=english.eval_set,
        row={"name": f"tokens by {here}"},
        path=tmp_path / "b.bundle",
        documents=True,
    )
    assert not any(str(tmp_path).encode() in item.read_bytes() for item in path.rglob("*") if item.is_file())
    monkeypatch.setenv("RAGSCOUT_MODELS", str(tmp_path / "elsewhere"))
    with pytest.raises(BundleError, match="got no 'my-encoder' in"):
        load(path)
    there = tmp_path / "elsewhere" / "my-encoder"
    shutil.copytree(here, there)
    bundle = load(path)
    assert bundle.configuration.steps["chunk"].parameters()["tokenizer"] == str(there)
    assert bundle.name == "tokens by my-encoder"
    (there / "tokenizer.json").write_text("{ }")
    with pytest.raises(BundleError, match=f"model my-encoder of chunk had revision {revision[:12]}"):
        load(path)
    assert any("my-encoder" in note for note in load(path, strict=False).differences)

"""An endpoint that repeats the key, in whatever form, puts it nowhere: not into a file, not on the terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ragscout.testing.fake_server import FakeServer, Reply

Call = Callable[..., tuple[int, str, str]]
KEYS = (
    "sk-canary-0123456789abcdefghijkl",
    "canary/with+signs=and%20more&0123",
    "canary\"quoted\\and'0123",
    "canary key with blanks 0123",
    "0123456789abcdef0123456789canary",
    "cnry0123",
)
SWEEP = """
sweep: canary
eval_set: {eval_set}
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, key_env: CANARY_KEY, limits: {{concurrency: 1}}}}
pipeline:
  chunk: {{use: characters, size: 400}}
  retriever: bm25
  prompt: {{use: template, passages: [1, 2]}}
  generate: [extractive, {{use: chat, model: writer, max_tokens: 32}}]
measure: {{retrieval: [recall@3], answer: [token_f1, {{use: judge, model: writer}}]}}
goal: {{maximize: token_f1}}
search: grid
probe: off
network: offline
"""


def forms(key: str) -> list[str]:
    """What an endpoint may make of a key."""
    raw = f"Bearer {key}".encode()
    return [key, f"Bearer {key}", quote(key, safe=""), base64.b64encode(raw).decode(), json.dumps({"k": key})]


def echoing(key: str) -> Callable[[str, Mapping[str, Any]], Reply]:
    """Answers, with an error in between, then refuses for good; repeats the key in all of it."""
    asked = [0]

    def reply(kind: str, body: Mapping[str, Any]) -> Reply:
        asked[0] += 1
        said = f"You sent {forms(key)[asked[0] % 5]} to us."
        message = {"role": "assistant", "content": said}
        good = {"model": said, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        bad = {"error": {"message": said, "type": said, "code": said}}
        status, data = (400, bad) if asked[0] > 24 else (200, bad) if asked[0] % 11 == 10 else (200, good)
        return status, {}, json.dumps(data).encode(), False

    return reply


@pytest.mark.parametrize("key", KEYS)
def test_the_key_is_nowhere(
    key: str, small: Path, server: FakeServer, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", key)
    monkeypatch.setenv("RAGSCOUT_STORE", str(tmp_path / "store"))
    server.instead = echoing(key)
    file, bundle, page = tmp_path / "canary.yaml", tmp_path / "out.bundle", tmp_path / "report.html"
    file.write_text(SWEEP.format(eval_set=small, url=server.base_url), encoding="utf-8")
    said = ""
    for words in (
        ("doctor", str(file)),
        ("plan", str(file)),
        ("sweep", str(file)),
        ("board", str(file), "--all"),
        ("why", str(file), "#1"),
        ("report", str(file), "-o", str(page)),
        ("export", str(file), "-o", str(bundle), "--row", "#2"),
        ("ask", str(bundle), "How often do passwords have to be changed?"),
        ("verify", str(bundle), "--limit", "2"),
        ("store", "show"),
    ):
        status, out, errors = call(*words)
        assert status in (0, 1, 2, 3) and "Traceback" not in errors, (words, errors)
        said += out + errors
    assert server.stats.total > 20, "the endpoint was asked"
    texts = {"the terminal": said.encode()}
    texts |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(texts) > 20
    found = {name: form for name, text in texts.items() for form in forms(key) if form.encode() in text}
    assert found == {}


@pytest.mark.parametrize("key", ["canary\nkey0123", "canary\tkey0123", "canary열쇠0123"])
def test_a_value_that_is_no_key_is_refused_and_not_shown(
    key: str, small: Path, server: FakeServer, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", key)
    file = tmp_path / "canary.yaml"
    file.write_text(SWEEP.format(eval_set=small, url=server.base_url), encoding="utf-8")
    status, out, errors = call("sweep", str(file), "--store", str(tmp_path / "s"), "--no-mlflow")
    assert status == 2 and "CANARY_KEY is no key" in errors and server.stats.total == 0
    assert "key0123" not in out + errors and "열쇠" not in out + errors

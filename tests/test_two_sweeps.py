"""Two sweeps in one process: each keeps its own network policy, store and language, whatever the other one does."""

import asyncio
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from ragscout.board.show.table import render_markdown
from ragscout.model.errors import SpecError
from ragscout.providers.network import HUB, client, hub_host
from ragscout.record.words import of_language
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

ROOT = Path(__file__).parents[1]
SIDES = ("en", "ko")
TEXT = """
sweep: handbook
eval_set: {root}/eval_sets/handbook-{lang}
models:
  writer:
    {{provider: openai, base_url: "http://{lang}.invalid/v1", model: gpt-{lang},
      price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: 300}}
  retriever: bm25
  generate: {{use: chat, model: writer, max_tokens: 32}}
measure: {{answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: grid
budget: {{usd: 5}}
network: [{hosts}]
probe: off
"""


class Proxy(ThreadingHTTPServer):
    """Stands in for the hosts that do not exist, and notes which host was asked for which model."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.behind, self.asked = behind.removesuffix("/v1"), Counter[tuple[str, str]]()


class _Forward(BaseHTTPRequestHandler):
    server: Proxy

    def do_POST(self) -> None:
        asked = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["content-length"]))
        model = next(lang for lang in SIDES if f"gpt-{lang}".encode() in body)
        self.server.asked[str(asked.hostname), model] += 1
        kind = {"content-type": "application/json"}
        reply = httpx.post(self.server.behind + asked.path, content=body, headers=kind, trust_env=False)
        self.send_response(reply.status_code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with FakeServer() as server, Proxy(server.base_url) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        yield proxy
        proxy.shutdown()
        thread.join()


def load(folder: Path, lang: str) -> Sweep:
    """The English sweep may reach the model hub as well, the Korean one may not."""
    hosts = [f"{lang}.invalid", *([HUB] if lang == "en" else [])]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{lang}.yaml"
    text = TEXT.format(root=ROOT, lang=lang, hosts=", ".join(f'"{host}"' for host in hosts))
    path.write_text(text, encoding="utf-8")
    return Sweep.load(path, folder / f"store-{lang}")


def scores(sweep: Sweep) -> list[tuple[str, int, float]]:
    return [(row.name, row.answered, row.figures["token_f1"].mean or -1.0) for row in sweep.board().rows]


def in_threads(sweeps: list[Sweep]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda sweep: sweep.run(), sweeps))


def from_one_loop(sweeps: list[Sweep]) -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.to_thread(sweep.run) for sweep in sweeps))

    asyncio.run(main())


@pytest.mark.parametrize("together", [in_threads, from_one_loop])
def test_two_sweeps_do_not_touch_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: Any) -> None:
    alone, both = [load(tmp_path / "alone", lang) for lang in SIDES], [load(tmp_path / "both", lang) for lang in SIDES]
    told = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")
    for name in told:
        monkeypatch.delenv(name, raising=False)
    with proxied(monkeypatch) as proxy:
        for sweep in alone:
            sweep.run()
        once = Counter(proxy.asked)
        proxy.asked.clear()
        together(both)
    assert set(once) == {("en.invalid", "en"), ("ko.invalid", "ko")}, "each model is asked at its own host"
    assert proxy.asked == once
    assert [scores(sweep) for sweep in both] == [scores(sweep) for sweep in alone]
    assert not [name for name in told if name in os.environ], "the environment belongs to both"
    english, korean = both
    assert english.store.ledger.sweeps() == [english.id] and korean.store.ledger.sweeps() == [korean.id]
    pages = [render_markdown(sweep.board(), language=of_language(sweep.prepared.eval_set)) for sweep in both]
    assert [bool(re.search("[가-힣]", page)) for page in pages] == [False, True]


def test_each_policy_is_an_object_that_its_clients_hold(tmp_path: Path) -> None:
    english, korean = (load(tmp_path, lang).prepared.opening.policy() for lang in SIDES)
    assert (english.allows(hub_host()), korean.allows(hub_host())) == (True, False)

    async def refused() -> None:
        for policy, other in ((english, "ko"), (korean, "en")):
            async with client(policy, 5.0) as made:
                with pytest.raises(SpecError, match=rf"the host {other}\.invalid is not listed"):
                    await made.get(f"http://{other}.invalid/")

    asyncio.run(refused())

"""Models in this process: what is refused without one, and that replies repeat themselves with one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import ModelCallError, StepError
from ragscout.model.outcome import Failure, Message
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.assets import Resolver
from ragscout.providers.clients import cores_of, make_client
from ragscout.providers.local import LocalClient, default_threads, engine, gguf_file
from ragscout.providers.network import NetworkPolicy

ALIAS = "smollm2-135m"


@dataclass(frozen=True)
class Connection:
    name: str = "small"
    provider: str = "local"
    base_url: str = ""
    api_version: str = ""
    model: str = ""
    alias: str = ALIAS
    key_env: str = ""
    context: int | None = None
    limits: Mapping[str, float] | None = None
    threads: int | None = None


RULES = "You answer questions about databases. Keep to what you know, say nothing twice, and use one short sentence."
SYSTEMS = ("", f"{RULES} Write in capitals.", f"{RULES} Do not write in capitals.")


def request(text: str, max_tokens: int = 8, system: str = "", **more: object) -> ChatRequest:
    first = (Message("system", system),) if system else ()
    return ChatRequest(ChatModel("local", ALIAS), (*first, Message("user", text)), max_tokens, **more)  # type: ignore[arg-type]


def requests() -> list[ChatRequest]:
    """Requests with and without a system message long enough to be kept, and one with a context so long that
    flash attention would split it between threads."""
    words = (
        "index",
        "vacuum",
        "table",
        "lock",
        "query",
        "cost",
        "scan",
        "buffer",
        "checkpoint",
        "role",
        "view",
        "json",
    )
    long = " ".join(f"{words[number * 7 % len(words)]} {number}" for number in range(140))
    texts = [
        "What is the capital of France?",
        f"{long}\nWhat is the text above about?",
        "연차는 언제 생기나요?",
        "Name a colour.",
    ]
    return [
        request(text, system=system) for system in SYSTEMS for text in (texts if not system else texts[:1] + texts[2:])
    ]


def replies(order: Sequence[int], threads: int) -> dict[int, str]:
    async def ask() -> dict[int, str]:
        client = make_client(Connection(threads=threads), NetworkPolicy.offline())
        asked = requests()
        found = {}
        for number in order:
            reply = await client.complete(asked[number])
            assert isinstance(reply, ChatReply)
            found[number] = reply.text
            if number == 1:
                assert reply.usage.input_tokens > 560, "too short for flash attention to split it"
        await client.close()
        return found

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def small() -> None:
    if Resolver().missing([ALIAS]):
        pytest.skip(f"the model is not on this machine: ragscout models pull {ALIAS}")


@pytest.mark.models
def test_replies_do_not_depend_on_order_process_or_threads(small: None) -> None:
    forward = replies(range(10), threads=1)
    assert len(set(forward.values())) > 6
    assert all(forward.values())
    code = (
        f"import sys, json; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_local; "
        "print(json.dumps(test_local.replies([*range(9, -1, -2), *range(0, 10, 2)], 2)))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240)
    assert {int(number): text for number, text in json.loads(other.stdout).items()} == forward
    assert asyncio.run(side_by_side()) == forward


async def side_by_side() -> dict[int, str]:
    client = make_client(Connection(threads=1, limits={"concurrency": 2}), NetworkPolicy.offline())
    assert client.concurrency == 2
    found = await asyncio.gather(*(client.complete(asked) for asked in requests()))
    await client.close()
    return {number: reply.text for number, reply in enumerate(found) if isinstance(reply, ChatReply)}


@pytest.mark.models
def test_a_long_system_message_is_computed_once(small: None) -> None:
    loaded = engine(gguf_file(Resolver().folder(ALIAS), ALIAS), 512, 1)

    def ask(system: str, text: str) -> dict[str, Any]:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        reply = loaded.answer({"messages": messages, "max_tokens": 2, "temperature": 0.0, "seed": 0})
        timings: dict[str, Any] = reply["timings"]
        return timings

    first, second, third = (
        ask(SYSTEMS[1], text) for text in ("What is a view?", "What is a view? Is it a table?", "Why?")
    )
    assert first["cache_n"] == second["cache_n"] == third["cache_n"] > 20, "the question has no part in it"
    assert ask(SYSTEMS[2], "Why?")["cache_n"] > 20
    assert ask("Be brief.", "Why?")["cache_n"] == 0
    assert "error" in loaded.answer({"messages": [{"role": "system", "content": "word " * 600}], "max_tokens": 2})


@pytest.mark.models
def test_forms_limits_and_refusals(small: None) -> None:
    schema = json.dumps(
        {
            "type": "object",
            "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
            "required": ["score"],
        }
    )

    async def ask() -> None:
        client = make_client(Connection(context=512, threads=1), NetworkPolicy.offline())
        other = make_client(Connection(name="again", context=512, threads=1), NetworkPolicy.offline())
        assert isinstance(client, LocalClient)
        assert isinstance(other, LocalClient)
        scored = await client.complete(request("Rate this from 1 to 5: good.", 20, schema=schema))
        assert isinstance(scored, ChatReply)
        assert json.loads(scored.text)["score"] in range(1, 6)
        assert not any(letter.isspace() for letter in scored.text), "white space is paid for"
        assert scored.fingerprint.startswith("xllamacpp ")
        assert scored.usage.input_tokens > 10
        assert scored.usage.money == 0.0
        cut, beside = await asyncio.gather(
            client.complete(request("Tell me a story.", 4)), other.complete(request("Hi", 4))
        )
        assert isinstance(cut, ChatReply)
        assert isinstance(beside, ChatReply)
        assert (cut.finish, cut.usage.output_tokens) == ("length", 4)
        assert client._engines == other._engines, "two connections to one file share the loaded model"
        long = await client.complete(request("word " * 600))
        assert isinstance(long, Failure)
        assert (long.whose, long.kind) == ("candidate", "context_overflow")
        with pytest.raises(ModelCallError, match=r"models\.small: the model refuses the request"):
            await client.complete(request("Hi", schema='{"type": "objct"}'))
        again = await client.complete(request("Tell me a story.", 4))
        assert isinstance(again, ChatReply)
        assert again.text == cut.text
        await client.close()
        await other.close()

    asyncio.run(ask())


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"GGUF but not really")
    with pytest.raises(ModelCallError, match=r"fake\.gguf: the model cannot be loaded.*complete GGUF"):
        engine(fake, 512, 1)


def test_which_file_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"models\.small\.alias: one \.gguf file is expected.*got 0"):
        gguf_file(tmp_path, "small")
    one = tmp_path / "한글 모델.gguf"
    one.touch()
    assert gguf_file(tmp_path, "small") == one
    (tmp_path / "two.gguf").touch()
    with pytest.raises(StepError, match=r"got 2\. Name the file itself"):
        gguf_file(tmp_path, "small")
    assert gguf_file(one, "small") == one


def test_a_local_model_gives_no_vectors_and_takes_the_cores(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    file = tmp_path / "a.gguf"
    file.touch()
    client = LocalClient(Connection(alias=str(file)), Resolver(tmp_path))
    with pytest.raises(ModelCallError, match="gives no vectors"):
        asyncio.run(client.embed(ChatModel("local", "a"), ["text"]))
    assert client.concurrency == 1
    assert cores_of(Connection()) == default_threads()
    assert cores_of(Connection(limits={"concurrency": 2}, threads=1)) == 1
    assert cores_of(Connection(provider="openai")) == 0


def test_an_absent_model_names_the_command(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    with pytest.raises(StepError, match="Run: ragscout models pull smollm2-135m"):
        make_client(Connection(), NetworkPolicy.offline(), Resolver(tmp_path))


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSCOUT_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setenv("RAGSCOUT_THREADS", "0")
    assert default_threads() == 1
    monkeypatch.setenv("RAGSCOUT_THREADS", "many")
    assert 1 <= default_threads() <= 8

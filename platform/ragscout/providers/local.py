"""Chat models in this process: GGUF files through llama.cpp (``xllamacpp``), in a mode that repeats itself.

Repeatable means: the reply depends on the request and the file alone, not on what was asked before, in which order, by
which process or on how many threads. For this one sequence is decoded at a time, and flash attention is off: its CPU
kernel splits long contexts by thread, so that one and two threads differ. Of earlier prompts one thing is reused, a
long system message: what the model has computed for it is brought back to the same state before every request that
begins with it (see ``LlamaEngine.answer``).
"""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import json
import os
import queue
import secrets
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import MissingExtraError, ModelCallError, StepError
from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Models
from ragscout.providers.client import ConnectionLike
from ragscout.providers.thoughts import without_thoughts

if TYPE_CHECKING:
    import numpy as np

CONTEXT = 4096  # tokens, when the connection names no window
SHARED = 120
"""Characters from which a system message is kept for the next request; a shorter one is computed again sooner."""
TIGHT = {"x-guidance": {"whitespace_flexible": False}}
"""Keeps white space out of JSON replies (llguidance's own key): a small model spends half of a short reply on it."""
THREADS = "RAGSCOUT_THREADS"


def default_threads() -> int:
    """Threads of one local model: ``RAGSCOUT_THREADS``, else all cores up to 8.

    Two threads gave 1.9 times the prompt speed of one on an idle machine; replies do not depend on the number.
    """
    given = os.environ.get(THREADS, "")
    return max(1, int(given)) if given.isdecimal() else min(8, os.cpu_count() or 1)


def lanes(connection: ConnectionLike) -> tuple[int, int]:
    """Return requests a local connection works on side by side (``limits: {concurrency: n}``, default 1) and the
    threads of each.

    One request on all cores answers soonest; for a sweep, as many requests as cores on one thread each got 1.3 times as
    much done of a 0.5B model. Each lane holds the weights once more.
    """
    side_by_side = max(1, int((connection.limits or {}).get("concurrency") or 1))
    return side_by_side, connection.threads or max(1, default_threads() // side_by_side)


class LocalClient:
    """One local model, loaded once a lane. A request belongs to one lane from begin to end."""

    def __init__(self, connection: ConnectionLike, models: Models) -> None:
        """Args: models = where the alias' file lies. The model is loaded at the first request.

        Raises:
            MissingExtraError: xllamacpp is not installed.
            StepError: the model's file is absent.
        """
        self._name = connection.name
        self._path = gguf_file(models.folder(connection.alias or connection.model), connection.name)
        self._context = connection.context or CONTEXT
        self.concurrency, self._threads = lanes(connection)
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for lane in range(self.concurrency):
            self._free.put(lane)
        self._engines: dict[int, LlamaEngine] = {}
        try:
            self._fingerprint = f"xllamacpp {importlib.metadata.version('xllamacpp')}"
        except importlib.metadata.PackageNotFoundError:
            raise MissingExtraError("A model in this process (provider: local)", "local") from None

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """See ``ChatClient.complete``."""
        return await asyncio.get_running_loop().run_in_executor(_worker(), self._complete, request)

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """Local chat models give no vectors.

        Raises:
            ModelCallError: always.
        """
        raise ModelCallError(
            f"models.{self._name}: a local chat model gives no vectors; got {len(texts)} texts. "
            "Use an embed step such as sentence-transformers or use-multilingual."
        )

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """Local chat models score no texts.

        Raises:
            ModelCallError: always.
        """
        raise ModelCallError(
            f"models.{self._name}: a local chat model is no reranker; got {len(texts)} texts. "
            "Use a rerank step such as cross-encoder."
        )

    async def close(self) -> None:
        """Give the model's memory back, unless another connection uses the same file."""
        self._engines.clear()

    def _complete(self, request: ChatRequest) -> ChatReply | Failure:
        body: dict[str, Any] = {
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed or 0,
        }
        if request.stop:
            body["stop"] = list(request.stop)
        lane = self._free.get()
        started = time.perf_counter()
        try:
            loaded = self._loaded(lane)
            data = _json_reply(loaded, body, request.schema) if request.schema else loaded.answer(body)
        except (ValueError, RuntimeError) as error:
            raise ModelCallError(f"models.{self._name}: the model refuses the request: {_line(error)}.") from error
        finally:
            self._free.put(lane)
        return self._reply(data, time.perf_counter() - started)

    def _loaded(self, lane: int) -> LlamaEngine:
        found = self._engines.get(lane)
        if found is None:
            found = self._engines[lane] = engine(self._path, self._context, self._threads, lane)
        return found

    def _reply(self, data: dict[str, Any], seconds: float) -> ChatReply | Failure:
        error = data.get("error")
        if error:
            if error.get("type") == "exceed_context_size_error":
                detail = (
                    f"The prompt has {error.get('n_prompt_tokens')} tokens, the context window {error.get('n_ctx')}."
                )
                return Failure("candidate", "context_overflow", detail)
            raise ModelCallError(f"models.{self._name}: the model refuses the request: {_line(error.get('message'))}.")
        choice = data["choices"][0]
        usage = data["usage"]
        return ChatReply(
            without_thoughts(choice["message"].get("content") or ""),
            "length" if choice["finish_reason"] == "length" else "stop",
            Usage(usage["prompt_tokens"], usage["completion_tokens"], seconds, 0.0, 1),
            self._fingerprint,
        )


class LlamaEngine:
    """A loaded model file. Made through ``engine``, so that connections to one file share it."""

    def __init__(self, path: Path, context: int, threads: int) -> None:
        """Args: context = tokens; threads = cores to use."""
        # a thread that waits for another must not spin: on shared cores spinning made two threads slower than one
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = context
        parameters.n_parallel = 1
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
        parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.cache_prompt = False
        parameters.cache_idle_slots = False
        parameters.cache_ram_mib = 0
        parameters.n_ctx_checkpoints = 0
        parameters.fit_params = False
        parameters.verbosity = -1
        # the library listens on a loopback port; nobody else on the machine may use it
        parameters.hostnames = ["127.0.0.1"]
        parameters.api_keys = [secrets.token_hex(16)]
        self._kept = ""
        self._tokens = 0
        try:
            self._server = xllamacpp.Server(parameters)
        except (RuntimeError, ValueError) as error:
            raise ModelCallError(
                f"{path.name}: the model cannot be loaded; got {_line(error)}. Check that the file is a complete GGUF "
                "model and that memory is free."
            ) from error

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the server's reply to a chat completion, the same whatever was asked before.

        What the model has computed for a long system message is kept. Numbers differ in the last bits with the number
        of tokens computed at a time, so a request may find only what was computed in one run over that message: before
        each, a request without a question takes the memory back to it, and where more or less than that was found, the
        message is computed anew.
        """
        first = body["messages"][0]
        if first["role"] != "system" or len(first["content"]) < SHARED:
            self._kept = ""
            return self._ask(body, reuse=False)
        for fresh in (first["content"] != self._kept, True):
            if not self._recall(first, fresh=fresh):
                return self._ask(body, reuse=False)
            reply = self._ask(body, reuse=True)
            if "error" in reply or reply["timings"]["cache_n"] <= self._tokens:
                break
        return reply

    def _recall(self, system: dict[str, str], *, fresh: bool) -> bool:
        """Leave the system message, and no question, in the model's memory; whether it fits there."""
        opening = {
            "messages": [system, {"role": "user", "content": ""}],
            "max_tokens": 1,
            "temperature": 0.0,
            "seed": 0,
        }
        found = self._ask(opening, reuse=not fresh)
        self._kept = "" if "error" in found else system["content"]
        if self._kept:
            self._tokens = found["usage"]["prompt_tokens"] if fresh else min(self._tokens, found["timings"]["cache_n"])
        return bool(self._kept)

    def _ask(self, body: dict[str, Any], *, reuse: bool) -> dict[str, Any]:
        data: dict[str, Any] = self._server.handle_chat_completions({**body, "cache_prompt": reuse})
        return data


_ENGINES: weakref.WeakValueDictionary[tuple[Path, int, int, int], LlamaEngine] = weakref.WeakValueDictionary()
_LOADING = threading.Lock()


def engine(path: Path, context: int, threads: int, lane: int = 0) -> LlamaEngine:
    """Return the loaded model of a file; loaded once a lane while anyone holds it.

    Raises:
        ModelCallError: the file is no model llama.cpp can load.
    """
    key = (path.resolve(), context, threads, lane)
    with _LOADING:
        found = _ENGINES.get(key)
        if found is None:
            found = _ENGINES[key] = LlamaEngine(*key[:3])
        return found


def gguf_file(place: Path, name: str) -> Path:
    """Return the GGUF file of a local model.

    Raises:
        StepError: the folder holds none, or more than one.
    """
    if place.is_file():
        return place
    found = sorted(place.glob("*.gguf"))
    if len(found) != 1:
        raise StepError(
            f"models.{name}.alias: one .gguf file is expected in {place}; got {len(found)}. Name the file itself."
        )
    return found[0]


@functools.cache
def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(8, os.cpu_count() or 1), thread_name_prefix="ragscout-local")


def _json_reply(loaded: LlamaEngine, body: dict[str, Any], schema: str) -> dict[str, Any]:
    """Return a reply under a JSON Schema. A schema that the tight grammar cannot express leaves the reply free, without
    an error; then the server's own translation is used, which allows white space and refuses what it does not know."""
    reply = loaded.answer({**body, "grammar": _grammar(schema)})
    if "error" in reply or (reply["choices"][0]["message"].get("content") or "")[:1] in ("{", "["):
        return reply
    shape = {"type": "json_schema", "json_schema": {"name": "reply", "schema": json.loads(schema)}}
    return loaded.answer({**body, "response_format": shape})


@functools.lru_cache(maxsize=64)
def _grammar(schema: str) -> str:
    """Return a JSON Schema as the grammar of a reply."""
    import xllamacpp

    grammar: str = xllamacpp.json_schema_to_grammar(json.dumps({**json.loads(schema), **TIGHT}))
    return grammar


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300].rstrip(".")

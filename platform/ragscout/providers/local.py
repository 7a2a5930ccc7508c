"""Chat models in this process: GGUF files through llama.cpp (``xllamacpp``), in a mode that repeats itself.

Repeatable means: the reply depends on the request and the file alone, not on what was asked before, in which order, by
which process or on how many threads. For this one sequence is decoded at a time, nothing of an earlier prompt is
reused, and flash attention is off: its CPU kernel splits long contexts by thread, so that one and two threads differ.
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
from ragscout.providers.chat import ConnectionLike

if TYPE_CHECKING:
    import numpy as np

CONTEXT = 4096  # tokens, when the connection names no window
THREADS = "RAGSCOUT_THREADS"


def default_threads() -> int:
    """Threads of one local model: ``RAGSCOUT_THREADS``, else all cores up to 8.

    Two threads gave 1.9 times the prompt speed of one on an idle machine; replies do not depend on the number.
    """
    given = os.environ.get(THREADS, "")
    return max(1, int(given)) if given.isdecimal() else min(8, os.cpu_count() or 1)


def lanes(connection: ConnectionLike) -> tuple[int, int]:
    """Requests a local connection works on side by side (``limits: {concurrency: n}``, default 1) and the threads of
    each.

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
        self._engines: dict[int, Engine] = {}
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
            "cache_prompt": False,
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if request.schema:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": json.loads(request.schema)},
            }
        lane = self._free.get()
        started = time.perf_counter()
        try:
            data = self._loaded(lane).server.handle_chat_completions(body)
        except (ValueError, RuntimeError) as error:
            raise ModelCallError(f"models.{self._name}: the model refuses the request: {_line(error)}.") from error
        finally:
            self._free.put(lane)
        return self._reply(data, time.perf_counter() - started)

    def _loaded(self, lane: int) -> Engine:
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
            choice["message"].get("content") or "",
            "length" if choice["finish_reason"] == "length" else "stop",
            Usage(usage["prompt_tokens"], usage["completion_tokens"], seconds, 0.0, 1),
            self._fingerprint,
        )


class Engine:
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
        try:
            self.server = xllamacpp.Server(parameters)
        except (RuntimeError, ValueError) as error:
            raise ModelCallError(
                f"{path.name}: the model cannot be loaded; got {_line(error)}. Check that the file is a complete GGUF "
                "model and that memory is free."
            ) from error


_ENGINES: weakref.WeakValueDictionary[tuple[Path, int, int, int], Engine] = weakref.WeakValueDictionary()
_LOADING = threading.Lock()


def engine(path: Path, context: int, threads: int, lane: int = 0) -> Engine:
    """The loaded model of a file; loaded once a lane while anyone holds it.

    Raises:
        ModelCallError: the file is no model llama.cpp can load.
    """
    key = (path.resolve(), context, threads, lane)
    with _LOADING:
        found = _ENGINES.get(key)
        if found is None:
            found = _ENGINES[key] = Engine(*key[:3])
        return found


def gguf_file(place: Path, name: str) -> Path:
    """The GGUF file of a local model.

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


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300].rstrip(".")

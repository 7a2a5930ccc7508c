"""Client of OpenAI-compatible endpoints: OpenAI, Azure, vLLM, Ollama, llama.cpp and others behind one dialect."""

from __future__ import annotations

import datetime
import email.utils
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ragscout.model.errors import ModelCallError, SpecError
from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.client import DEFAULT_BASE_URL, ConnectionLike, TransientError
from ragscout.providers.network import NetworkPolicy, client, host_of
from ragscout.providers.streaming import collected

if TYPE_CHECKING:
    import httpx
    import numpy as np

TIMEOUT = 120.0  # seconds between bytes: slow local servers send nothing until the whole reply is there
EMBED_BATCH = 96  # texts of one embedding request; several endpoints refuse more than 100
DETAIL = 300  # characters of an endpoint's own message that are shown

_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_OVERFLOW_WORDS = ("maximum context length", "context length", "context window", "context size", "prompt is too long")
_FILTER_CODES = {"content_filter", "ResponsibleAIPolicyViolation", "content_policy_violation"}


class OpenAIClient:
    """One connection. The key is read from the environment when the client is made and is in no message or repr."""

    def __init__(
        self, connection: ConnectionLike, policy: NetworkPolicy, *, concurrency: int = 8, timeout: float = TIMEOUT
    ) -> None:
        """Args: concurrency = requests in flight at most; timeout = seconds to wait between bytes.

        Raises:
            SpecError: the host is not allowed, or the variable with the key is not set.
        """
        self.concurrency = concurrency
        self._name = connection.name
        self._azure = bool(connection.api_version)
        self._version = connection.api_version
        self._base = (connection.base_url or DEFAULT_BASE_URL.get(connection.provider, "")).rstrip("/")
        policy.require(host_of(self._base), f"what models.{connection.name} is asked (questions, passages, answers)")
        self._headers = self._authorisation(connection)
        self._http: httpx.AsyncClient = client(
            policy, timeout, f"a request to models.{connection.name}", connections=max(concurrency, 1)
        )
        self._limit_name = "max_tokens"

    def __repr__(self) -> str:
        return f"OpenAIClient({self._name!r}, {self._base!r})"

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """See ``ChatClient.complete``."""
        body = self._body(request)
        started = time.perf_counter()
        status, data = await self._post("chat/completions", request.model.model, body)
        if status == 400 and self._wants_other_limit(data):
            self._limit_name = "max_completion_tokens"
            status, data = await self._post("chat/completions", request.model.model, self._body(request))
        if status >= 400:
            failure = _candidate_failure(data)
            if failure is not None:
                return failure
            raise ModelCallError(self._refusal(status, data))
        return self._reply(data, time.perf_counter() - started)

    async def stream(self, request: ChatRequest) -> tuple[ChatReply | Failure, float | None]:
        """Like ``complete``, with the seconds until the first text; ``None`` where the endpoint does not stream.

        Raises:
            TransientError, ModelCallError: see ``ChatClient.complete``.
        """
        import httpx

        body = {**self._body(request), "stream": True, "stream_options": {"include_usage": True}}
        started = time.perf_counter()
        url = self._url("chat/completions", request.model.model)
        try:
            async with self._http.stream("POST", url, json=body, headers=self._headers) as response:
                kind = response.headers.get("Content-Type", "")
                if response.status_code == 200 and kind.startswith("text/event-stream"):
                    data, first = await collected(response.aiter_lines(), started)
                    if data is None:
                        raise TransientError(f"models.{self._name}: the stream broke off")
                    return self._reply(data, time.perf_counter() - started), first
                if response.status_code == 200:
                    # an endpoint that does not stream replied in one piece: it is paid for, and not asked again
                    data = _decoded(await response.aread())
                    if data is None:
                        raise TransientError(f"models.{self._name}: the reply is not valid JSON")
                    return self._reply(data, time.perf_counter() - started), None
        except httpx.TransportError as error:
            raise TransientError(f"models.{self._name}: the connection broke ({_plain(error)})") from error
        return await self.complete(request), None

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """See ``ChatClient.embed``; an empty text is sent as one space, since endpoints refuse the empty string."""
        import numpy as np

        rows: list[np.ndarray] = []
        for start in range(0, len(texts), EMBED_BATCH):
            batch = [text or " " for text in texts[start : start + EMBED_BATCH]]
            status, data = await self._post(
                "embeddings", model.model, {"model": model.model, "input": batch, "encoding_format": "float"}
            )
            if status >= 400:
                raise ModelCallError(self._refusal(status, data))
            rows.append(self._vectors(data, len(batch)))
        if not rows:
            return np.zeros((0, 0), dtype=np.float32)
        if len({part.shape[1] for part in rows}) > 1:
            raise TransientError(f"models.{self._name}: vectors of different lengths came back")
        matrix = np.concatenate(rows)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(matrix).all() or not (norms > 0).all():
            raise TransientError(f"models.{self._name}: a vector without length or with a value that is not finite")
        return np.ascontiguousarray(matrix / norms, dtype=np.float32)

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """See ``ChatClient.rerank``: the call that Cohere, Jina, vLLM, llama.cpp and others share."""
        if not texts:
            return ()
        body = {"model": model.model, "query": query, "documents": [text or " " for text in texts], "top_n": len(texts)}
        status, data = await self._post("rerank", model.model, body)
        if status >= 400:
            raise ModelCallError(self._refusal(status, data))
        try:
            scores = {int(item["index"]): float(item["relevance_score"]) for item in data["results"]}
        except (KeyError, TypeError, ValueError) as error:
            raise TransientError(f"models.{self._name}: the reply holds no relevance scores") from error
        if set(scores) != set(range(len(texts))) or not all(map(math.isfinite, scores.values())):
            raise TransientError(
                f"models.{self._name}: {len(scores)} relevance scores came back for {len(texts)} texts"
            )
        return tuple(scores[row] for row in range(len(texts)))

    async def close(self) -> None:
        """See ``ChatClient.close``."""
        await self._http.aclose()

    def _authorisation(self, connection: ConnectionLike) -> dict[str, str]:
        if not connection.key_env:
            return {}
        key = os.environ.get(connection.key_env, "").strip()
        if not key:
            raise SpecError(
                f"models.{connection.name}.key_env: the environment variable {connection.key_env} is not set. "
                f"Run: export {connection.key_env}=... with the endpoint's key, or choose another model."
            )
        return {"api-key": key} if self._azure else {"Authorization": f"Bearer {key}"}

    def _url(self, path: str, model: str) -> str:
        if not self._azure:
            return f"{self._base}/{path}"
        root = self._base if "/deployments/" in self._base else f"{self._base}/openai/deployments/{quote(model)}"
        return f"{root}/{path}?api-version={quote(self._version)}"

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            self._limit_name: request.max_tokens,
            "temperature": request.temperature,
        }
        if request.top_p != 1.0:
            body["top_p"] = request.top_p
        if request.stop:
            body["stop"] = list(request.stop)
        if request.seed is not None:
            body["seed"] = request.seed
        if request.schema:
            schema = json.loads(request.schema)
            strict = schema.get("additionalProperties") is False
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": strict, "schema": schema},
            }
        return body

    async def _post(self, path: str, model: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and decoded body of a success or of a refusal that is final.

        Raises:
            TransientError: everything that may pass.
        """
        import httpx

        where = f"models.{self._name}"
        try:
            response = await self._http.post(self._url(path, model), json=body, headers=self._headers)
        except httpx.TimeoutException as error:
            raise TransientError(f"{where}: no reply in time from {host_of(self._base)}") from error
        except httpx.ConnectError as error:
            raise TransientError(f"{where}: {host_of(self._base)} cannot be reached ({_plain(error)})") from error
        except httpx.TransportError as error:
            raise TransientError(f"{where}: the connection broke ({_plain(error)})") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ModelCallError(
                f"{where}.base_url: not an address; got {self._base!r}. Write it as https://host/v1."
            ) from error
        status = response.status_code
        if status in (408, 409, 425, 429) or status >= 500:
            said = _decoded(response.content) or {}
            if status == 429 and _error(said).get("code") == "insufficient_quota":
                return status, said
            raise TransientError(
                f"{where}: status {status}{_said(said)}", retry_after(response.headers.get("Retry-After")), status
            )
        data = _decoded(response.content)
        if status >= 400:
            return status, data or {"error": {"message": response.text[:DETAIL]}}
        if status >= 300:
            raise ModelCallError(
                f"{where}.base_url: the endpoint redirects (status {status}); got {self._base!r}. "
                "Give the address it redirects to."
            )
        if data is None:
            raise TransientError(f"{where}: the reply is not valid JSON")
        return status, data

    def _wants_other_limit(self, data: Mapping[str, Any]) -> bool:
        return self._limit_name == "max_tokens" and "max_completion_tokens" in str(_error(data).get("message", ""))

    def _refusal(self, status: int, data: Mapping[str, Any]) -> str:
        where = f"models.{self._name}"
        said = _said(data)
        what, remedy = {
            401: ("the endpoint refuses the key", "Check the key in the variable of key_env"),
            403: ("the endpoint refuses the key", "Check the key in the variable of key_env"),
            404: ("the endpoint does not know this model or address", "Check model: and base_url"),
            429: ("the account has no quota left", "Add credit or choose another model"),
        }.get(status, ("the endpoint refuses the request", "Check the connection's parameters"))
        return f"{where}: {what} (status {status}){said}. {remedy}."

    def _reply(self, data: Mapping[str, Any], seconds: float) -> ChatReply | Failure:
        where = f"models.{self._name}"
        try:
            choice = data["choices"][0]
            message = choice["message"]
            finish = choice.get("finish_reason") or "stop"
            text = _text(message.get("content"))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise TransientError(f"{where}: the reply has no choices[0].message") from error
        if finish == "content_filter":
            return Failure("candidate", "filtered", "The endpoint's content filter stopped the reply.")
        if not text and message.get("refusal"):
            return Failure("candidate", "refused", "The model refused to reply in the asked form.")
        counted = data.get("usage") or {}
        return ChatReply(
            text,
            "length" if finish == "length" else "stop",
            Usage(_count(counted, "prompt_tokens"), _count(counted, "completion_tokens"), seconds, None, 1),
            " ".join(str(data[part]) for part in ("model", "system_fingerprint") if data.get(part)),
        )

    def _vectors(self, data: Mapping[str, Any], count: int) -> np.ndarray:
        import numpy as np

        try:
            items = sorted(data["data"], key=lambda item: item["index"])
            matrix = np.asarray([item["embedding"] for item in items], dtype=np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise TransientError(f"models.{self._name}: the reply holds no vectors") from error
        if matrix.ndim != 2 or len(matrix) != count:
            raise TransientError(f"models.{self._name}: {len(matrix)} vectors came back for {count} texts")
        return matrix


def retry_after(value: str | None, now: datetime.datetime | None = None) -> float | None:
    """Seconds to wait, from a ``Retry-After`` header of either form (RFC 9110, section 10.2.3); never negative."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    now = now or datetime.datetime.now(datetime.UTC)
    return max(0.0, (when if when.tzinfo else when.replace(tzinfo=datetime.UTC)).timestamp() - now.timestamp())


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(raw)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _error(data: Mapping[str, Any]) -> Mapping[str, Any]:
    error = data.get("error")
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else data


def _said(data: Mapping[str, Any]) -> str:
    message = " ".join(str(_error(data).get("message") or "").split())[:DETAIL]
    return f": {_without_keys(message)}" if message else ""


def _without_keys(message: str) -> str:
    """Endpoints quote part of a wrong key back: words that look like one are cut."""
    return " ".join("(key)" if word.strip("'\".,:").startswith(("sk-", "Bearer")) else word for word in message.split())


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:DETAIL] or type(error).__name__


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value >= 0 else 0


def _candidate_failure(data: Mapping[str, Any]) -> Failure | None:
    error = _error(data)
    inner = error.get("innererror")
    codes = {str(error.get("code")), str(error.get("type"))}
    if isinstance(inner, dict):
        codes.add(str(inner.get("code")))
    message = str(error.get("message", "")).lower()
    if codes & _OVERFLOW_CODES or any(words in message for words in _OVERFLOW_WORDS):
        return Failure("candidate", "context_overflow", "The prompt is longer than the model's context window.")
    if codes & _FILTER_CODES:
        return Failure("candidate", "filtered", "The endpoint's content filter refused the prompt.")
    return None

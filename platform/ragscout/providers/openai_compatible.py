"""Client of OpenAI-compatible endpoints: OpenAI, Azure, vLLM, Ollama, llama.cpp and others behind one dialect."""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import json
import math
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ragscout.model.errors import ModelCallError, SpecError
from ragscout.model.outcome import Failure
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.body import bounded, decoded, refused_body
from ragscout.providers.client import DEFAULT_BASE_URL, ConnectionLike, TransientError
from ragscout.providers.network import NetworkPolicy, client, host_of
from ragscout.providers.reply import read_reply
from ragscout.providers.said import DETAIL, candidate_failure, error_of, no_quota, refusal_of, words
from ragscout.providers.streaming import collected, lines
from ragscout.secret import keep

if TYPE_CHECKING:
    import httpx
    import numpy as np

TIMEOUT = 120.0  # seconds between bytes: slow local servers send nothing until the whole reply is there
LONGEST = 600.0  # seconds that a whole reply may take, however its bytes drip
EMBED_BATCH = 96  # texts of one embedding request; several endpoints refuse more than 100
_PASSING = (408, 409, 425, 429)  # statuses of a refusal that may pass, beside those of a server in trouble


class OpenAIClient:
    """One connection. The key is read from the environment when the client is made and is in no message or repr."""

    def __init__(
        self,
        connection: ConnectionLike,
        policy: NetworkPolicy,
        *,
        concurrency: int = 8,
        timeout: float = TIMEOUT,
        longest: float = LONGEST,
    ) -> None:
        """Args: concurrency = requests in flight at most; timeout = seconds to wait between bytes; longest = seconds
        that a whole reply may take.

        Raises:
            SpecError: the host is not allowed, or the variable with the key is not set.
        """
        self.concurrency = concurrency
        self._longest = longest
        self._name, self._where = connection.name, f"models.{connection.name}"
        self._azure = bool(connection.api_version)
        self._version = connection.api_version
        self._base = (connection.base_url or DEFAULT_BASE_URL.get(connection.provider, "")).rstrip("/")
        policy.require(host_of(self._base), f"what models.{connection.name} is asked (questions, passages, answers)")
        self._key = self._key_of(connection)
        self._headers = self._authorisation()
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
            failure = candidate_failure(refusal_of(data))
            if failure is not None:
                return failure
            raise ModelCallError(self._refusal(status, data))
        return self._reply(data, request, started)

    async def stream(self, request: ChatRequest) -> tuple[ChatReply | Failure, float | None]:
        """Like ``complete``, with the seconds until the first text; ``None`` where the endpoint does not stream.

        Raises:
            TransientError, ModelCallError: see ``ChatClient.complete``.
        """
        body = {**self._body(request), "stream": True, "stream_options": {"include_usage": True}}
        started = time.perf_counter()
        async with self._sent("chat/completions", request.model.model, body) as response:
            pieces = bounded(response.aiter_bytes(), self._where)
            kind = response.headers.get("Content-Type", "")
            if response.status_code == 200 and kind.startswith("text/event-stream"):
                data, first = await collected(lines(pieces), started)
                if data is None:
                    raise TransientError(f"{self._where}: the stream broke off", status=200)
                return self._reply(data, request, started), first
            if response.status_code == 200:
                # an endpoint that does not stream replied in one piece: it is paid for, and not asked again
                return self._reply(await self._body_of(pieces), request, started), None
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
            raise TransientError(f"{self._where}: vectors of different lengths came back", status=200)
        matrix = np.concatenate(rows)
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not (norms > 0).all():
            said = "a vector without length or with a value that is not finite"
            raise TransientError(f"{self._where}: {said}", status=200)
        return np.ascontiguousarray(matrix / norms, dtype=np.float32)

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """See ``ChatClient.rerank``: the call that Cohere, Jina, vLLM, llama.cpp and others share."""
        if not texts:
            return ()
        body = {"model": model.model, "query": query, "documents": [text or " " for text in texts], "top_n": len(texts)}
        status, data = await self._post("rerank", model.model, body)
        if status >= 400:
            raise ModelCallError(self._refusal(status, data))
        self._checked(data)
        try:
            scores = {int(item["index"]): float(item["relevance_score"]) for item in data["results"]}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise TransientError(f"{self._where}: the reply holds no relevance scores", status=200) from error
        if set(scores) != set(range(len(texts))) or not all(map(math.isfinite, scores.values())):
            raise TransientError(
                f"{self._where}: {len(scores)} relevance scores came back for {len(texts)} texts", status=200
            )
        return tuple(scores[row] for row in range(len(texts)))

    async def close(self) -> None:
        """See ``ChatClient.close``."""
        await self._http.aclose()

    def _key_of(self, connection: ConnectionLike) -> str:
        """Return the endpoint's key, empty when it wants none."""
        key = os.environ.get(connection.key_env, "").strip() if connection.key_env else ""
        if connection.key_env and not key:
            raise SpecError(
                f"models.{connection.name}.key_env: the environment variable {connection.key_env} is not set. "
                f"Run: export {connection.key_env}=... with the endpoint's key, or choose another model."
            )
        keep(key)
        if not key.isascii() or not key.isprintable():
            raise SpecError(
                f"models.{connection.name}.key_env: the value of {connection.key_env} is no key; got a line break or "
                "another sign that cannot be sent. Set it again, from one line."
            )
        return key

    def _authorisation(self) -> dict[str, str]:
        if not self._key:
            return {}
        return {"api-key": self._key} if self._azure else {"Authorization": f"Bearer {self._key}"}

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
            ModelCallError: the address leads nowhere.
        """
        async with self._sent(path, model, body) as response:
            status, pieces = response.status_code, bounded(response.aiter_bytes(), self._where)
            if status < 300:
                return status, await self._body_of(pieces)
            if status < 400:
                raise ModelCallError(
                    f"{self._where}.base_url: the endpoint redirects (status {status}); got {self._base!r}. "
                    "Give the address it redirects to."
                )
            data = refused_body(b"".join([piece async for piece in pieces]))
        error = refusal_of(data)
        if (status in _PASSING or status >= 500) and not no_quota(error) and candidate_failure(error) is None:
            said, after = words(error, self._key), retry_after(response.headers.get("Retry-After"))
            raise TransientError(f"{self._where}: status {status}{f': {said}' if said else ''}", after, status)
        return status, data

    @asynccontextmanager
    async def _sent(self, path: str, model: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """Send a request and give the response, whose body is still to come.

        Raises:
            TransientError: everything that may pass, while the body is read too.
            ModelCallError: the address is none.
        """
        import httpx

        where, host = self._where, host_of(self._base)
        try:
            async with (
                asyncio.timeout(self._longest),
                self._http.stream("POST", self._url(path, model), json=body, headers=self._headers) as response,
            ):
                yield response
        except TimeoutError as error:
            raise TransientError(f"{where}: no whole reply in {self._longest:g} s from {host}", silent=True) from error
        except httpx.TimeoutException as error:
            raise TransientError(f"{where}: no reply in time from {host}", silent=True) from error
        except httpx.ConnectError as error:
            raise TransientError(f"{where}: {host} cannot be reached ({_plain(error)})") from error
        except httpx.TransportError as error:
            raise TransientError(f"{where}: the connection broke ({_plain(error)})") from error
        except httpx.DecodingError as error:
            raise TransientError(f"{where}: the reply cannot be unpacked ({_plain(error)})", status=200) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ModelCallError(
                f"{where}.base_url: not an address; got {self._base!r}. Write it as https://host/v1."
            ) from error

    async def _body_of(self, pieces: AsyncIterator[bytes]) -> dict[str, Any]:
        data = decoded(b"".join([piece async for piece in pieces]))
        if data is None:
            raise TransientError(f"{self._where}: the reply is not valid JSON", status=200)
        return data

    def _wants_other_limit(self, data: Mapping[str, Any]) -> bool:
        return self._limit_name == "max_tokens" and "max_completion_tokens" in words(refusal_of(data))

    def _refusal(self, status: int, data: Mapping[str, Any]) -> str:
        said = words(refusal_of(data), self._key)
        what, remedy = {
            401: ("the endpoint refuses the key", "Check the key in the variable of key_env"),
            403: ("the endpoint refuses the key", "Check the key in the variable of key_env"),
            404: ("the endpoint does not know this model or address", "Check model: and base_url"),
            429: ("the account has no quota left", "Add credit or choose another model"),
        }.get(status, ("the endpoint refuses the request", "Check the connection's parameters"))
        return f"{self._where}: {what} (status {status}){f': {said}' if said else ''}. {remedy}."

    def _reply(self, data: Mapping[str, Any], request: ChatRequest, started: float) -> ChatReply | Failure:
        return read_reply(data, request, time.perf_counter() - started, self._where, self._key)

    def _checked(self, data: Mapping[str, Any]) -> None:
        """Refuse a body of status 200 that tells of an error.

        Raises:
            TransientError: with the endpoint's words.
        """
        error = error_of(data)
        if error:
            raise TransientError(f"{self._where}: the endpoint replied with an error: {words(error, self._key)}")

    def _vectors(self, data: Mapping[str, Any], count: int) -> np.ndarray:
        import numpy as np

        self._checked(data)
        try:
            items = sorted(data["data"], key=lambda item: item["index"])
            matrix = np.asarray([item["embedding"] for item in items], dtype=np.float32)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise TransientError(f"{self._where}: the reply holds no vectors", status=200) from error
        if matrix.ndim != 2 or [item["index"] for item in items] != list(range(count)):
            raise TransientError(f"{self._where}: {len(items)} vectors came back for {count} texts", status=200)
        return matrix


def retry_after(value: str | None, now: datetime.datetime | None = None) -> float | None:
    """Seconds to wait, from a ``Retry-After`` header of either form (RFC 9110, section 10.2.3); never negative."""
    if not value:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(value)
        now = now or datetime.datetime.now(datetime.UTC)
        return max(0.0, (when if when.tzinfo else when.replace(tzinfo=datetime.UTC)).timestamp() - now.timestamp())
    except (ValueError, OverflowError):
        return None


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:DETAIL] or type(error).__name__

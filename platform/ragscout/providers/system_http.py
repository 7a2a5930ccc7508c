"""A whole question answering system behind an address: asked with a question, it replies with an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.chat import ConnectionLike, TransientError
from ragscout.providers.network import NetworkPolicy, client, host_of

if TYPE_CHECKING:
    import numpy as np

TIMEOUT = 120.0
_LONGEST = 200_000  # characters of an answer
_MOST = 1e9  # seconds or money of one answer


class SystemClient:
    """A ``ChatClient`` that posts ``{"question": ...}`` to the connection's address and reads ``{"answer": ...}``.

    The reply may hold ``seconds`` and ``cost`` (money in the sweep's currency), what this answer took by the system's
    own account; what else it holds is ignored. Without them the time of the request counts, and the connection's price
    where it has one. The question is the last message of the request.
    """

    def __init__(self, connection: ConnectionLike, policy: NetworkPolicy, *, concurrency: int) -> None:
        """Args: concurrency = requests in flight at most.

        Raises:
            SpecError: the host is not allowed.
        """
        self.concurrency = concurrency
        self._name, self._address = connection.name, connection.base_url
        policy.require(host_of(self._address), f"what models.{connection.name} is asked (questions)")
        self._http = client(policy, TIMEOUT, f"a question to models.{connection.name}", connections=concurrency)

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """See ``ChatClient.complete``."""
        import httpx

        started = time.perf_counter()
        try:
            response = await self._http.post(self._address, json={"question": request.messages[-1].content})
        except httpx.TransportError as error:
            raise TransientError(f"models.{self._name}: the system did not answer ({type(error).__name__})") from error
        if response.status_code == 429 or response.status_code >= 500:
            detail = f"models.{self._name}: the system answered with status {response.status_code}"
            raise TransientError(detail, status=response.status_code)
        if response.status_code >= 400:
            raise ModelCallError(
                f"models.{self._name}: the system refuses questions; got status {response.status_code}. Check its "
                'address: it must take POST with {"question": ...}.'
            )
        return self._reply(response, time.perf_counter() - started)

    def _reply(self, response: Any, seconds: float) -> ChatReply:
        try:
            data = response.json()
        except ValueError:
            data = None
        answer = data.get("answer") if isinstance(data, dict) else None
        if not isinstance(answer, str):
            raise ModelCallError(
                f"models.{self._name}: the reply has no answer; got {response.text[:60]!r}. The system must reply with "
                'JSON {"answer": "..."}.'
            )
        said = self._amount(data, "seconds")
        money = self._amount(data, "cost")
        return ChatReply(
            answer[:_LONGEST], "stop", Usage(seconds=seconds if said is None else said, money=money, calls=1)
        )

    def _amount(self, data: Mapping[str, Any], name: str) -> float | None:
        value = data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _MOST:
            raise ModelCallError(
                f"models.{self._name}: {name} of the reply must be a number from 0 on; got {value!r:.40}. Correct the "
                "system's reply, or leave the field out."
            )
        return float(value)

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """See ``ChatClient.embed``."""
        raise ModelCallError(
            f"models.{self._name}: a whole system has no vectors; got provider http. Use another model."
        )

    async def close(self) -> None:
        """See ``ChatClient.close``."""
        await self._http.aclose()

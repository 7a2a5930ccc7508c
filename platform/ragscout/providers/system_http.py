"""A whole question answering system behind an address: asked with a question, it replies with an answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.client import ConnectionLike, TransientError
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
        except httpx.DecodingError as error:
            return self._junk(f"the body of the reply cannot be read ({type(error).__name__})")
        if response.status_code == 429 or response.status_code >= 500:
            detail = f"models.{self._name}: the system answered with status {response.status_code}"
            raise TransientError(detail, status=response.status_code)
        if not response.is_success:
            raise ModelCallError(
                f"models.{self._name}: the system refuses questions; got status {response.status_code}. Check its "
                'address: it must take POST with {"question": ...}.'
            )
        return self._reply(response, time.perf_counter() - started)

    def _reply(self, response: Any, seconds: float) -> ChatReply | Failure:
        try:
            data = response.json()
            answer = data["answer"][:_LONGEST]
            answer.encode()  # half of a surrogate pair is no text
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return self._junk(
                f'the reply has no answer; got {response.text[:60]!r}. It must be JSON {{"answer": "..."}}'
            )
        for name in ("seconds", "cost"):
            value = data.get(name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and 0 <= value < _MOST):
                return self._junk(f"{name} of the reply must be a number from 0 on; got {value!r:.40}")
        said, money = data.get("seconds"), data.get("cost")
        usage = Usage(
            seconds=seconds if said is None else float(said), money=None if money is None else float(money), calls=1
        )
        return ChatReply(answer, "stop", usage)

    def _junk(self, what: str) -> Failure:
        return Failure("candidate", "unparsable", f"models.{self._name}: {what}.")

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """See ``ChatClient.embed``."""
        raise ModelCallError(
            f"models.{self._name}: a whole system has no vectors; got provider http. Use another model."
        )

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """See ``ChatClient.rerank``."""
        raise ModelCallError(
            f"models.{self._name}: a whole system ranks no texts; got provider http. Use another model."
        )

    async def close(self) -> None:
        """See ``ChatClient.close``."""
        await self._http.aclose()

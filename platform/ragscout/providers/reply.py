"""Reads a chat reply from the body that an endpoint sent: text, reason of its end, tokens; or why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatReply, ChatRequest
from ragscout.providers.body import sound_text
from ragscout.providers.client import TransientError
from ragscout.providers.said import candidate_failure, error_of, no_quota, status_of, words
from ragscout.providers.thoughts import without_thoughts
from ragscout.secret import redact

MOST_TOKENS = 10_000_000
"""No model reads or writes more in one request: a larger count is no count."""
_NAME = 100  # characters of a model's own name and fingerprint that are kept
_CUT = {"length", "max_tokens", "model_length", "max_output_tokens"}
_FILTERED = {"content_filter", "safety", "prohibited_content", "blocklist"}
_PARTS = (None, "text", "output_text")
"""Types of the parts of a reply that are its answer; others are thoughts, pictures, calls of tools."""


def read_reply(
    data: Mapping[str, Any], request: ChatRequest, seconds: float, where: str, secret: str = ""
) -> ChatReply | Failure:
    """Return the reply, or the candidate's failure.

    Args:
        data: body of status 200.
        request: what it replies to; where the endpoint counts no tokens they are estimated from it.
        seconds: that the reply took.
        where: begins the messages.
        secret: the key that was sent; it is in no message.

    Raises:
        TransientError: the body is an error, or holds no reply; ``usage`` is what it took nevertheless.
        ModelCallError: the body is an error that waiting does not mend.
    """
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = error_of(data) or error_of(choice)
    if error:
        return _failed(error, data, where, secret)
    message = choice.get("message")
    if not isinstance(message, dict):
        said = words(data, secret)
        detail = f"{where}: the reply has no choices[0].message{f': {said}' if said else ''}"
        raise TransientError(detail, status=200, usage=usage_of(data, request, ""))
    finish = str(choice.get("finish_reason") or "stop").lower()[:_NAME]
    said = text_of(message.get("content"))
    text = without_thoughts(said)
    usage = replace(usage_of(data, request, said), seconds=seconds)
    if finish == "error":
        raise TransientError(f"{where}: the endpoint broke its reply off (finish_reason error)", usage=_counted(data))
    if finish in _FILTERED:
        return Failure("candidate", "filtered", "The endpoint's content filter stopped the reply.")
    if not text and message.get("refusal"):
        return Failure("candidate", "refused", "The model refused to reply in the asked form.")
    names = (data.get(part) for part in ("model", "system_fingerprint"))
    fingerprint = " ".join(sound_text(name[:_NAME]) for name in names if isinstance(name, str) and name)
    return ChatReply(text, "length" if finish in _CUT else "stop", usage, fingerprint)


def text_of(content: Any) -> str:
    """Return the text of a message's content: a text, or a list of parts of which those that are text count."""
    if isinstance(content, list):
        parts = [item for item in content if isinstance(item, dict) and _plain_type(item) in _PARTS]
        return sound_text("".join(text for item in parts if isinstance(text := item.get("text"), str)))
    return sound_text(content) if isinstance(content, str) else ""


def usage_of(data: Mapping[str, Any], request: ChatRequest, text: str) -> Usage:
    """Return the tokens that a body counts; what it does not count, or counts as no number of tokens, is estimated as
    two bytes a token (more than there are, in English and Korean), so that no budget takes the request for free."""
    counted = _counted(data) or Usage()
    return Usage(
        counted.input_tokens or estimated_prompt(request),
        counted.output_tokens or (len(text.encode()) + 1) // 2,
        money=None,
        calls=1,
    )


def estimated_prompt(request: ChatRequest) -> int:
    """Return the tokens of a prompt that nobody counted, two bytes a token."""
    return sum(len(sound_text(message.content).encode()) for message in request.messages) // 2 + 1


def sound(reply: ChatReply | Failure) -> ChatReply | Failure:
    """Return a reply of any client as every store takes it: see ``sound_text``; counts lie in 0..``MOST_TOKENS``, and a
    key that the endpoint repeats is cut."""
    if isinstance(reply, Failure):
        return replace(reply, detail=redact(sound_text(reply.detail)))
    usage = replace(
        reply.usage,
        input_tokens=min(max(0, reply.usage.input_tokens), MOST_TOKENS),
        output_tokens=min(max(0, reply.usage.output_tokens), MOST_TOKENS),
    )
    text, fingerprint = redact(sound_text(reply.text)), redact(sound_text(reply.fingerprint))
    return replace(reply, text=text, usage=usage, fingerprint=fingerprint)


def _failed(error: Mapping[str, Any], data: Mapping[str, Any], where: str, secret: str) -> Failure:
    """Return the candidate's failure that an error in a body of status 200 tells of.

    Raises:
        TransientError, ModelCallError: it is the endpoint's trouble.
    """
    failure = candidate_failure(error)
    if failure is not None:
        return failure
    status, said = status_of(error), words(error, secret)
    detail = (
        f"{where}: the endpoint replied with an error{f' ({status})' if status else ''}{f': {said}' if said else ''}"
    )
    if status in (400, 401, 403, 404, 422) or no_quota(error):
        raise ModelCallError(detail)
    raise TransientError(detail, status=status, usage=_counted(data))


def _counted(data: Mapping[str, Any]) -> Usage | None:
    """Return the tokens that a body counts, ``None`` when it counts none. What a model thought is part of its reply."""
    said = data.get("usage")
    counts = said if isinstance(said, dict) else {}
    details = counts.get("completion_tokens_details")
    prompt, reply, total = (_count(counts.get(f"{part}_tokens")) for part in ("prompt", "completion", "total"))
    thought = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0
    if thought > reply:
        reply += thought  # it is counted beside the answer
    if prompt:
        reply = max(reply, min(total - prompt, MOST_TOKENS))
    return Usage(prompt, reply, money=None, calls=1) if prompt or reply else None


def _count(value: Any) -> int:
    """Return a number of tokens, 0 for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return 0
    return int(value) if value == int(value) else 0


def _plain_type(part: Mapping[str, Any]) -> Any:
    kind = part.get("type")
    return kind if kind is None or isinstance(kind, str) else ""

"""What an endpoint itself says of a request that it did not answer: its words, its code, and whose failure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragscout.model.outcome import Failure
from ragscout.providers.body import sound_text

DETAIL = 300  # characters of an endpoint's own message that are shown
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_OVERFLOW_WORDS = (
    "maximum context length",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "input is too large",
)
_FILTER_CODES = {"content_filter", "ResponsibleAIPolicyViolation", "content_policy_violation"}


def error_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a body says of an error, ``{"message": ...}`` at least where it says anything; empty when the body
    tells of none."""
    error = data.get("error")
    if isinstance(error, dict) and error:
        return error
    if isinstance(error, str) and error.strip():
        return {"message": error, "code": data.get("code")}
    if isinstance(error, list) and error:
        return {"message": " ".join(_texts(error))}
    return {}


def refusal_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the body of a refusal says, wherever it says it: beside ``error`` in ``message`` or ``detail``."""
    error = error_of(data)
    if error:
        return error
    said = [text for name in ("message", "detail", "errors") for text in _texts(data.get(name))]
    return {"message": " ".join(said), "code": data.get("code"), "type": data.get("type")}


def words(error: Mapping[str, Any], secret: str = "") -> str:
    """Return an error's message on one line, at most ``DETAIL`` characters, without control characters and keys.

    Args:
        error: see ``error_of``.
        secret: the key that was sent; wherever it stands it is cut.
    """
    message = " ".join(_texts(error.get("message"))) or " ".join(_texts(error.get("msg")))
    details = error.get("metadata")
    if isinstance(details, dict):
        # what a router passes on: who answered, and what that one said
        message = " ".join([message, *_texts(details.get("provider_name")), *_texts(details.get("raw"))])
    if not message:
        message = " ".join(_texts(error.get("code")) or _texts(error.get("type")))
    if secret:
        message = message.replace(secret, "(key)")
    plain = "".join(sign if sign.isprintable() else " " for sign in sound_text(message[: 4 * DETAIL]))
    return _without_keys(" ".join(plain.split())[:DETAIL])


def status_of(error: Mapping[str, Any]) -> int:
    """Return the HTTP status that an error inside a body names, 0 for none."""
    for name in ("code", "status", "status_code"):
        value = error.get(name)
        if isinstance(value, str) and len(value) == 3 and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return 0


def no_quota(error: Mapping[str, Any]) -> bool:
    """Whether an account is empty, so that waiting does not help."""
    return error.get("code") == "insufficient_quota"


def candidate_failure(error: Mapping[str, Any]) -> Failure | None:
    """Return the candidate's failure that an error tells of; ``None`` when it is not the candidate's."""
    inner = error.get("innererror")
    codes = {str(error.get("code"))[:DETAIL], str(error.get("type"))[:DETAIL]}
    if isinstance(inner, dict):
        codes.add(str(inner.get("code"))[:DETAIL])
    message = words(error).lower()
    if codes & _OVERFLOW_CODES or any(phrase in message for phrase in _OVERFLOW_WORDS):
        return Failure("candidate", "context_overflow", "The prompt is longer than the model's context window.")
    if codes & _FILTER_CODES:
        return Failure("candidate", "filtered", "The endpoint's content filter refused the prompt.")
    return None


def _texts(value: Any, depth: int = 0) -> list[str]:
    """Texts and numbers of a value that should have been a text: lists of messages, places and messages."""
    if isinstance(value, str) and value.strip():
        return [value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [f"{value:.20g}" if isinstance(value, float) else str(value)[:20]] if abs(value) < 1e15 else []
    if depth > 3:
        return []
    if isinstance(value, list):
        return [text for item in value[:10] for text in _texts(item, depth + 1)]
    if isinstance(value, dict):
        place = value.get("loc")
        before = [".".join(_texts(place, depth + 1)) + ":"] if isinstance(place, list) and place else []
        said = [text for name in ("msg", "message", "detail") for text in _texts(value.get(name), depth + 1)]
        return [*before, *said]
    return []


def _without_keys(message: str) -> str:
    """Endpoints quote part of a wrong key back: words that look like one are cut."""
    return " ".join("(key)" if word.strip("'\".,:").startswith(("sk-", "Bearer")) else word for word in message.split())

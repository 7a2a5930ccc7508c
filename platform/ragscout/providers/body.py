"""Reads the bytes that an endpoint sends, up to a size, and makes sense of them, whatever they are."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from ragscout.providers.client import TransientError

MOST_BYTES = 64 << 20
"""Bytes of a reply at most: a hundred vectors of the largest models in decimal take a tenth of it."""
_PAGE = 20_000  # characters of a page of a proxy that are looked at
_MARKUP = re.compile(
    r"<(script|style)\b.*?(?:</\1>|\Z)|<title\b[^<]*+</title>|<[^<>]*+>", re.IGNORECASE | re.DOTALL
)  # one that is never closed reaches to the end, as in a browser


async def bounded(pieces: AsyncIterator[bytes], where: str, most: int = MOST_BYTES) -> AsyncIterator[bytes]:
    """Pass the pieces of a reply on.

    Raises:
        TransientError: the reply is larger than ``most`` bytes.
    """
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > most:
            raise TransientError(f"{where}: the reply is larger than {most >> 20} MB, and is given up", status=200)
        yield piece


def sound_text(text: str) -> str:
    """Return a text that every store takes: halves of a surrogate pair are joined where both are there, what is left of
    them and NUL become U+FFFD."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\ufffd")


def decoded(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a body holds, ``None`` when it holds none. Bytes that are no text become U+FFFD; of a
    list of objects the first one counts (some gateways wrap errors so)."""
    try:
        data = json.loads(raw.decode(json.detect_encoding(raw), "replace").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    if isinstance(data, list) and data:
        data = data[0]
    return data if isinstance(data, dict) else None


def refused_body(raw: bytes) -> dict[str, Any]:
    """Return the body of a refusal; the text of one that is no JSON object stands in ``message``, without markup."""
    data = decoded(raw)
    if data is not None:
        return data
    text = raw.decode("utf-8", "replace")[:_PAGE]
    return {"message": _MARKUP.sub(" ", text) if text.lstrip().startswith("<") else text}

"""Keys and passwords, cut from every text that leaves the process: errors, logs, the journal, replies, the terminal.

Whoever reads a key from the environment says so (``keep``). From then on ``redact`` cuts it, in the forms in which it
may come back: as it is, percent-encoded, in Base64, as JSON writes it. Passwords inside addresses are cut wherever they
stand.
"""

from __future__ import annotations

import base64
import functools
import json
import logging
import re
from urllib.parse import quote, quote_plus

from ragscout.model.text import harmless

LEAST = 8
"""Shorter values of key variables are no secrets ("none", "EMPTY") and would be found by accident."""
CUT = "(key)"
_KEPT: set[str] = set()
_ADDRESS = re.compile(r"(://[^/\s:@\"']*+:)[^/\s@\"']++@")
_ENCODED = re.compile(
    r"(%3A%2F%2F(?:[^/\s@&\"'%]|%(?!3A|2F|40))*+%3A)(?:[^/\s@&\"'%]|%(?!2F|40))++%40", re.IGNORECASE
)  # no two matches can begin in one stretch without a slash: the time grows with the text alone


def keep(secret: str) -> None:
    """Let ``redact`` cut a value from now on; one shorter than ``LEAST`` characters is none."""
    if len(secret) >= LEAST and secret not in _KEPT:
        _KEPT.add(secret)
        _known.cache_clear()


def redact(text: str) -> str:
    """Return a text without the values that are kept, and without passwords in addresses."""
    known = _known()
    if known is not None:
        text = known.sub(CUT, text)
    if "@" in text:
        text = _ADDRESS.sub(r"\1***@", text)
    return _ENCODED.sub(r"\1***%40", text) if "%40" in text else text


class RedactingFilter(logging.Filter):
    """Cuts secrets, and what commands a terminal, from what is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message of a record and the trace that it carries."""
        record.msg, record.args = harmless(redact(record.getMessage())), ()
        if record.exc_info:
            record.exc_text = harmless(redact(logging.Formatter().formatException(record.exc_info)))
        return True


@functools.cache
def _known() -> re.Pattern[str] | None:
    forms = sorted({form for secret in _KEPT for form in _forms(secret)}, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, forms))) if forms else None


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    found |= {json.dumps(secret, ensure_ascii=False)[1:-1], quote(quote(secret, safe=""), safe="")}
    for before in (b"", b":", b"Bearer "):
        for encoded in (base64.b64encode(before + raw), base64.urlsafe_b64encode(before + raw)):
            found.add(encoded.decode().rstrip("="))
    return found

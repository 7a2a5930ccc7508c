"""E-mail (eml) to readable text: headers, the plain body (else the HTML one), attachments by name."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

from ragscout.providers.parsers.decode import decode

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_PARTS = 1000
_TROUBLE = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""What the email package is known to raise on damaged messages."""


def mail_text(data: bytes) -> tuple[str, str, dict[str, str], list[str]]:
    """Subject, text, headers by lower-case name, and what is wrong. Attachments are listed, not opened."""
    problems: list[str] = []
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        headers = {name: text for name in _HEADERS if (text := _header(message, name))}
        body, attached = _body(message, problems)
    except _TROUBLE as error:
        return "", "", {}, [f"it cannot be read as e-mail ({type(error).__name__}): save the message again"]
    if not headers:
        return "", "", {}, ["it is no e-mail: it has no header (From, To, Date, Subject)"]
    lines = [f"{name}: {text}" for name, text in headers.items()]
    if attached:
        lines.append(f"Attachments: {', '.join(attached)}")
        problems.append(f"{len(attached)} attachments are listed, not read: upload them as files to search them")
    text = "\n".join(lines) + f"\n\n{body.strip()}"
    return headers.get("Subject", ""), text, {name.lower(): value for name, value in headers.items()}, problems


def _header(message: Any, name: str) -> str:
    """Return a header's text; raw bytes above ASCII, which old mailers write, are decoded like a file."""
    text = next((str(value) for key, value in message.raw_items() if key.casefold() == name.casefold()), "")
    if any("\udc80" <= char <= "\udcff" for char in text):
        text, _ = decode(text.encode("utf-8", "surrogateescape"))
    else:
        try:
            text = str(message.get(name) or "")
        except _TROUBLE:
            return ""
    return " ".join(text.split())


def _body(message: Any, problems: list[str]) -> tuple[str, list[str]]:
    plain: list[str] = []
    pages: list[str] = []
    attached: list[str] = []
    for number, part in enumerate(message.walk()):
        if number >= _PARTS:
            problems.append(f"it has more than {_PARTS} parts: the rest is left out")
            break
        if part.is_multipart():
            continue
        name = part.get_filename()
        kind = part.get_content_type()
        if name or part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            size = len(part.get_payload(decode=True) or b"")
            attached.append(f"{name or 'no name'} ({kind}, {size:,} bytes)")
        else:
            (plain if kind == "text/plain" else pages).append(_decoded(part))
    if plain or not pages:
        return "\n\n".join(plain), attached
    from ragscout.providers.parsers.html import html_text

    return "\n\n".join(html_text(page)[1] for page in pages), attached


def _decoded(part: EmailMessage) -> str:
    data: Any = part.get_payload(decode=True) or b""
    charset = (part.get_content_charset() or "").lower()
    charset = "cp949" if charset in ("euc-kr", "euc_kr", "ks_c_5601-1987", "ksc5601") else charset
    if charset and charset != "us-ascii":
        try:
            return str(data.decode(charset))
        except (UnicodeDecodeError, LookupError):
            pass
    return decode(data)[0]

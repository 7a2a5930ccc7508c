"""Keys and passwords are cut from texts in every form in which they come back."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from ragscout import secret as module
from ragscout.model.errors import SpecError
from ragscout.secret import RedactingFilter, keep, redact

KEY = 'sk-"odd"/key&of%20a+test\\0123'


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    before = set(module._KEPT)
    yield
    module._KEPT.clear()
    module._KEPT.update(before)
    module._known.cache_clear()


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        json.dumps(KEY)[1:-1],
        json.dumps({"authorization": f"Bearer {KEY}"}),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(f":{KEY}".encode()).decode(),
        f"https://host/v1?key={quote(KEY)}",
    ],
)
def test_a_kept_key_is_cut(form: str) -> None:
    keep(KEY)
    found = redact(f"the endpoint said: {form} was refused")
    assert found.startswith("the endpoint said: ") and "(key)" in found and found.endswith(" was refused")
    assert "0123" not in found


def test_short_values_are_no_secrets() -> None:
    keep("none")
    assert redact("none of it") == "none of it"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ana:s3cret@db/x", "postgresql://ana:***@db/x"),
        ("http://:tok3n@host:5000", "http://:***@host:5000"),
        (
            "store:?blobs=s3%3A%2F%2Fb&ledger=postgresql%3A%2F%2Fana%3As3cret%40db%2Fx",
            "store:?blobs=s3%3A%2F%2Fb&ledger=postgresql%3A%2F%2Fana%3A***%40db%2Fx",
        ),
        ("mail ana@example.com at 10:30", "mail ana@example.com at 10:30"),
        ("https://host:80/a@b", "https://host:80/a@b"),
    ],
)
def test_passwords_in_addresses_are_cut(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("piece", ["://", "://:", "%3A%2F%2F", "%3A%2F%2F%3A", "@", "://a:b"])
def test_long_texts_take_no_time(piece: str) -> None:
    assert redact(piece * 20_000 + "%40@")


def test_errors_and_logs_hold_no_key(caplog: pytest.LogCaptureFixture) -> None:
    keep(KEY)
    assert KEY not in str(SpecError(f"models.x: got {KEY}"))
    caplog.handler.addFilter(cut := RedactingFilter())
    try:
        try:
            raise ValueError(KEY)
        except ValueError:
            logging.getLogger("ragscout.test").exception("it failed with %s", KEY)
    finally:
        caplog.handler.removeFilter(cut)
    assert KEY not in caplog.text and "(key)" in caplog.text and "Traceback" in caplog.text

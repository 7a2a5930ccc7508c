"""Messages: where, what is wrong, what to do; a near name is suggested."""

from __future__ import annotations

import pytest

from ragscout.model.errors import MissingExtraError, RagscoutError, SpecError, UnknownNameError


@pytest.mark.parametrize(
    ("got", "suggested"),
    [
        ("caracters", "characters"),
        ("Characters", "characters"),
        ("sentence", "sentences"),
        ("token", "tokens"),
        ("zzzz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_suggested_and_all_are_listed(got: str, suggested: str | None) -> None:
    error = UnknownNameError("sweep.yaml:3:10", "chunk step", got, ["tokens", "characters", "sentences"])
    text = str(error)
    assert text.startswith(f"sweep.yaml:3:10: unknown chunk step; got {got!r}.")
    assert text.endswith("Allowed: characters, sentences, tokens.")
    assert (f"Did you mean {suggested!r}?" in text) if suggested else ("Did you mean" not in text)
    assert (error.got, error.allowed) == (got, ("characters", "sentences", "tokens"))
    assert isinstance(error, SpecError)


def test_without_any_name_the_message_says_so() -> None:
    assert str(UnknownNameError("a", "thing", "x", [])).endswith("Allowed: none.")


def test_a_missing_extra_says_how_it_is_installed() -> None:
    error = MissingExtraError("The embedder 'static'", "local")
    assert error.extra == "local" and "pip install 'ragscout[local]'" in str(error)
    assert isinstance(error, RagscoutError)

"""Fixtures of all tests."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator

import pytest

from ragscout.cli.main import main
from ragscout.words import strictly

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def complete_words() -> Iterator[None]:
    """A text that lacks a kind or a value fails the test that shows it."""
    with strictly():
        yield


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs ``ragscout WORDS`` in this process: exit status, standard output, standard error. ``typed`` is read from the
    terminal."""

    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ragscout", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run

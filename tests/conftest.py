"""Fixtures of all tests."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragscout.cli.main import main
from ragscout.words import strictly

Call = Callable[..., tuple[int, str, str]]
Golden = Callable[[str, str], None]
GOLDEN = Path(__file__).parent / "golden"


LONGEST = (
    "test_docs.py",
    "test_sweep.py",
    "test_finish.py",
    "test_installed.py",
    "test_control.py",
    "test_resume.py",
    "test_two_sweeps.py",
    "test_local.py",
    "test_agreement.py",
    "test_interrupted.py",
)
"""Files that take the longest. They run first, so that no worker is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by file, the longest files first."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write golden files instead of comparing with them")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the file of that name in tests/golden; with ``--accept`` it writes the file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--accept"):
            path.write_text(text, encoding="utf-8")
        wanted = path.read_text(encoding="utf-8") if path.exists() else ""
        assert text == wanted, f"{name} differs. When that is meant, run this test once with --accept."

    return compare


@pytest.fixture(autouse=True, scope="session")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a user allows bundles is remembered apart from the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


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

"""What reaches a terminal: no sign that steers it, whatever the data hold."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

import ragscout
from ragscout.cli.support.output import as_json, console, fail, remark, say, words_of
from ragscout.model.errors import SpecError
from ragscout.model.evalset import EvalSet, Question

HOSTILE = "연차\x1b]0;owned\x07 15일\x9b31m\u202etxt.exe\u2066 \x08"


@pytest.mark.parametrize("show", [say, remark, fail])
def test_lines_hold_no_control_characters(show: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    show(f"{HOSTILE}\n\t둘째 줄")
    shown = "".join(capsys.readouterr())
    assert "연차\ufffd]0;owned\ufffd 15일\ufffd31m\ufffdtxt.exe\ufffd \ufffd\n\t둘째 줄\n" in shown


def test_tables_hold_none(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("head\x1b[2J", title=Text(HOSTILE))
    table.add_row(HOSTILE, style="bold")
    console().print(table)
    console().print(f"plain {HOSTILE}", markup=False)
    shown = capsys.readouterr().out
    assert "연차" in shown and "owned" in shown and "plain" in shown
    assert not any(sign in shown for sign in "\x1b\x07\x9b\u202e\u2066\x08")


def test_a_terminal_still_gets_colours_and_lines_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    made = console()
    with Live(Text("stays", style="cyan"), console=made, refresh_per_second=4, transient=True):
        made.print(f"above {HOSTILE}", style="red", markup=False)
    shown = terminal.getvalue()
    assert "\x1b[" in shown and "above" in shown and "owned" in shown and "stays" in shown
    assert "\x1b]0;owned" not in shown and "\x9b31m" not in shown


def test_the_version_is_told(capsys: pytest.CaptureFixture[str], call: Callable[..., tuple[int, str, str]]) -> None:
    assert call("--version") == (0, f"ragscout {ragscout.__version__}\n", "")


def test_the_language_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    korean = EvalSet("s", 1, "d", (), (Question("q", "며칠인가요?"),))
    assert words_of("", korean) == "ko"
    monkeypatch.setenv("RAGSCOUT_LANGUAGE", "en")
    assert (words_of("", korean), words_of("ko", korean)) == ("en", "ko")
    monkeypatch.setenv("RAGSCOUT_LANGUAGE", "fr")
    with pytest.raises(SpecError, match=r"RAGSCOUT_LANGUAGE: .*got 'fr'"):
        words_of("", korean)


def test_json_escapes_them(capsys: pytest.CaptureFixture[str]) -> None:
    as_json({"a": HOSTILE})
    assert "\x1b" not in capsys.readouterr().out

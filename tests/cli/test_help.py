"""What the command line offers is golden: a changed verb, option, default or help text is seen in the review.

When a change is meant: ``pytest tests/cli/test_help.py --accept`` writes tests/golden/help.txt and
tests/golden/sweep.schema.json.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from commands import commands, options, verbs

Call = Callable[..., tuple[int, str, str]]
WIDTH = "100"
BOXES = re.compile("[╭─╮│╰╯]")


def test_the_help_of_every_command_is_golden(
    golden: Callable[[str, str], None], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a terminal of 100 columns shows it, without boxes; every option is named."""
    for name, value in {"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    pages = []
    for words, command in commands().items():
        status, out, errors = call(*words, "--help")
        assert status == 0 and not errors
        lines = (line.strip() for line in BOXES.sub(" ", out).splitlines())
        pages.append("\n".join(line for line in lines if line) + "\n")
        assert pages[-1].startswith("Usage: " + " ".join(("ragscout", *words)))
        assert all(name in pages[-1] for name in options(command)), words
    golden("help.txt", "\n".join(pages))


def test_every_verb_says_what_it_does_in_a_sentence() -> None:
    assert len(verbs()) > 25
    for words, command in verbs().items():
        first = (command.help or "").splitlines()[0]
        assert first[0].isupper() and first.endswith("."), " ".join(words)
        for item in command.params:
            assert getattr(item, "help", None), f"{' '.join(words)}: {item.name} has no help"


SCHEMA = "import json; from ragscout.spec import schema; print(json.dumps(schema()))"


def test_the_json_schema_of_a_sweep_file_is_golden(golden: Callable[[str, str], None]) -> None:
    """In a process of its own: other tests register steps. What stands in it twice is written once."""
    done = subprocess.run([sys.executable, "-c", SCHEMA], capture_output=True, text=True, check=True)
    short = once(json.loads(done.stdout), "", {})
    golden("sweep.schema.json", json.dumps(short, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def once(value: Any, path: str, seen: dict[str, str]) -> Any:
    """A value in which each larger part that was there before is named by the place where it was."""
    if isinstance(value, list):
        return [once(item, f"{path}/{number}", seen) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    text = json.dumps(value, sort_keys=True)
    if len(text) > 150 and text in seen:
        return {"same as": seen[text]}
    seen[text] = path
    return {key: once(item, f"{path}/{key}", seen) for key, item in value.items()}

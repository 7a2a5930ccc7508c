"""Says which share of each room's lines the tests run, after ``coverage run``; fails where it is too small.

    python tests/coverage_of_rooms.py

Rooms and the least share are settings: ``[tool.ragscout.coverage]`` in pyproject.toml. Exit status: 0 or 1.
"""

from __future__ import annotations

import io
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "platform" / "ragscout"


def shares(data: coverage.Coverage) -> dict[str, float]:
    """Percent of the lines that ran, by package or module at the top of ragscout."""
    found = {}
    for path in sorted(PACKAGE.iterdir()):
        pattern = f"{path}/*" if path.is_dir() else str(path)
        if path.name != "__pycache__" and (path.is_dir() or path.suffix == ".py"):
            found[path.stem] = data.report(include=[pattern], file=io.StringIO(), ignore_errors=False)
    return found


def lacking(found: Mapping[str, float], rooms: list[str], least: float) -> list[str]:
    """What is wrong, a sentence each."""
    unknown = [
        f"{room}: there is no such room. Correct [tool.ragscout.coverage]." for room in rooms if room not in found
    ]
    low = [
        f"{room}: tests run {found[room]:.1f} % of its lines, {least} % are asked for. Test what is missing."
        for room in rooms
        if found.get(room, 100.0) < least
    ]
    return unknown + low


def main() -> int:
    """Print every room's share and what is wrong."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ragscout"]["coverage"]
    data = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    data.combine(keep=True)
    found = shares(data)
    for room, share in found.items():
        sys.stdout.write(f"{room:12} {share:5.1f} %{' *' if room in settings['rooms'] else ''}\n")
    wrong = lacking(found, settings["rooms"], settings["least"])
    sys.stdout.writelines(f"{sentence}\n" for sentence in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""What showing a finished sweep costs, and whether a round costs more the more rounds there were before it.

    python benchmarks/engine/board.py show --size 60x20 --size 2000x100
    python benchmarks/engine/board.py rounds --rounds 2000 --each 1 --questions 20

``show`` writes a finished sweep of ROWSxQUESTIONS into an empty store (drawn scores, nothing is computed), runs
``ragscout board`` on it as a process of its own, twice, and prints the CPU seconds of each: the first makes the board,
the second finds it stored. ``plan``, ``why`` and ``report`` follow. ``rounds`` writes round after round, lets the
snapshot be made and recorded in a real MLflow (SQLite) as often as a running sweep does at most, and prints the CPU
seconds per snapshot in ten parts of the way, each also as a ratio to the first part.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ragscout.record.mlflow import MlflowRecorder
from ragscout.sweep import Sweep
from ragscout.testing.finished_sweep import FinishedSweep, SweepWriter, finished_sweep

VERBS = {
    "board (first)": ("board",),
    "board (stored)": ("board",),
    "board --json": ("board", "--json"),
    "plan": ("plan",),
    "why 1": ("why", "1"),
    "report": ("report", "-o", "report.html"),
}


def process_seconds(words: list[str], folder: Path) -> tuple[float, float]:
    """Return CPU and wall seconds of a process and its children; imports are included.

    Raises:
        RuntimeError: it failed.
    """
    began = time.monotonic()
    before = os.times()
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, time.monotonic() - began


def show(sizes: list[str]) -> None:
    """Print what the reading verbs cost at each size."""
    for size in sizes:
        rows, questions = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            place = finished_sweep(Path(folder), rows, questions)
            print(f"{rows} rows x {questions} questions", flush=True)
            for label, (verb, *more) in VERBS.items():
                cpu, wall = process_seconds(_command(verb, place, more), Path(folder))
                print(f"  {label:16} {cpu:6.2f} CPU s  {wall:6.2f} s", flush=True)


def _command(verb: str, place: FinishedSweep, more: list[str]) -> list[str]:
    return [
        str(Path(sys.executable).with_name("ragscout")),
        verb,
        str(place.file),
        *more,
        "--store",
        str(place.store),
    ]


def rounds(count: int, each: int, questions: int) -> None:
    """Print what a snapshot with MLflow costs as rounds grow in number."""
    with tempfile.TemporaryDirectory() as folder:
        writer = SweepWriter(Path(folder), count * each, questions, each=each)
        writer.open()
        sweep = Sweep.load(writer.place.file, writer.place.store)
        recorder = MlflowRecorder(f"sqlite:///{Path(folder).as_posix()}/mlflow.db")
        part, spent, taken, first = max(1, count // 10), 0.0, 0, 0.0
        print("rounds      CPU s per snapshot   ratio", flush=True)
        for number in writer.rounds():
            began = time.process_time()
            recorder.update(sweep.view.snapshot())
            spent, taken = spent + time.process_time() - began, taken + 1
            if (number + 1) % part == 0:
                first = first or spent / taken
                print(f"{number + 1:6} {spent / taken:20.3f} {spent / taken / first:10.2f}", flush=True)
                spent, taken = 0.0, 0


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_subparsers(dest="which", required=True)
    showing = which.add_parser("show")
    showing.add_argument("--size", action="append", default=[])
    growing = which.add_parser("rounds")
    growing.add_argument("--rounds", type=int, default=2000)
    growing.add_argument("--each", type=int, default=1)
    growing.add_argument("--questions", type=int, default=20)
    given = parser.parse_args()
    if given.which == "show":
        show(given.size or ["60x20"])
    else:
        rounds(given.rounds, given.each, given.questions)


if __name__ == "__main__":
    main()

"""Make a committed store anew: ``python tests/golden/stores/make_store.py store``.

The sweeps beside this file run on ``handbook`` against the fake server. What they stored is packed into
``NAME.tar.xz``, without what can be made again from it (unpacked values, studies); their answers and scores are written
into ``NAME.json``. Installed versions count as one and the same, so that another version of a library changes no key
here. ``old_store`` is what the code of commit 3cc13b2 stored, before keys took the form that they have now. It was made
with that checkout's ``platform`` on PYTHONPATH and is never made again.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ragscout.model.outcome import Score
from ragscout.sweep import Result, Sweep
from ragscout.testing.fake_server import FakeServer

HERE = Path(__file__).parent
ADDRESS = "http://127.0.0.1:9/v1"
SWEEPS = ("golden", "limited")


class Kept:
    """A recorder that keeps the newest snapshot."""

    def update(self, snapshot: Any) -> None:
        """See ``record.recorder.Recorder``."""
        self.snapshot = snapshot

    def results(self) -> dict[str, Any]:
        """Row to question to answer and figures; a failure is its kind."""
        return {
            row.configuration.label(): {
                question: {"answer": row.answers.get(question, ""), **_plain(figures)}
                for question, figures in row.scores.items()
            }
            for row in self.snapshot.rows
        }


def _plain(figures: Any) -> dict[str, Any]:
    return {name: item.value if isinstance(item, Score) else item.kind for name, item in figures.items()}


def sweep_file(name: str, folder: Path, address: str) -> Path:
    """Put a sweep and its documents into a folder, with the endpoint's address filled in; returns the sweep file."""
    shutil.copytree(HERE / "handbook", folder / "handbook", dirs_exist_ok=True)
    file = folder / f"{name}.yaml"
    text = (HERE / f"{name}.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace(ADDRESS, address), encoding="utf-8")
    return file


def run(file: Path, store: Path) -> tuple[Result, dict[str, Any]]:
    """Run a sweep to its end; returns how it ended and its results."""
    kept = Kept()
    with patch("ragscout.model.step._library", lambda name: "any"):
        sweep = Sweep.load(file, store)
        result = sweep.run(recorders=[kept])
        sweep.store.close()
    return result, kept.results()


def unpacked(name: str, folder: Path) -> Path:
    """Unpack a committed store below a folder; returns the store's own folder."""
    with tarfile.open(HERE / f"{name}.tar.xz") as archive:
        archive.extractall(folder / name, filter="data")
    return folder / name


def make(name: str) -> Path:
    """Run the sweeps on an empty store and pack it; returns the archive.

    Raises:
        RuntimeError: a sweep did not end.
    """
    target, results = HERE / f"{name}.tar.xz", {}
    with tempfile.TemporaryDirectory() as place, FakeServer() as server:
        store = Path(place) / "store"
        for sweep in SWEEPS:
            ended, results[sweep] = run(sweep_file(sweep, Path(place), server.base_url), store)
            if not ended.closed:
                raise RuntimeError(f"{sweep}: the sweep did not end: {ended.open}")
        for again in ("values", "tmp", "studies"):
            shutil.rmtree(store / again, ignore_errors=True)
        # a copy: the ledger itself may still be open in this process
        whole = store / "whole.sqlite"
        with closing(sqlite3.connect(store / "ledger.sqlite")) as ledger, closing(sqlite3.connect(whole)) as copy:
            ledger.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.execute("VACUUM")
        for left in store.glob("ledger.sqlite*"):
            left.unlink()
        whole.rename(store / "ledger.sqlite")
        with tarfile.open(target, "w:xz", preset=9) as archive:
            for path in sorted(item for item in store.rglob("*") if item.is_file()):
                archive.add(path, path.relative_to(store).as_posix(), filter=_anonymous)
    text = json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True)
    target.with_name(f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return target


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


if __name__ == "__main__":
    made = make(sys.argv[1])
    sys.stdout.write(f"{made.name}: {made.stat().st_size} bytes\n")

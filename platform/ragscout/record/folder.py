"""The leaderboard as files in a folder, for people without MLflow."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ragscout.model.board import BoardLanguage
from ragscout.record import runs, words
from ragscout.record.parquet import csv_bytes, parquet
from ragscout.record.recorder import Snapshot

_LOG = logging.getLogger(__name__)


class FolderRecorder:
    """A ``Recorder`` that keeps ``board.json``, ``board.md``, ``leaderboard.csv`` (and ``retrieval.csv``), and
    ``results.parquet`` with one line per configuration and question in a folder. Each file is replaced as a whole;
    one that would not change is left alone."""

    def __init__(self, path: Path, page: Callable[[Snapshot, BoardLanguage], str] = words.page) -> None:
        """Args: page = makes ``board.md``."""
        self.path, self._page = path, page

    def update(self, snapshot: Snapshot) -> None:
        """Make the folder equal to the snapshot; trouble with the disk is one logged warning."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name, data in _files(snapshot, self._page).items():
                _replace(self.path / name, data)
            if not snapshot.board.retrieval:
                (self.path / "retrieval.csv").unlink(missing_ok=True)
        except OSError as error:
            _LOG.warning("%s: the board could not be written; got %s. The next update tries again.", self.path, error)


def _files(snapshot: Snapshot, page: Callable[[Snapshot, BoardLanguage], str]) -> dict[str, bytes]:
    board = snapshot.board
    made = {
        "board.json": board.to_json(),
        "board.md": page(snapshot, words.of_language(snapshot.eval_set)).encode(),
        "leaderboard.csv": csv_bytes(runs.board_table(board, board.rows)),
        "results.parquet": parquet(_results(snapshot)),
        **snapshot.attachments,
    }
    if board.retrieval:
        made["retrieval.csv"] = csv_bytes(runs.board_table(board, board.retrieval))
    return made


def _results(snapshot: Snapshot) -> runs.Table:
    """The per-question tables of all rows below each other, the configuration's key and name in front."""
    names = {row.key: row.name for row in (*snapshot.board.rows, *snapshot.board.retrieval)}
    tables = [(row.configuration.key, runs.results(snapshot, row)) for row in snapshot.rows]
    columns = list(dict.fromkeys(name for _, table in tables for name in table.columns))
    made: dict[str, list[runs.Value]] = {"configuration": [], "name": [], **{name: [] for name in columns}}
    for key, table in tables:
        count = len(table.columns["id"])
        made["configuration"] += [key] * count
        made["name"] += [names.get(key)] * count
        for name in columns:
            made[name] += table.columns.get(name, [None] * count)
    return runs.Table(made)


def _replace(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    if path.is_file() and path.read_bytes() == data:
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise

"""Boards of closed sweeps, kept as files so that showing one again computes nothing.

A file's name is the digest of all that its board is made of. A board is written whole or not at all, so writers at the
same time do no harm, and the folder may be deleted at any time: boards are then made again, and are the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ragscout.model.config import Configuration
from ragscout.model.key import digest, short
from ragscout.model.results.board import Board
from ragscout.model.source import source_digest
from ragscout.plan.setup import Setup

_LOG = logging.getLogger(__name__)
FOLDER = "boards"
MADE_BY = ("board", "judges", "model", "plan", "run", "search", "stats", "words")
"""Packages whose source decides what a board looks like."""


@dataclass(frozen=True)
class StoredBoard:
    """A board with the pages beside it, by file name, and the sweep file as it was when the sweep opened, empty
    where an older journal holds no text of it."""

    board: Board
    attachments: Mapping[str, bytes]
    sweep_file: str


class StoredBoards:
    """The stored boards of one sweep."""

    def __init__(self, folder: Path, prepared: Setup) -> None:
        """Args: folder = the store's; prepared = the sweep."""
        self._prepared = prepared
        self._folder = folder / FOLDER / short(digest("board", prepared.sweep_id))

    def key(self, sequences: Mapping[str, int]) -> str:
        """Return the name of the board that follows from the journals as far as these entries.

        Args:
            sequences: number of the last entry of every journal that the board is made from, by journal.
        """
        prepared = self._prepared
        version = f"{prepared.eval_set.name}@{prepared.eval_set.version}"
        shown = _shown(prepared.space.configurations)
        plain = (
            prepared.sweep_id,
            version,
            prepared.eval_set.digest,
            prepared.currency,
            shown,
            source_digest(*MADE_BY),
        )
        return digest("board", dict(sequences), *plain)

    def load(self, key: str) -> StoredBoard | None:
        """Return the board of this name, ``None`` when it is not there or cannot be read."""
        try:
            first, _, rest = (self._folder / key).read_bytes().partition(b"\n")
            beside = json.loads(first)
            attachments = {name: base64.b64decode(data) for name, data in beside["attachments"].items()}
            stored = StoredBoard(Board.from_json(rest), attachments, str(beside["sweep_file"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.info("%s: the stored board %s is made again; got %s", self._folder, short(key), error)
            return None
        return stored

    def save(self, key: str, stored: StoredBoard) -> None:
        """Keep a board in the place of the sweep's earlier ones. Trouble with the disk is no trouble: the board is made
        again when it is asked for."""
        attachments = {name: base64.b64encode(data).decode() for name, data in stored.attachments.items()}
        beside = {"attachments": attachments, "sweep_file": stored.sweep_file}
        data = json.dumps(beside).encode() + b"\n" + stored.board.to_compact_json()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            before = [path for path in self._folder.iterdir() if path.name != key]
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as sink:
                sink.write(data)
            Path(sink.name).replace(self._folder / key)
            for path in before:
                path.unlink(missing_ok=True)
        except OSError as error:
            _LOG.info("%s: the board could not be stored; got %s", self._folder, error)


def _shown(configurations: Iterable[Configuration]) -> str:
    """Return the digest of what rows are called: names and knobs are no part of a sweep's identity."""
    plain = [(item.name, list(item.knobs.items())) for item in configurations]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()

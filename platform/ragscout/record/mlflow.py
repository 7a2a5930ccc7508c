"""The leaderboard in MLflow: an experiment per sweep, a parent run, a nested run per configuration.

Every update makes the place equal to the snapshot; a database that was away, or deleted, is whole again after the next
one. Where an SQLite file says that a closed sweep stands there already, MLflow is not even imported.
"""

from __future__ import annotations

import functools
import logging
import re
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from ragscout.model.key import digest
from ragscout.model.results.board import BoardLanguage
from ragscout.model.source import source_digest
from ragscout.record import runs, words
from ragscout.record.mlflow_place import (
    beside,
    check_tracking_uri,
    default_tracking_uri,
    holds,
    open_client,
    prepare_environment,
    probe,
    quiet,
)
from ragscout.record.mlflow_runs import VIEW, Remembered, SweepRuns
from ragscout.record.recorder import Snapshot
from ragscout.record.row_states import RowStates

_LOG = logging.getLogger(__name__)
MADE_BY = ("board", "judges", "model", "record", "report", "stats", "words")
"""Packages whose source decides what is written."""


class MlflowRecorder:
    """A ``Recorder`` that writes to MLflow.

    ``artifacts``: where files of new experiments go when the tracking URI is a database; ``None`` = a folder
    ``mlartifacts`` beside an SQLite file, and with a server what the server says.
    ``page`` makes ``board.md``; of a closed sweep ``report`` makes ``report.html``, and ``plots`` makes the files of
    the folder ``plots``. What is not given is left out.
    """

    def __init__(
        self,
        tracking_uri: str,
        artifacts: Path | None = None,
        page: Callable[[Snapshot, BoardLanguage], str] | None = None,
        report: Callable[[Snapshot], bytes] | None = None,
        plots: Callable[[Snapshot], Mapping[str, bytes]] | None = None,
    ) -> None:
        check_tracking_uri(tracking_uri, "tracking URI")
        self.tracking_uri, self._page, self._report, self._plots = tracking_uri, page, report, plots
        self._artifacts = artifacts or beside(tracking_uri)
        self._states = RowStates()
        self._known: Remembered | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Make MLflow equal to the snapshot; what is equal already is left alone. Trouble is one logged warning."""
        mark = _mark(snapshot)
        if snapshot.closed and holds(self.tracking_uri, snapshot.sweep, mark):
            return
        prepare_environment()
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with quiet():
                probe(self.tracking_uri)
                client, known, self._known = open_client(self.tracking_uri), self._known, None
                closing = functools.partial(self._closing, snapshot)
                page = self._page(snapshot, words.of_language(snapshot.eval_set)) if self._page is not None else ""
                place = SweepRuns(client, snapshot, self._artifacts, closing, self._states)
                self._known = place.reconcile(page, mark, known)
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            reason = re.sub(r"//[^/@\s]*@", "//***@", " ".join(str(error).split()))[:300]
            _LOG.warning(
                "MLflow: the state of sweep %s could not be written; got %s. The sweep goes on and the next update "
                "writes everything.",
                snapshot.name,
                reason,
            )

    def _closing(self, snapshot: Snapshot) -> dict[str, bytes]:
        """Make the files that only a closed sweep has, by their path."""
        plots = {} if self._plots is None else self._plots(snapshot)
        report = {} if self._report is None else {"report.html": self._report(snapshot)}
        return {**report, **{f"plots/{name}": data for name, data in plots.items()}}


def _mark(snapshot: Snapshot) -> str:
    """Return the identity of what a snapshot becomes in MLflow."""
    plain = (snapshot.sweep, snapshot.name, snapshot.sequence, snapshot.spec, snapshot.eval_set.digest)
    shown = (snapshot.board.to_compact_json(), dict(snapshot.attachments), dict(snapshot.signatures))
    return digest("mlflow", runs.LAYOUT, *plain, *shown, source_digest(*MADE_BY))


__all__ = [
    "VIEW",
    "MlflowRecorder",
    "beside",
    "check_tracking_uri",
    "default_tracking_uri",
    "open_client",
    "prepare_environment",
]

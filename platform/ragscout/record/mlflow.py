"""The leaderboard in MLflow: an experiment per sweep, a parent run, a nested run per configuration.

Nothing here remembers what was written before. Every update reads the runs that are there, compares digests and makes
the place equal to the snapshot; a database that was away, or deleted, is whole again after the next update.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ragscout.model.board import BoardLanguage
from ragscout.record import runs, words
from ragscout.record.mlflow_place import (
    beside,
    check_tracking_uri,
    default_tracking_uri,
    open_client,
    prepare_environment,
    probe,
    quiet,
)
from ragscout.record.parquet import parquet
from ragscout.record.recorder import Snapshot
from ragscout.record.runs import RunState, Table

_LOG = logging.getLogger(__name__)
_PARENT = "mlflow.parentRunId"
_KIND = "mlflow.experimentKind", "custom_model_development"
VIEW = "leaderboard"  # key of the saved view in addresses
_QUESTIONS = "eval_set/questions.parquet"
_PAGE = 1000  # runs per request, MLflow's own limit is 50,000


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

    def update(self, snapshot: Snapshot) -> None:
        """Make MLflow equal to the snapshot; what is equal already is left alone. Trouble is one logged warning."""
        prepare_environment()
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with quiet():
                probe(self.tracking_uri)
                closing = functools.partial(self._closing, snapshot)
                place = _Place(open_client(self.tracking_uri), snapshot, self._artifacts, closing)
                page = self._page(snapshot, words.of_language(snapshot.eval_set)) if self._page is not None else ""
                place.reconcile(page)
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


class _Place:
    """One sweep's runs in one MLflow, during one update."""

    def __init__(
        self, client: Any, snapshot: Snapshot, artifacts: Path | None, closing: Callable[[], Mapping[str, bytes]]
    ) -> None:
        self._client, self._snapshot, self._artifacts, self._closing = client, snapshot, artifacts, closing
        self._experiment = self._open_experiment()

    def reconcile(self, page: str) -> None:
        """Make every run equal to its state, the parent last: its digest says that all is written. ``page``: the board
        as Markdown, empty without one."""
        snapshot = self._snapshot
        parents, children = self._existing()
        wanted = runs.parent_state(snapshot, page.encode())
        parent = parents.pop(0) if parents else None
        if parent is not None and int(parent.data.tags.get(runs.TAG_SEQUENCE, 0)) > snapshot.sequence:
            # Metrics of a later step would stay visible: an older state can only be written into new runs.
            self._delete([run for found in children.values() for run in found])
            children = {}
        self._delete(parents)
        if parent is None:
            parent = self._create(wanted, {})
        home = parent.info.run_id
        states = {state.key: state for state in runs.row_states(snapshot)}
        for key, found in children.items():
            self._delete(found if key not in states else found[1:])
        for key, state in reversed(states.items()):  # the best last: MLflow shows the newest run first
            self._write(children[key][0] if key in children else None, state, {_PARENT: home})
        self._write(parent, wanted, {})

    def _open_experiment(self) -> str:
        name = self._snapshot.name
        tags = dict([_KIND, (f"mlflow.sharedViewState.{VIEW}", runs.view(self._snapshot))])
        found = self._client.get_experiment_by_name(name)
        if found is None:
            where = None if self._artifacts is None else (self._artifacts / _folder_name(name)).absolute().as_uri()
            return str(self._client.create_experiment(name, artifact_location=where, tags=tags))
        if found.lifecycle_stage != "active":
            self._client.restore_experiment(found.experiment_id)
        for tag, value in tags.items():
            if found.tags.get(tag) != value:
                self._client.set_experiment_tag(found.experiment_id, tag, value)
        return str(found.experiment_id)

    def _existing(self) -> tuple[list[Any], dict[str, list[Any]]]:
        """The sweep's parent runs and its nested runs by configuration, oldest first. More than one of a kind are
        left by a request that timed out and was done all the same."""
        parents: list[Any] = []
        children: dict[str, list[Any]] = {}
        token = None
        while True:
            got = self._client.search_runs(
                [self._experiment],
                f"tags.`{runs.TAG_SWEEP}` = '{self._snapshot.sweep}'",
                order_by=["attributes.start_time ASC"],
                max_results=_PAGE,
                page_token=token,
            )
            for run in got:
                if run.data.tags.get(runs.TAG_KIND) == "sweep":
                    parents.append(run)
                else:
                    children.setdefault(run.data.tags.get(runs.TAG_KEY, ""), []).append(run)
            token = got.token
            if not token:
                return parents, children

    def _write(self, run: Any | None, state: RunState, extra: Mapping[str, str]) -> None:
        digest = state.digest()
        if run is not None and not self._fits(run, state):
            self._delete([run])
            run = None
        if run is None:
            run = self._create(state, extra)
        run_id, tags = run.info.run_id, run.data.tags
        stale = tags.get(runs.TAG_DIGEST) != digest or any(tags.get(name) != value for name, value in extra.items())
        if stale:
            self._files(run, state)
            for mark in runs.MARKS:
                if mark in tags and mark not in state.tags:
                    self._client.delete_tag(run_id, mark)
            self._batch(run_id, state, {**extra, runs.TAG_DIGEST: digest}, {name: tags.get(name) for name in tags})
        if run.info.run_name != state.name:
            self._client.update_run(run_id, name=state.name)
        if run.info.status != state.status:
            if state.status == "RUNNING":
                self._client.update_run(run_id, status="RUNNING")
            else:
                self._client.set_terminated(run_id, status=state.status)

    def _fits(self, run: Any, state: RunState) -> bool:
        """Whether the run can become the state: MLflow can neither delete a metric nor change a parameter, so a
        ``partial.`` metric of an answer to fewer questions would stay in the row for ever."""
        params = run.data.params
        return set(run.data.metrics) <= set(state.metrics) and all(
            state.params.get(name) == value for name, value in params.items()
        )

    def _create(self, state: RunState, extra: Mapping[str, str]) -> Any:
        keys = {name: state.tags[name] for name in (runs.TAG_SWEEP, runs.TAG_KEY, runs.TAG_KIND) if name in state.tags}
        tags = {**keys, **extra, "mlflow.source.name": "ragscout", "mlflow.source.type": "LOCAL"}
        return self._client.create_run(self._experiment, tags=tags, run_name=state.name)

    def _batch(self, run_id: str, state: RunState, extra: Mapping[str, str], there: Mapping[str, Any]) -> None:
        """One request with everything that differs, the digest among it."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        tags = {name: value for name, value in {**state.tags, **extra}.items() if there.get(name) != value}
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, self._snapshot.sequence) for name, value in state.metrics.items()],
            params=[Param(name, value) for name, value in state.params.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )

    def _files(self, run: Any, state: RunState) -> None:
        """Tables, files, and for the parent the questions and, once closed, the report and the plots."""
        parent = state.tags.get(runs.TAG_KIND) == "sweep"
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, table in state.tables.items():
                (root / name).write_bytes(table.split())
                (root / name).with_suffix(".parquet").write_bytes(parquet(table))
            for name, data in state.files.items():
                (root / name).write_bytes(data)
            dataset = not run.inputs.dataset_inputs if run.inputs else True
            if dataset and parent:
                (root / _QUESTIONS).parent.mkdir()
                (root / _QUESTIONS).write_bytes(parquet(runs.questions(self._snapshot)))
            if parent and self._snapshot.closed:
                for name, data in self._closing().items():
                    (root / name).parent.mkdir(exist_ok=True)
                    (root / name).write_bytes(data)
            if any(root.iterdir()):
                self._client.log_artifacts(run.info.run_id, folder)
        if dataset:
            home = run.info.artifact_uri if parent else None
            self._client.log_inputs(run.info.run_id, [_dataset(self._snapshot, home)])

    def _delete(self, found: Sequence[Any]) -> None:
        for run in found:
            self._client.delete_run(run.info.run_id)


def _dataset(snapshot: Snapshot, home: str | None) -> Any:
    """The evaluation set as MLflow shows it: name and version, digest, columns and size of the development part."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    table: Table = runs.questions(snapshot)
    kinds = {name: "boolean" if name == "answerable" else "string" for name in table.columns}
    schema = {"mlflow_colspec": [{"type": kind, "name": name, "required": True} for name, kind in kinds.items()]}
    rows = len(table.columns["id"])
    return DatasetInput(
        Dataset(
            name=snapshot.board.eval_set,
            digest=snapshot.eval_set.digest[:36],
            source_type="local",
            source=json.dumps({"uri": f"{home}/{_QUESTIONS}" if home else snapshot.board.eval_set}),
            schema=json.dumps(schema),
            profile=json.dumps({"num_rows": rows, "num_elements": rows * len(table.columns)}),
        ),
        [InputTag("mlflow.data.context", "evaluation")],
    )


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name).strip(".") or "sweep"


__all__ = [
    "VIEW",
    "MlflowRecorder",
    "beside",
    "check_tracking_uri",
    "default_tracking_uri",
    "open_client",
    "prepare_environment",
]

"""One sweep's runs in one MLflow: an experiment per sweep, a parent run, a nested run per configuration.

Every update compares what is there with what should be there and writes the difference, each value once. What an update
wrote is remembered for the next one, which believes it as long as the parent run still says the same. Else, and when a
sweep is closed, all runs are read.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragscout.record import runs
from ragscout.record.parquet import parquet
from ragscout.record.recorder import Snapshot
from ragscout.record.row_states import RowStates
from ragscout.record.runs import LoggedTable, RunState

VIEW = "leaderboard"  # key of the saved view in addresses
_PARENT = "mlflow.parentRunId"
_KIND = "mlflow.experimentKind", "custom_model_development"
_QUESTIONS = "eval_set/questions.parquet"
_PAGE = 1000  # runs per request, MLflow's own limit is 50,000


@dataclass
class Written:
    """A run as it stands in MLflow. ``dataset``: whether the evaluation set is logged with it."""

    id: str
    artifacts: str
    name: str
    status: str
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    dataset: bool = False

    @classmethod
    def of(cls, run: Any) -> Written:
        """Take what MLflow says of a run."""
        info, data = run.info, run.data
        dataset = bool(run.inputs and run.inputs.dataset_inputs)
        return cls(
            info.run_id,
            info.artifact_uri,
            info.run_name,
            info.status,
            dict(data.params),
            dict(data.metrics),
            dict(data.tags),
            dataset,
        )


@dataclass
class Remembered:
    """What the last update left: the experiment, the parent run, and the nested runs by configuration."""

    experiment: str
    parent: Written
    children: dict[str, Written]


class SweepRuns:
    """One sweep's runs, during one update."""

    def __init__(
        self,
        client: Any,
        snapshot: Snapshot,
        artifacts: Path | None,
        closing: Callable[[], Mapping[str, bytes]],
        states: RowStates,
    ) -> None:
        """Open the experiment of a sweep.

        Args:
            client: of MLflow.
            snapshot: what the runs become.
            artifacts: where files of a new experiment go; ``None`` leaves it to the server.
            closing: makes the files that only a closed sweep has, by their path.
            states: makes the states of nested runs, and knows those of the last update.
        """
        self._client, self._snapshot, self._artifacts, self._closing = client, snapshot, artifacts, closing
        self._states = states
        self._experiment = self._open_experiment()

    def reconcile(self, page: str, mark: str, known: Remembered | None) -> Remembered:
        """Make every run equal to its state, the parent last: its digest says that all is written.

        Args:
            page: the board as Markdown, empty without one.
            mark: identity of the snapshot, a tag of the parent of a closed sweep; with the number of nested runs it
                says that there is nothing to be done.
            known: what the last update left, ``None`` when nobody knows.
        """
        snapshot = self._snapshot
        there = known if known is not None and self._believed(known) else None
        parents, children = self._existing() if there is None else ([there.parent], _listed(there.children))
        wanted = runs.parent_state(snapshot, page.encode())
        parent = parents.pop(0) if parents else None
        if parent is not None and int(parent.tags.get(runs.TAG_SEQUENCE, 0)) > snapshot.sequence:
            # Metrics of a later step would stay visible: an older state can only be written into new runs.
            self._delete([run for found in children.values() for run in found])
            children = {}
        self._delete(parents)
        if parent is None:
            parent = self._create(wanted, {})
        states = {state.key: state for state in self._states.of(snapshot)}
        for key, found in children.items():
            self._delete(found if key not in states else found[1:])
        written = {}
        for key, state in reversed(states.items()):  # the best last: MLflow shows the newest run first
            written[key] = self._write(children[key][0] if key in children else None, state, {_PARENT: parent.id})
        extra = {runs.TAG_SNAPSHOT: mark, runs.TAG_RUNS: str(len(written))} if snapshot.closed else {}
        return Remembered(self._experiment, self._write(parent, wanted, extra), written)

    def _believed(self, known: Remembered) -> bool:
        """Whether the parent run still is as the last update left it. A closed sweep is looked at whole."""
        from mlflow.exceptions import MlflowException

        if self._snapshot.closed or known.experiment != self._experiment:
            return False
        try:
            run = self._client.get_run(known.parent.id)
        except MlflowException:
            return False
        tags = run.data.tags
        same = all(tags.get(name) == known.parent.tags.get(name) for name in (runs.TAG_DIGEST, runs.TAG_SEQUENCE))
        return same and run.info.lifecycle_stage == "active"

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

    def _existing(self) -> tuple[list[Written], dict[str, list[Written]]]:
        """Return the sweep's parent runs and its nested runs by configuration, oldest first. More than one of a kind
        are left by a request that timed out and was done all the same."""
        parents: list[Written] = []
        children: dict[str, list[Written]] = {}
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
                    parents.append(Written.of(run))
                else:
                    children.setdefault(run.data.tags.get(runs.TAG_KEY, ""), []).append(Written.of(run))
            token = got.token
            if not token:
                return parents, children

    def _write(self, run: Written | None, state: RunState, extra: Mapping[str, str]) -> Written:
        """Make a run equal to its state, and give it as it is then."""
        digest = state.digest()
        if run is not None and not _fits(run, state):
            self._delete([run])
            run = None
        if run is None:
            run = self._create(state, extra)
        wanted = {**extra, runs.TAG_DIGEST: digest}
        if any(run.tags.get(name) != value for name, value in wanted.items()):
            self._files(run, state)
            for mark in (*runs.MARKS, runs.TAG_SNAPSHOT, runs.TAG_RUNS):
                if mark in run.tags and mark not in {**state.tags, **wanted}:
                    self._client.delete_tag(run.id, mark)
                    del run.tags[mark]
            self._batch(run, state, wanted)
        if run.name != state.name:
            self._client.update_run(run.id, name=state.name)
            run.name = state.name
        if run.status != state.status:
            if state.status == "RUNNING":
                self._client.update_run(run.id, status="RUNNING")
            else:
                self._client.set_terminated(run.id, status=state.status)
            run.status = state.status
        return run

    def _create(self, state: RunState, extra: Mapping[str, str]) -> Written:
        keys = {name: state.tags[name] for name in (runs.TAG_SWEEP, runs.TAG_KEY, runs.TAG_KIND) if name in state.tags}
        parent = {name: value for name, value in extra.items() if name == _PARENT}
        tags = {**keys, **parent, "mlflow.source.name": "ragscout", "mlflow.source.type": "LOCAL"}
        return Written.of(self._client.create_run(self._experiment, tags=tags, run_name=state.name))

    def _batch(self, run: Written, state: RunState, extra: Mapping[str, str]) -> None:
        """Send what differs in one request, the digest among it. MLflow keeps every value of a metric that it is given,
        so that one which is there already is not given again."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        metrics = {name: value for name, value in state.metrics.items() if run.metrics.get(name) != value}
        params = {name: value for name, value in state.params.items() if name not in run.params}
        tags = {name: value for name, value in {**state.tags, **extra}.items() if run.tags.get(name) != value}
        self._client.log_batch(
            run.id,
            metrics=[Metric(name, value, now, self._snapshot.sequence) for name, value in metrics.items()],
            params=[Param(name, value) for name, value in params.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        run.metrics |= metrics
        run.params |= params
        run.tags |= tags

    def _files(self, run: Written, state: RunState) -> None:
        """Tables, files, and for the parent the questions and, once closed, the report and the plots."""
        parent = state.tags.get(runs.TAG_KIND) == "sweep"
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, source in state.tables.items():
                table = source.table()
                (root / name).write_bytes(table.split())
                (root / name).with_suffix(".parquet").write_bytes(parquet(table))
            for name, data in state.files.items():
                (root / name).write_bytes(data)
            if parent and not run.dataset:
                (root / _QUESTIONS).parent.mkdir()
                (root / _QUESTIONS).write_bytes(parquet(runs.questions(self._snapshot)))
            if parent and self._snapshot.closed:
                for name, data in self._closing().items():
                    (root / name).parent.mkdir(exist_ok=True)
                    (root / name).write_bytes(data)
            if any(root.iterdir()):
                self._client.log_artifacts(run.id, folder)
        if not run.dataset:
            home = run.artifacts if parent else None
            self._client.log_inputs(run.id, [_dataset(self._snapshot, home)])
            run.dataset = True

    def _delete(self, found: Sequence[Written]) -> None:
        for run in found:
            self._client.delete_run(run.id)


def _listed(children: Mapping[str, Written]) -> dict[str, list[Written]]:
    return {key: [run] for key, run in children.items()}


def _fits(run: Written, state: RunState) -> bool:
    """Whether the run can become the state: MLflow can neither delete a metric nor change a parameter, so a
    ``partial.`` metric of an answer to fewer questions would stay in the row for ever."""
    return set(run.metrics) <= set(state.metrics) and all(
        state.params.get(name) == value for name, value in run.params.items()
    )


def _dataset(snapshot: Snapshot, home: str | None) -> Any:
    """Return the evaluation set as MLflow shows it: name and version, digest, columns and size of the development
    part."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    table: LoggedTable = runs.questions(snapshot)
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

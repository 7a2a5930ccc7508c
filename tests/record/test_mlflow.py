"""The MLflow projection: conformance, order of partial rows, tables, troubles of the place."""

import dataclasses
import io
import json
import math
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.board.show.table import render_markdown
from ragscout.model.errors import StoreError
from ragscout.model.results.board import Board
from ragscout.record.mlflow import MlflowRecorder, default_tracking_uri, open_client
from ragscout.record.recorder import Recorder, Snapshot
from ragscout.report.of_sweep import plots_of
from ragscout.testing.record import GOAL, RecorderConformance, snapshot, story

CLOCKS = ("mlflow.user", "mlflow.parentRunId")


def runs_of(uri: str, name: str = "example", **search: Any) -> list[Any]:
    found = open_client(uri)
    experiment = found.get_experiment_by_name(name)
    return [] if experiment is None else list(found.search_runs([experiment.experiment_id], **search))


def nested(uri: str, name: str = "example", **search: Any) -> list[Any]:
    return [run for run in runs_of(uri, name, **search) if "ragscout.key" in run.data.tags]


def files_of(run: Any) -> dict[str, bytes]:
    from mlflow.utils.file_utils import local_file_uri_to_path

    root = Path(local_file_uri_to_path(run.info.artifact_uri))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def dump(uri: str) -> list[dict[str, Any]]:
    """Every run of the database as people see it, without clocks and ids."""
    found = open_client(uri)
    made = []
    for experiment in found.search_experiments():
        runs = found.search_runs([experiment.experiment_id])
        names = {run.info.run_id: run.info.run_name for run in runs}
        for run in runs:
            tags = run.data.tags
            made.append(
                {
                    "experiment": (experiment.name, sorted(experiment.tags.items())),
                    "name": run.info.run_name,
                    "status": run.info.status,
                    "parent": names.get(tags.get("mlflow.parentRunId", "")),
                    "params": run.data.params,
                    "metrics": run.data.metrics,
                    "tags": {name: value for name, value in tags.items() if name not in CLOCKS},
                    "datasets": [(item.dataset.name, item.dataset.digest) for item in run.inputs.dataset_inputs],
                    "files": {
                        name: data.decode() if name.endswith((".json", ".md", ".yaml")) else len(data)
                        for name, data in files_of(run).items()
                    },
                }
            )
    return sorted(made, key=lambda run: (run["experiment"], str(run["name"])))


class TestConformance(RecorderConformance):
    @pytest.fixture(autouse=True)
    def _database(self, database: Callable[[Path], str]) -> None:
        self.database = database

    def recorder(self, place: Path) -> Recorder:
        return MlflowRecorder(self.database(place))

    def content(self, place: Path) -> object:
        return dump(self.database(place))

    def lose(self, place: Path) -> None:
        shutil.rmtree(place)
        self.database(place)

    def spoil(self, place: Path) -> None:
        (place / "mlflow.db").write_bytes(b"no database" * 100)


def test_sorting_by_the_goal_gives_the_boards_order(tmp_path: Path, database: Callable[[Path], str]) -> None:
    # The rows with the highest means answered only a part; they must not stand above what was measured fully.
    scores: dict[str, list[float | None]] = {
        f"{size} · {way}": [value] * (10 if size % 256 else 40)
        for size, way, value in (
            (256, "bm25", 0.25), (512, "bm25", 0.75), (1024, "bm25", 0.5), (768, "dense", 0.6),
            (300, "bm25", 0.95), (600, "dense", 0.9),
        )
    }  # fmt: skip
    state = snapshot(1, scores, total=40)
    uri = database(tmp_path)
    MlflowRecorder(uri).update(state)
    metric = f"metrics.`{GOAL}`"
    full = [row.name for row in state.board.rows if not row.has("partial")]
    assert len(full) == 4 and len(state.board.rows) == 6
    assert [run.info.run_name for run in nested(uri, order_by=[f"{metric} DESC"])][:4] == full
    assert [
        run.info.run_name for run in nested(uri, filter_string=f"{metric} >= 0", order_by=[f"{metric} DESC"])
    ] == full
    everything = [row.name for row in state.board.rows]
    assert [run.info.run_name for run in nested(uri, order_by=["metrics.rank ASC"])] == everything
    for run in nested(uri):
        goal_names = {name for name in run.data.metrics if name.startswith((GOAL, f"partial.{GOAL}"))}
        expected = GOAL if run.info.run_name in full else f"partial.{GOAL}"
        assert goal_names == {expected + suffix for suffix in ("", ".low", ".high", ".scored", ".asked")}


def test_a_row_that_becomes_complete_changes_its_metric_name(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path)
    recorder = MlflowRecorder(uri)
    for number, answered in enumerate((2, 3, 4), 1):
        recorder.update(snapshot(number, {"512 · bm25": [1.0, 0.0, 0.5, 0.0][:answered]}, total=4))
        (run,) = nested(uri)
        partial = answered < 4
        assert (f"partial.{GOAL}" in run.data.metrics) is partial
        assert (GOAL in run.data.metrics) is not partial
        assert run.data.metrics["answered"] == answered
        assert ("partial" in run.data.tags) is partial
    assert run.data.metrics[GOAL] == 0.375
    assert run.data.metrics[f"{GOAL}.scored"] == 4


def test_what_a_run_says(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path)
    state = story()[-1]
    MlflowRecorder(uri).update(state)
    by_name = {run.info.run_name: run for run in runs_of(uri)}
    leader, recommended, failed = by_name["1024 · bm25"], by_name["1024 · dense"], by_name["2048 · dense"]
    assert leader.data.params == {"chunk.size": "1024", "retriever": "bm25"}
    assert "leader" in leader.data.tags and "recommended" not in leader.data.tags
    assert recommended.data.tags["recommended"] == "true" and recommended.data.metrics["recall_5"] == 0.52
    assert recommended.data.metrics[f"{GOAL}.scored"] == 3 and recommended.data.metrics[f"{GOAL}.asked"] == 4
    assert recommended.data.metrics["doc.recall_5.low"] == 0.6
    assert {"cost_per_1000", "seconds", "input_tokens", "complexity", "rank"} <= set(recommended.data.metrics)
    assert failed.info.status == "FAILED" and failed.data.tags["mlflow.note.content"] == "generate: the model is absent"
    assert all(math.isfinite(value) for run in by_name.values() for value in run.data.metrics.values())
    assert by_name["example"].data.metrics == {}, "the parent run would stand in the ranking"


def test_tables_plots_and_board(tmp_path: Path, database: Callable[[Path], str]) -> None:
    import pyarrow.parquet as pq

    uri = database(tmp_path)
    states = story("ko", "연차-규정")
    recorder = MlflowRecorder(uri, page=lambda state, lang: render_markdown(state.board, language=lang), plots=plots_of)
    recorder.update(states[0])
    assert "results.json" not in files_of(nested(uri, "연차-규정")[0]), "tables are written when a row is closed"
    recorder.update(states[-1])
    by_name = {run.info.run_name: run for run in runs_of(uri, "연차-규정")}
    row, parent = by_name["1024 · dense · 인용"], by_name["연차-규정"]
    shown = json.loads(files_of(row)["results.json"])
    first, last = (dict(zip(shown["columns"], shown["data"][place], strict=True)) for place in (0, 3))
    assert first["question"] == "규정 0조는 연차에 대해 무엇이라고 하나요?" and first["judge_correctness"] == 1.0
    assert last["failures"] == f"judge_failed: {GOAL}" and last["judge_correctness"] is None
    table = pq.read_table(io.BytesIO(files_of(row)["results.parquet"])).to_pydict()
    assert table[GOAL] == [1.0, 0.5, 1.0, None] and table["answer"][0].startswith("답")
    files = files_of(parent)
    assert files["plots/score_by_knob.png"][:4] == b"\x89PNG" and b"<svg" in files["plots/quality_against_cost.svg"]
    assert Board.from_json(files["board.json"]) == states[-1].board
    assert "추천 1024 · dense · 인용" in files["board.md"].decode()
    assert files["sweep.yaml"].decode() == states[-1].spec
    note = parent.data.tags["mlflow.note.content"]
    assert states[-1].headline["ko"].split(":")[0] in note and "1위 구성" in note
    assert json.loads(files["leaderboard.json"])["data"][0][1] == "1024 · bm25 · 간결"
    (dataset,) = parent.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("example@1", states[-1].eval_set.digest[:36])


def test_unchanged_runs_are_left_alone(
    tmp_path: Path, database: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    uri = database(tmp_path)
    recorder = MlflowRecorder(uri)
    states = story()
    recorder.update(states[1])
    batches: list[str] = []
    original = MlflowClient.log_batch

    def counted(self: Any, run_id: str, *args: Any, **kwargs: Any) -> Any:
        batches.append(open_client(uri).get_run(run_id).info.run_name)
        return original(self, run_id, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", counted)
    recorder.update(states[2])
    assert sorted(batches) == ["512 · bm25", "example"], "one batch for each run that changed, none for the others"
    recorder.update(states[2])
    assert len(batches) == 2


def test_deleted_and_doubled_runs_are_mended(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path / "a")
    state = story()[2]
    MlflowRecorder(uri).update(state)
    wanted = dump(uri)
    first, second, _ = nested(uri)
    found = open_client(uri)
    found.delete_run(first.info.run_id)
    found.create_run(first.info.experiment_id, tags=second.data.tags)
    MlflowRecorder(uri).update(state)
    assert dump(uri) == wanted
    (parent,) = [run for run in runs_of(uri) if run.data.tags["ragscout.kind"] == "sweep"]
    found.delete_run(parent.info.run_id)
    MlflowRecorder(uri).update(state)
    assert dump(uri) == wanted
    found.delete_experiment(parent.info.experiment_id)
    MlflowRecorder(uri).update(state)
    assert dump(uri) == wanted


def test_an_older_state_can_be_written_back(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path / "place")
    states = story()
    for state in (states[3], states[1]):
        MlflowRecorder(uri).update(state)
    fresh = database(tmp_path / "fresh")
    MlflowRecorder(fresh).update(states[1])
    strip = [{**run, "files": {}} for run in dump(uri)]
    assert strip == [{**run, "files": {}} for run in dump(fresh)]


def test_database_deleted_under_an_open_recorder(tmp_path: Path, database: Callable[[Path], str]) -> None:
    # MLflow keeps the deleted file open for the life of the process and would go on writing into it.
    uri = database(tmp_path)
    recorder = MlflowRecorder(uri)
    recorder.update(story()[0])
    (tmp_path / "mlflow.db").unlink()
    database(tmp_path)
    recorder.update(story()[1])
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        names = {name for (name,) in connection.execute("select name from runs where lifecycle_stage = 'active'")}
    assert names == {"example", "512 · bm25", "1024 · dense", "1024 · bm25"}


def test_locked_database(tmp_path: Path, database: Callable[[Path], str], caplog: pytest.LogCaptureFixture) -> None:
    uri = database(tmp_path)
    recorder = MlflowRecorder(uri)
    lock = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    recorder.update(story()[0])
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "locked" in caplog.text
    lock.execute("ROLLBACK")
    lock.close()
    recorder.update(story()[1])
    assert len(nested(uri)) == 3


def test_server_that_is_down(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    MlflowRecorder(f"http://ann:secret-word@127.0.0.1:{port}").update(story()[0])
    assert time.monotonic() - start < 15
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "secret-word" not in caplog.text and "example" in caplog.text


def test_more_than_one_sweep_under_one_name(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path)
    first = story()[2]
    other = dataclasses.replace(story()[0], sweep="sweep-other")
    for state in (first, other):
        MlflowRecorder(uri).update(state)
    assert len([run for run in runs_of(uri) if run.data.tags["ragscout.kind"] == "sweep"]) == 2
    assert len(nested(uri)) == 5


def test_long_names(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path)
    long = "아주 긴 이름 " * 60
    state: Snapshot = snapshot(1, {f"512 · {long}": [1.0]}, total=1)
    MlflowRecorder(uri).update(state)
    (run,) = nested(uri)
    assert len(run.info.run_name) == 250 and run.data.params["retriever"] == long


def test_tracking_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert default_tracking_uri(tmp_path) == f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert default_tracking_uri(tmp_path) == "http://127.0.0.1:5000"
    for folder in ("mlruns", "file:///tmp/mlruns"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", folder)
        with pytest.raises(StoreError, match=r"MLFLOW_TRACKING_URI.*not in a folder.*sqlite:///"):
            default_tracking_uri(tmp_path)
        with pytest.raises(StoreError):
            MlflowRecorder(folder)


def test_a_finished_sweep_has_its_report(tmp_path: Path, database: Callable[[Path], str]) -> None:
    uri = database(tmp_path)
    recorder = MlflowRecorder(uri, report=lambda state: f"<p>{state.sequence}</p>".encode())
    for state, wanted in ((story()[0], None), (story()[-1], f"<p>{story()[-1].sequence}</p>".encode())):
        recorder.update(state)
        (parent,) = [run for run in runs_of(uri) if run.data.tags.get("ragscout.kind") == "sweep"]
        assert files_of(parent).get("report.html") == wanted

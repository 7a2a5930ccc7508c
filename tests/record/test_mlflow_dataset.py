"""A version of an evaluation set as an MLflow dataset: once per digest, never in the way of the upload."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow.parquet as pq

from ragscout.model.evalset import EvalSet, Question, Span
from ragscout.record.mlflow import open_client
from ragscout.record.mlflow_dataset import EXPERIMENT, log_eval_set

SET = EvalSet(
    "규정",
    2,
    "ab" * 32,
    (),
    (
        Question("q1", "연차는 며칠인가요?", ("15일",), evidence=(Span("휴가.md", "15일"),)),
        Question("q2", "Why?", answerable=False),
    ),
)
FACTS = {"questions": 2, "documents": 7}


def logged(uri: str) -> list[Any]:
    client = open_client(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def test_logged_once(database: Callable[[Path], str], tmp_path: Path) -> None:
    uri = database(tmp_path / "store")
    assert log_eval_set(uri, SET, FACTS) == ""
    assert log_eval_set(uri, SET, FACTS) == ""
    (run,) = logged(uri)
    assert (run.info.run_name, run.info.status) == ("규정@2", "FINISHED")
    assert run.data.metrics == {"questions": 2.0, "documents": 7.0}
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("규정@2", "ab" * 18)
    assert json.loads(given.dataset.profile)["num_rows"] == 2
    file = Path(urlparse(json.loads(given.dataset.source)["uri"]).path)
    table = pq.read_table(io.BytesIO(file.read_bytes())).to_pylist()
    assert table[0] == {
        "id": "q1",
        "question": "연차는 며칠인가요?",
        "reference": "15일",
        "answerable": True,
        "documents": "휴가.md",
    }


def test_the_hold_out_stays_sealed(database: Callable[[Path], str], tmp_path: Path) -> None:
    questions = tuple(Question(f"q{n}", f"Question {n}?") for n in range(50))
    held = EvalSet("many", 1, "cd" * 32, (), questions).with_holdout(0.4)
    uri = database(tmp_path)
    assert log_eval_set(uri, held, {}) == ""
    profile = json.loads(logged(uri)[0].inputs.dataset_inputs[0].dataset.profile)
    assert profile["num_rows"] == len(held.development) < 50


def test_a_place_that_is_down_is_said_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").mkdir()
    assert log_eval_set(f"sqlite:///{tmp_path}/mlflow.db", SET, FACTS)
    reason = log_eval_set("http://someone:hush@127.0.0.1:9/", SET, FACTS)
    assert reason and "hush" not in reason

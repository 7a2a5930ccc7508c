"""Versions of evaluation sets in MLflow: one run per version in the experiment ``evaluation sets``, its dataset as
input, its questions as a file."""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragscout.model.evalset import EvalSet, Question
from ragscout.record.mlflow_place import beside, open_client, prepare_environment, probe, quiet
from ragscout.record.parquet import parquet
from ragscout.record.runs import LoggedTable

EXPERIMENT = "evaluation sets"
_TAG = "ragscout.eval_set"
_FILE = "questions.parquet"


def log_eval_set(tracking_uri: str, eval_set: EvalSet, facts: Mapping[str, int]) -> str:
    """Log a version as an MLflow dataset, once per digest; why it could not be done, empty when it was.

    ``facts``: counts shown as metrics of the run. The development part of the set is what MLflow gets.
    """
    prepare_environment()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with quiet():
            probe(tracking_uri)
            _log(open_client(tracking_uri), tracking_uri, eval_set, facts)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        return re.sub(r"//[^/@\s]*@", "//***@", " ".join(str(error).split()))[:300] or type(error).__name__
    return ""


def _log(client: Any, tracking_uri: str, eval_set: EvalSet, facts: Mapping[str, int]) -> None:
    from mlflow.entities import Metric

    home = _experiment(client, tracking_uri)
    name = f"{eval_set.name}@{eval_set.version}"
    found = client.search_runs([home], f"tags.`{_TAG}` = '{eval_set.digest}' and attributes.status = 'FINISHED'")
    if any(run.info.run_name == name for run in found):
        return
    tags = {_TAG: eval_set.digest, "mlflow.source.name": "ragscout upload", "mlflow.source.type": "LOCAL"}
    run = client.create_run(home, tags=tags, run_name=name)
    client.log_batch(run.info.run_id, metrics=[Metric(key, value, 0, 0) for key, value in facts.items()])
    table = _questions(eval_set)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / _FILE
        file.write_bytes(parquet(table))
        client.log_artifact(run.info.run_id, str(file))
    client.log_inputs(run.info.run_id, [_dataset(name, eval_set, table, f"{run.info.artifact_uri}/{_FILE}")])
    client.set_terminated(run.info.run_id)


def _experiment(client: Any, tracking_uri: str) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        folder = beside(tracking_uri)
        where = None if folder is None else (folder / "evaluation_sets").absolute().as_uri()
        return str(client.create_experiment(EXPERIMENT, artifact_location=where))
    if found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _questions(eval_set: EvalSet) -> LoggedTable:
    asked = eval_set.development
    return LoggedTable(
        {
            "id": [question.id for question in asked],
            "question": [question.text for question in asked],
            "reference": [question.references[0] if question.references else None for question in asked],
            "answerable": [question.answerable for question in asked],
            "documents": ["\n".join(sorted(_golds(question))) for question in asked],
        }
    )


def _golds(question: Question) -> set[str]:
    return {span.document for span in question.evidence if span.document} | set(question.documents)


def _dataset(name: str, eval_set: EvalSet, table: LoggedTable, uri: str) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    kinds = {column: "boolean" if column == "answerable" else "string" for column in table.columns}
    schema = {"mlflow_colspec": [{"type": kind, "name": column, "required": True} for column, kind in kinds.items()]}
    rows = len(table.columns["id"])
    dataset = Dataset(
        name=name,
        digest=eval_set.digest[:36],
        source_type="local",
        source=json.dumps({"uri": uri}),
        schema=json.dumps(schema),
        profile=json.dumps({"num_rows": rows, "num_elements": rows * len(table.columns)}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])

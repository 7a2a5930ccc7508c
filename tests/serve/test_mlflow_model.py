from __future__ import annotations

from pathlib import Path

import pytest
from measured import Measured

from ragscout.record.model import log_bundle_model
from ragscout.serve import Pipeline


def test_mlflow_loads_the_registered_bundle(korean: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    path = korean.export(tmp_path / "handbook.bundle")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    logged = log_bundle_model(path, tracking_uri=uri, registered_name="handbook-ko")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    model = mlflow.pyfunc.load_model(logged)
    questions = [question.text for question in korean.questions[:2]]
    with Pipeline.load(path) as pipeline:
        expected = [pipeline.ask(question) for question in questions]
    found = model.predict(questions)
    assert [item["answer"] for item in found] == [reply.text for reply in expected]
    assert [item["language"] for item in found] == ["ko", "ko"]
    assert [source["document"] for source in found[0]["sources"]] == [item.document for item in expected[0].sources]
    assert not (tmp_path / "mlruns").exists()

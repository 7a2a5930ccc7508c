"""``ragscout doctor``: one line a check, a remedy where something is wrong, no secret in it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragscout.cli.main import app


def findings(store: Path) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(app, ["doctor", "--store", str(store), "--json"])
    return {item["what"]: item for item in json.loads(result.stdout)}


def test_a_locked_recording_is_said_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert findings(tmp_path / "저장소")["MLflow's database"]["good"]
    holder = sqlite3.connect(tmp_path / "저장소" / "mlflow.db", isolation_level=None)
    holder.execute("create table held (a)")
    holder.execute("begin immediate")
    try:
        found = findings(tmp_path / "저장소")["MLflow's database"]
    finally:
        holder.close()
    assert not found["good"]
    assert "locked" in str(found["seen"])
    assert "MLFLOW_TRACKING_URI" in str(found["remedy"])


def test_a_database_that_is_down_is_said_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg://someone:hunter2@127.0.0.1:1/runs")
    found = findings(tmp_path)["MLflow's database"]
    assert not found["good"]
    assert "hunter2" not in json.dumps(found)

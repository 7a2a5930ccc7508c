from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from ragscout.model.errors import BundleError, StoreError
from ragscout.record.model import log_bundle_model, requirements

MANIFEST = {
    "name": "chunk 300",
    "key": "ab" * 32,
    "sweep": {"id": "handbook-ko-0123", "name": "handbook-ko"},
    "eval_set": {"name": "handbook-ko", "version": 3},
    "libraries": {"PyStemmer": "3.1.0", "ragscout": "0.1.0", "python": "3.11.7"},
    "extras": ["korean", "local"],
}


def test_requirements_are_pinned() -> None:
    assert requirements(MANIFEST, "3.17.2") == ["ragscout[korean,local]==0.1.0", "mlflow==3.17.2", "PyStemmer==3.1.0"]
    assert requirements(MANIFEST | {"extras": []}, "3.17.2")[0] == "ragscout==0.1.0"


def test_what_is_no_bundle_and_no_store(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no archive")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "x.zip"):
        with pytest.raises(BundleError, match="not a bundle"):
            log_bundle_model(path, tracking_uri=f"sqlite:///{tmp_path}/m.db", registered_name="x")
    with pytest.raises(StoreError, match="not in a folder"):
        log_bundle_model(tmp_path, tracking_uri=str(tmp_path), registered_name="x")


def test_registered_with_an_alias_and_listed_beside_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = tmp_path / "handbook.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bundle.json", json.dumps(MANIFEST))
    uri = f"sqlite:///{tmp_path}/store/mlflow.db"
    (tmp_path / "store").mkdir()
    assert log_bundle_model(path, tracking_uri=uri, registered_name="한빛-handbook") == "models:/한빛-handbook@champion"
    assert "MLFLOW_TRACKING_URI" not in os.environ
    client = mlflow.MlflowClient(uri)
    version = client.get_model_version_by_alias("한빛-handbook", "champion")
    assert version.version == "1" or version.version == 1
    assert version.tags["ragscout.key"] == MANIFEST["key"]
    assert version.tags["ragscout.eval_set"] == "handbook-ko@3"
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.runName"] == "bundle chunk 300"
    assert log_bundle_model(path, tracking_uri=uri, registered_name="한빛-handbook", run_id=version.run_id)
    assert str(client.get_model_version_by_alias("한빛-handbook", "champion").version) == "2"
    files = {item.name for item in (tmp_path / "store").rglob("*") if item.is_file()}
    assert {"handbook.zip", "pyfunc_model.py", "MLmodel"} <= files
    assert not any(name.endswith(".pkl") for name in files)
    assert {item.name for item in tmp_path.iterdir()} == {"handbook.zip", "store"}

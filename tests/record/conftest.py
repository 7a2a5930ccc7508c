"""One migrated MLflow database for all tests: making one takes seconds, copying it none."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ragscout.record.mlflow import prepare_environment

    prepare_environment()
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def database(template: Path) -> Callable[[Path], str]:
    """Makes an empty MLflow database in a folder and gives its tracking URI."""

    def make(folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "mlflow.db").exists():
            shutil.copy(template, folder / "mlflow.db")
        return f"sqlite:///{folder / 'mlflow.db'}"

    return make

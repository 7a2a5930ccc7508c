"""An exported bundle as a model of MLflow's registry.

The bundle is logged as it is, beside a script that MLflow stores with it (models from code): nothing is pickled.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ragscout.model.errors import BundleError
from ragscout.record.mlflow import beside, check_tracking_uri

EXPERIMENT = "ragscout-models"
SCRIPT = Path(__file__).parents[1] / "serve" / "pyfunc_model.py"


def log_bundle_model(
    bundle_path: str | Path,
    *,
    tracking_uri: str,
    registered_name: str,
    alias: str = "champion",
    experiment: str = EXPERIMENT,
    run_id: str | None = None,
) -> str:
    """Log a bundle as an MLflow model, register it and point the alias to the new version.

    Args:
        bundle_path: folder or archive of a bundle.
        tracking_uri: MLflow store, for example ``sqlite:///mlflow.db``.
        registered_name: name in the registry; it is made when it is new.
        alias: what the version is called.
        experiment: where the model is listed; made when it is new, its artifacts beside a SQLite store.
        run_id: the run of the measured configuration, whose model this is; without one a run is made.

    Returns:
        The URI that ``mlflow.pyfunc.load_model`` takes: ``models:/NAME@ALIAS``.

    Raises:
        StoreError: the tracking URI is a folder.
        BundleError: no bundle at the path, or a name that the registry refuses.
    """
    check_tracking_uri(tracking_uri, "tracking URI")
    path = Path(bundle_path)
    manifest = _manifest(path)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow warns of its own type hints when it is imported, and of the script's mixed values when it is logged; it
    # also changes the filters, so only recording keeps that away from the user
    with warnings.catch_warnings(record=True) as caught:
        _log(path, manifest, tracking_uri, registered_name, alias, experiment, run_id)
    for item in caught:
        if "Any type hint" not in str(item.message):
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    return f"models:/{registered_name}@{alias}"


def _log(
    path: Path,
    manifest: Mapping[str, Any],
    tracking_uri: str,
    registered_name: str,
    alias: str,
    experiment: str,
    run_id: str | None,
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    with _tracking(tracking_uri):
        client = mlflow.MlflowClient()
        try:
            with mlflow.start_run(run_id) if run_id else _new_run(client, experiment, tracking_uri, manifest):
                model = mlflow.pyfunc.log_model(
                    name=_model_name(registered_name),
                    python_model=str(SCRIPT),
                    artifacts={"bundle": str(path)},
                    pip_requirements=requirements(manifest, mlflow.__version__),
                    registered_model_name=registered_name,
                    metadata=_facts(manifest),
                )
            version = str(model.registered_model_version)
            client.set_registered_model_alias(registered_name, alias, version)
            for name, value in _facts(manifest).items():
                client.set_model_version_tag(registered_name, version, f"ragscout.{name}", value)
        except MlflowException as error:
            raise BundleError(
                f"{registered_name}: MLflow did not take the model; got {error.message}. Check the name and that the "
                "tracking store can be written."
            ) from error


def requirements(manifest: Mapping[str, Any], mlflow_version: str) -> list[str]:
    """Return what has to be installed where the model is loaded: ragscout with the extras that its steps need, and the
    libraries that shape its answers, in the versions it was measured with."""
    libraries = dict(manifest["libraries"])
    libraries.pop("python", None)
    extras = ",".join(manifest["extras"])
    ragscout = f"ragscout{f'[{extras}]' if extras else ''}=={libraries.pop('ragscout')}"
    return [ragscout, f"mlflow=={mlflow_version}", *(f"{name}=={version}" for name, version in libraries.items())]


def _manifest(path: Path) -> dict[str, Any]:
    try:
        if path.is_dir():
            data = (path / "bundle.json").read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                data = archive.read("bundle.json")
        found: dict[str, Any] = json.loads(data)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"{path}: this is not a bundle; got {type(error).__name__}. Write one with: ragscout export"
        ) from error
    return found


def _facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    eval_set = manifest["eval_set"]
    return {
        "configuration": manifest["name"],
        "key": manifest["key"],
        "sweep": manifest["sweep"]["id"],
        "eval_set": f"{eval_set['name']}@{eval_set['version']}",
    }


@contextlib.contextmanager
def _tracking(uri: str) -> Iterator[None]:
    """MLflow's logging of models knows only the global store: set it, and put it back."""
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")  # MLflow keeps the variable equal to what was set in code
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type] # None = as if it had never been set


@contextlib.contextmanager
def _new_run(client: Any, experiment: str, uri: str, manifest: Mapping[str, Any]) -> Iterator[None]:
    import mlflow

    known = client.get_experiment_by_name(experiment)
    made = known.experiment_id if known else client.create_experiment(experiment, artifact_location=_place(uri))
    with mlflow.start_run(experiment_id=made, run_name=f"bundle {manifest['name']}"):
        yield


def _place(uri: str) -> str | None:
    """Where the model's files go; a server decides for itself."""
    folder = beside(uri)
    return None if folder is None else folder.as_uri()


def _model_name(registered_name: str) -> str:
    """Return a logged model's name may not hold the characters that separate the parts of a URI."""
    return "".join("-" if char in "/:.%\"'" else char for char in registered_name) or "bundle"

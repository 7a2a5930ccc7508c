"""What ``upload`` and ``init`` share: telling MLflow about a new version."""

from __future__ import annotations

from ragscout.cli.support.output import fail
from ragscout.data.uploading import Uploaded
from ragscout.store.store import Store


def log_to_mlflow(store: Store, done: Uploaded) -> str:
    """Log the version as a dataset of MLflow; where it went, empty (and said) when it could not be done."""
    from ragscout.model.errors import StoreError
    from ragscout.record.mlflow import default_tracking_uri
    from ragscout.record.mlflow_dataset import log_eval_set

    report = done.report
    facts = {name: int(getattr(report, name)) for name in ("questions", "documents", "characters", "with_evidence")}
    try:
        uri = default_tracking_uri(store.folder)
        reason = log_eval_set(uri, done.eval_set, facts)
    except StoreError as error:
        uri, reason = "", str(error)
    if reason:
        name = f"{done.eval_set.name}@{done.eval_set.version}"
        fail(
            f"MLflow: {name} is registered here but was not logged there; got {reason.rstrip('.')}. "
            "Upload again to log it."
        )
        return ""
    return uri

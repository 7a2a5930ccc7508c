"""MLflow's pages on loopback, in one process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from ragscout.model.errors import StoreError
from ragscout.record.mlflow import beside, check_tracking_uri, prepare_environment


def serve_ui(
    tracking_uri: str,
    host: str = "127.0.0.1",
    port: int = 5000,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve MLflow's pages on a database until the process is interrupted; ``ready`` gets the address, port 0 takes a
    free one. The first start on a new database creates it, which takes seconds.

    MLflow's own command starts several workers and job runners; one server in this process needs a fraction of the
    memory, and pages that only read need no jobs.

    Raises:
        StoreError: the port is taken, or the runs lie on a server that has pages of its own.
    """
    check_tracking_uri(tracking_uri, "tracking URI")
    if tracking_uri.startswith(("http:", "https:")):
        raise StoreError(
            f"mlflow: the runs are on a server that has its own pages; got {tracking_uri}. Open that address."
        )
    listening = _listen(host, port)
    prepare_environment()
    configure(tracking_uri)
    import uvicorn
    from mlflow.server.fastapi_app import app

    config = uvicorn.Config(app, log_level="warning", access_log=False)
    address = f"[{host}]" if ":" in host else host
    ready(f"http://{address}:{listening.getsockname()[1]}")
    uvicorn.Server(config).run(sockets=[listening])


def configure(tracking_uri: str) -> None:
    """Tell the MLflow application of this process where its runs are; must come before its import."""
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = tracking_uri
    os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = tracking_uri
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    artifacts = beside(tracking_uri)
    if artifacts is not None:
        os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = artifacts.as_uri()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise StoreError(
            f"mlflow: the address {host}:{port} cannot be used; got {error.strerror or error}. "
            "Give another port, or stop the program that has this one."
        ) from None
    return made

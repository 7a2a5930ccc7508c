"""MLflow's pages on loopback, in one process."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ragscout.model.errors import StoreError
from ragscout.record.mlflow import VIEW, beside, check_tracking_uri, open_client, prepare_environment

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_DEFAULTS = b"""<script>
for (const [key, value] of [["mlflow.workflowType_v1", '"machine_learning"'],
                            ["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true"]])
  if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
</script>"""


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
    import uvicorn

    config = uvicorn.Config(application(tracking_uri), log_level="warning", access_log=False, lifespan="off")
    address = f"[{host}]" if ":" in host else host
    ready(f"http://{address}:{listening.getsockname()[1]}")
    uvicorn.Server(config).run(sockets=[listening])


def application(tracking_uri: str) -> Pages:
    """MLflow's pages and API as an ASGI application, to serve or to mount. One tracking URI per process: MLflow reads
    it from the environment at import."""
    prepare_environment()
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = tracking_uri
    os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = tracking_uri
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    artifacts = beside(tracking_uri)
    if artifacts is not None:
        os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = artifacts.as_uri()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server.fastapi_app import app
    return Pages(app)


def leaderboard_path(tracking_uri: str, name: str) -> str:
    """Where MLflow's pages show the leaderboard of a sweep, to be put behind the server's address; empty when the
    sweep has no experiment yet."""
    prepare_environment()
    found = open_client(tracking_uri).get_experiment_by_name(name)
    if found is None:
        return ""
    return f"/#/experiments/{found.experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"


class Pages:
    """MLflow's application with other first settings of its page: experiments open as tables of runs with parameters
    and metrics instead of traces, and the assistant stays closed. What a person chose in the page wins."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Change the start page, and pass every other ASGI request on."""
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        if scope["type"] != "http" or path not in ("", "/"):
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self._app(scope, receive, hold)
        body = b"".join(message.get("body", b"") for message in held if message["type"] == "http.response.body")
        changed = body.replace(b"</title>", b"</title>" + _DEFAULTS, 1)
        start = next(message for message in held if message["type"] == "http.response.start")
        # The page's validators describe the file without the settings, so a browser must not use them.
        dropped = (b"content-length", b"etag", b"last-modified")
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in dropped]
        start["headers"] = [*headers, (b"content-length", str(len(changed)).encode())]
        await send(start)
        await send({"type": "http.response.body", "body": changed})


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

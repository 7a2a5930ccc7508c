"""MLflow's pages: they start on loopback and show the leaderboard."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ragscout.model.errors import StoreError
from ragscout.record.mlflow import MlflowRecorder, open_client
from ragscout.record.mlflow_ui import leaderboard_path, serve_ui
from ragscout.testing.record import GOAL, story

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), "")
_SERVE = (
    "import sys; from ragscout.record.mlflow_ui import serve_ui;"
    "serve_ui(sys.argv[1], port=0, ready=lambda url: print(url, flush=True))"
)


@contextmanager
def server(uri: str) -> Iterator[str]:
    """The pages in a process of their own; gives the address once it answers."""
    process = subprocess.Popen([sys.executable, "-c", _SERVE, uri], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "no address: the server did not start"
        place = urlsplit(address)
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", place.port or 0, timeout=60)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def get(address: str, path: str) -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=rf"127\.0\.0\.1:{port} cannot be used; got .* Give another port"):
            serve_ui(f"sqlite:///{tmp_path / 'mlflow.db'}", port=port)


def test_a_server_has_its_own_pages() -> None:
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:1.*Open that address"):
        serve_ui("http://127.0.0.1:1")


def test_view_is_kept_up_to_date(tmp_path: Path, database: Callable[[Path], str]) -> None:
    import json

    uri = database(tmp_path)
    assert leaderboard_path(uri, "example") == ""
    recorder = MlflowRecorder(uri)
    for state in (story()[0], story()[-1]):
        recorder.update(state)
    experiment = open_client(uri).get_experiment_by_name("example")
    saved = json.loads(experiment.tags["mlflow.sharedViewState.leaderboard"])
    page = json.loads(saved["state"])
    assert saved["name"] == "Leaderboard"
    assert page["orderByKey"] == f"metrics.`{GOAL}`" and page["orderByAsc"] is False
    assert {"metrics.`rank`", "metrics.`recall_5`", "params.`chunk.size`", f"metrics.`{GOAL}.low`"} <= set(
        page["selectedColumns"]
    )
    assert leaderboard_path(uri, "example").startswith(f"/#/experiments/{experiment.experiment_id}/runs?")


@pytest.mark.browser
def test_leaderboard_in_the_browser(tmp_path: Path, database: Callable[[Path], str]) -> None:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed (Debian: chromium fonts-noto-cjk)")
    sync_api = pytest.importorskip("playwright.sync_api")
    uri = database(tmp_path)
    state = story("ko", "연차-규정")[-1]
    MlflowRecorder(uri).update(state)
    with server(uri) as address:
        status, headers, body = get(address, "/")
        assert status == 200 and int(headers["content-length"]) == len(body) and b"machine_learning" in body
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1700, "height": 900})
            page.set_default_timeout(90_000)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(address + leaderboard_path(uri, "연차-규정"))
            rows = _rows(page)
            # Fully measured rows in the order of the goal, then the partial, the failed and the sweep's own run.
            full = [row.name for row in state.board.rows if not {"partial", "unscored", "failed"} & set(row.marks)]
            assert rows[: len(full)] == full
            assert set(rows) == {row.name for row in state.board.rows} | {"연차-규정"}
            titles = page.locator(".ag-header-cell-text, [role=columnheader]").all_inner_texts()
            for title in ("rank", GOAL, f"{GOAL}.low", "recall_5"):
                assert any(title in shown for shown in titles), title
            if os.environ.get("RAGSCOUT_SCREENSHOT"):
                page.screenshot(path=os.environ["RAGSCOUT_SCREENSHOT"])
            # An experiment opened without any setting shows its runs, not traces.
            page.goto(f"{address}/#/experiments/{_experiment(uri)}")
            page.get_by_text("1024 · dense · 인용").or_(page.get_by_text("연차-규정")).first.wait_for()
            page.wait_for_url("**/runs*")
            assert all(url.startswith((address, "data:", "blob:")) for url in asked), "something left the machine"
            browser.close()


def _rows(page: Any) -> list[str]:
    """Run names of the table from top to bottom."""
    page.get_by_text("1024 · dense · 인용").first.wait_for()
    links = page.locator(".ag-row a[href*='/runs/']")
    placed = [(link.bounding_box()["y"], link.inner_text().strip()) for link in links.all()]
    return [name for _, name in sorted(placed)]


def _experiment(uri: str) -> str:
    return str(open_client(uri).get_experiment_by_name("연차-규정").experiment_id)

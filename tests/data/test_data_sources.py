"""SQL, object stores and web addresses: a snapshot, read only, no secret anywhere."""

from __future__ import annotations

import http.server
import json
import sqlite3
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ragscout.cli.main import main
from ragscout.data import Limits, ReadOptions, Remote, read_addresses, snapshot, upload
from ragscout.data.options import limits_of
from ragscout.model.errors import EvalSetError, SpecError
from ragscout.providers.network import NetworkPolicy

Write = Callable[..., Path]
OFFLINE = NetworkPolicy.offline()


def uploaded(store: Any, remote: Remote, policy: NetworkPolicy = OFFLINE, limits: Limits | None = None) -> Any:
    options = ReadOptions(limits=limits or Limits())
    with snapshot(remote, policy, options.limits) as (extra, noted):
        return upload(
            (), blobs=store.blobs, registry=store.registry, name=remote.name, options=options, extra=extra, noted=noted
        )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "texts.db"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE pages (number INTEGER, heading TEXT, body TEXT, 부서 TEXT)")
        rows = [(1, "연차", "연차는 15일이다.", "인사"), (2, "경비", "영수증: 10일 안에.", "총무"), (3, "빈", "", "")]
        made.executemany("INSERT INTO pages VALUES (?, ?, ?, ?)", rows)
    return file


QUERY = "SELECT number AS id, heading AS title, body AS text, 부서 FROM pages WHERE heading <> ':x'"


def test_rows_of_a_query_become_documents(database: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTS_URL", f"sqlite:///{database}")
    done = uploaded(store, Remote(sql="TEXTS_URL", query=QUERY))
    assert (done.eval_set.name, done.report.documents) == ("sql", 2)
    held = [json.loads(line) for line in store.blobs.held[done.eval_set.files[0].sha256].splitlines()]
    assert held[0] == {"doc_id": "1", "title": "연차", "text": "연차는 15일이다.", "metadata": {"부서": "인사"}}
    assert any(item.kind == "empty_document" for item in done.report.warnings)
    with sqlite3.connect(database) as changed:
        changed.execute("DELETE FROM pages")
    assert held == [json.loads(line) for line in store.blobs.held[done.eval_set.files[0].sha256].splitlines()]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("DELETE FROM pages", "one statement that reads"),
        ("SELECT 1; DROP TABLE pages", "one statement that reads"),
        ("", "one statement that reads"),
        ("WITH x AS (SELECT 1) INSERT INTO pages SELECT 9, 'a', 'b', 'c'", "readonly|read-only"),
        ("SELECT heading, body AS text FROM pages", "column 'id' is missing; got heading, text"),
        ("SELECT number AS id, body AS text FROM nowhere", "no such table"),
        ("SELECT number AS id, body AS text FROM pages WHERE 1 = 0", "gives no row"),
    ],
)
def test_what_a_query_may_not_do(query: str, says: str, database: Path, store: Any) -> None:
    before = database.read_bytes()
    with pytest.raises(EvalSetError, match=says):
        uploaded(store, Remote(sql=f"sqlite:///{database}", query=query))
    assert database.read_bytes() == before and store.empty


def test_secrets_of_a_database_are_never_shown(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvalSetError, match="holds a password") as refused:
        uploaded(store, Remote(sql="postgresql://u:hush%40@127.0.0.1:9/x", query="SELECT 1"))
    assert "hush" not in str(refused.value)
    monkeypatch.setenv("TEXTS_URL", "postgresql+nodriver://u:hush%40@127.0.0.1:9/x")
    with pytest.raises(EvalSetError) as failed:
        uploaded(store, Remote(sql="TEXTS_URL", query="SELECT 1"))
    assert "hush" not in str(failed.value)
    with pytest.raises(EvalSetError, match="export UNSET_URL="):
        uploaded(store, Remote(sql="UNSET_URL", query="SELECT 1"))


def test_no_database_is_made(tmp_path: Path, store: Any) -> None:
    with pytest.raises(EvalSetError, match="no such database file"):
        uploaded(store, Remote(sql=f"sqlite:///{tmp_path}/none.db", query="SELECT 1 AS id, 2 AS text"))
    assert not list(tmp_path.iterdir())


def test_limits_hold_for_a_query(database: Path, store: Any) -> None:
    with pytest.raises(EvalSetError, match="more than 1 rows"):
        uploaded(store, Remote(sql=f"sqlite:///{database}", query=QUERY), limits=Limits(rows=1))


def test_an_object_store(store: Any) -> None:
    bucket = f"memory://bucket-{uuid.uuid4().hex}"
    texts = {"휴가.md": "# 연차\n15일", "more/경비.txt": "영수증", "questions.csv": "question,answer\na?,x\n"}
    for name, text in texts.items():
        with fsspec.open(f"{bucket}/docs/{name}", "wb") as out:
            out.write(text.encode())
    done = uploaded(store, Remote(stores=(f"{bucket}/docs",)))
    assert (done.report.documents, done.eval_set.count) == (2, 1)
    assert {file.path for file in done.eval_set.files} == {"휴가.md", "more/경비.txt"}
    with fsspec.open(f"{bucket}/docs/휴가.md", "wb") as out:
        out.write(b"changed")
    assert {store.blobs.held[file.sha256].decode() for file in done.eval_set.files} == {"# 연차\n15일", "영수증"}
    one = uploaded(store, Remote(stores=(f"{bucket}/docs/more/경비.txt",)))
    assert [file.path for file in one.eval_set.files] == ["경비.txt"]


def test_a_share_by_file_url(store: Any, write: Write) -> None:
    folder = write("share/a.md", "text").parent
    (folder / "link.md").symlink_to("/etc/hostname")
    done = uploaded(store, Remote(stores=(f"file://{folder}",)))
    assert [file.path for file in done.eval_set.files] == ["a.md"]
    assert any(item.kind == "link" for item in done.report.warnings)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://nothing-here", "no file below|cannot be read"),
        ("nosuch://x/y", "cannot be read"),
        ("plain", "not a URL"),
        ("ftp://user:hush@127.0.0.1/x", "holds a password"),
    ],
)
def test_stores_that_cannot_be_read(url: str, says: str, store: Any) -> None:
    with pytest.raises(EvalSetError, match=says) as refused:
        uploaded(store, Remote(stores=(url,)))
    assert "hush" not in str(refused.value) and store.empty


def test_limits_hold_for_a_store(store: Any) -> None:
    bucket = f"memory://bucket-{uuid.uuid4().hex}"
    for number in range(3):
        with fsspec.open(f"{bucket}/{number}.txt", "wb") as out:
            out.write(b"text")
    with pytest.raises(EvalSetError, match="3 files with 12 bytes"):
        uploaded(store, Remote(stores=(bucket,)), limits=Limits(files=2))


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://elsewhere.invalid/")
            self.end_headers()
            return
        korean = "<html><head><title>휴가 규정</title></head><body><p>연차는 15일</p></body></html>"
        body, kind = (korean.encode("cp949"), "text/html") if "page" in self.path else (b"plain text", "text/plain")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_list_of_addresses(web: str, store: Any, write: Write) -> None:
    lines = ["# list", f"{web}/page?id=1", f"{web}/page?id=2", "", f"{web}/a/note", f"{web}/gone", f"{web}/away"]
    found = read_addresses(write("urls.txt", "\n".join(lines)))
    done = uploaded(store, Remote(addresses=found))
    paths = {file.path for file in done.eval_set.files}
    assert paths == {"127.0.0.1/page-id-1.html", "127.0.0.1/page-id-2.html", "127.0.0.1/a/note.txt"}
    lost = [item for item in done.report.warnings if item.kind == "unread_address"]
    assert {item.rows for item in lost} == {(f"{web}/gone",), (f"{web}/away",)}
    assert any("status 404" in item.message for item in lost)
    assert any("elsewhere.invalid is not listed" in item.message for item in lost)


def test_a_host_that_is_not_listed_is_not_asked(store: Any) -> None:
    with pytest.raises(SpecError, match=r"network: \[elsewhere\.invalid\]"):
        uploaded(store, Remote(addresses=("https://elsewhere.invalid/x",)))


def test_nothing_came(web: str, store: Any) -> None:
    with pytest.raises(EvalSetError, match="status 404"):
        uploaded(store, Remote(stores=(f"{web}/gone",)))


@pytest.mark.parametrize(
    ("text", "says"),
    [("ftp://x/y", r"urls\.txt:1"), ("# none\n", "no address"), ("http://u:p@x/y", "password"), ("\nx y", r"txt:2")],
)
def test_lists_that_are_none(text: str, says: str, write: Write) -> None:
    with pytest.raises(EvalSetError, match=says) as refused:
        read_addresses(write("urls.txt", text))
    assert "u:p" not in str(refused.value)


def test_the_verb_reads_a_database(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEXTS_URL", f"sqlite:///{database}")
    words = ["upload", "--sql", "TEXTS_URL", "--query", QUERY, "--name", "pages", "--no-mlflow", "--json"]
    monkeypatch.setattr(sys, "argv", ["ragscout", *words, "--store", str(tmp_path / "store")])
    with pytest.raises(SystemExit) as stopped:
        main()
    shown = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 0 and shown["eval_set"] == "pages@1" and shown["documents"] == 2


def test_limits_are_settings() -> None:
    assert limits_of(["rows=2_000", "ratio = 50"]) == Limits(rows=2000, ratio=50.0)
    assert limits_of([]) == Limits()
    for wrong, says in (
        ("row=1", "Limits: files,"),
        ("rows=many", "above 0"),
        ("rows=-1", "above 0"),
        ("rows", "above 0"),
    ):
        with pytest.raises(EvalSetError, match=says):
            limits_of([wrong])

"""The built wheel in a fresh environment, outside the checkout, without a network: what a user does first."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKED = """
import os, sys

def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        target = str(arguments[0])
    elif event in ("socket.connect", "socket.sendto") and not isinstance(arguments[1], (str, bytes)):
        target = str(arguments[1])
    else:  # an address that is text or bytes is a file's: AF_UNIX
        return
    with open(os.environ["TRIED"], "a", encoding="utf-8") as log:
        log.write(f"{event} {target} {sys.argv}\\n")
    raise ConnectionRefusedError(f"no network in this environment: {event} {target}")

sys.addaudithook(refuse)
"""
"""Python code that opens a socket is refused, and noted even where a library would swallow the refusal."""
SWEEP = """
sweep: installed
eval_set: leave@1
pipeline:
  chunk: {use: characters, size: [200, 400], overlap: 0}
  embed: hashing
  retriever: [bm25, dense]
  prompt: {use: template, passages: 2}
  generate: extractive
measure: {retrieval: [recall@3], answer: [bleu, token_f1]}
goal: {maximize: token_f1}
search: grid
"""
Run = Callable[..., str]
HANGS = 280
"""Seconds after which a command hangs; the whole takes some fifteen on an idle machine."""

pytestmark = pytest.mark.timeout(6 * HANGS)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with an environment that holds the wheel and sees the packages of this one, and the variables for it."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=HANGS)
    (wheel,) = folder.glob("ragscout-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True, timeout=HANGS)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, timeout=HANGS)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    # named only now: pip must neither see nor touch the ragscout that is installed there for development
    shared = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "shared.pth").write_text("\n".join(shared), encoding="utf-8")
    (packages / "sitecustomize.py").write_text(BLOCKED, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RAGSCOUT", "MLFLOW"))}
    return folder, {**kept, "TRIED": str(folder / "tried.log"), "HOME": str(folder)}


@pytest.fixture
def run(installed: tuple[Path, dict[str, str]], tmp_path: Path) -> Run:
    """Runs a program of the environment in an empty folder and gives what it printed."""
    folder, variables = installed

    def call(program: str, *words: str) -> str:
        command = [str(folder / "env" / "bin" / program), *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=HANGS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_the_environment_holds_the_wheel_and_no_network(installed: tuple[Path, dict[str, str]], run: Run) -> None:
    folder, _ = installed
    found = Path(run("python", "-c", "import ragscout; print(ragscout.__file__)").strip())
    assert found.is_relative_to(folder / "env")
    asking = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9))\nexcept OSError as no:\n    print(no)"
    assert "no network" in run("python", "-c", asking)
    (folder / "tried.log").unlink()


def test_from_an_upload_to_an_answer(installed: tuple[Path, dict[str, str]], run: Run, tmp_path: Path) -> None:
    folder, _ = installed
    documents = tmp_path / "leave"
    documents.mkdir()
    (documents / "leave.md").write_text(
        "# Annual leave\n\nEvery employee gets 15 days of annual leave. Leave is requested two weeks ahead.\n\n"
        "# 경비\n\n경비는 10일 안에 지급한다. 영수증이 있어야 한다.\n",
        encoding="utf-8",
    )
    rows = [
        ("How many days of annual leave does every employee get?", "15 days"),
        ("When is leave requested?", "two weeks ahead"),
        ("경비는 언제 지급하나요?", "10일 안에 지급한다."),
    ]
    lines = [json.dumps({"question": question, "answer": answer}, ensure_ascii=False) for question, answer in rows]
    (documents / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    uploaded = json.loads(run("ragscout", "upload", "leave", "--no-mlflow", "--json"))
    assert uploaded["eval_set"] == "leave@1"
    assert "Recommended" in run("ragscout", "sweep", "sweep.yaml")
    board = json.loads(run("ragscout", "board", "sweep.yaml", "--json"))
    assert len(board["rows"]) == 4 and all(row["answered"] == 3 for row in board["rows"])
    run("ragscout", "report", "sweep.yaml", "-o", "report.html")
    assert "<html" in (tmp_path / "report.html").read_text("utf-8")
    run("ragscout", "export", "sweep.yaml", "-o", "best.bundle")
    reply = json.loads(run("ragscout", "ask", "best.bundle", rows[0][0], "--json"))
    assert "15 days" in reply["text"] and reply["sources"]
    assert not (folder / "tried.log").exists(), (folder / "tried.log").read_text("utf-8")

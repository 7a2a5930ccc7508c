"""``--json`` of every verb that has it is one JSON value on standard output, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import options, verbs

from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

Call = Callable[..., tuple[int, str, str]]
SWEEP = """
sweep: {name}
eval_set: leave@1
models:
  judge: {{provider: openai, base_url: "{url}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: {size}, overlap: 0}}
  retriever: bm25
  prompt: {{use: template, passages: 2}}
  generate: extractive
measure: {{retrieval: [recall@3], answer: [token_f1, {{use: judge, model: judge, criteria: [correctness]}}]}}
goal: {{maximize: token_f1}}
search: grid
probe: off
network: offline
budget: {{usd: 1}}
"""
TEXTS = {
    "leave.md": "# Leave\n\nEvery employee gets 15 days of annual leave. Leave is requested two weeks ahead.\n",
    "경비.md": "# 경비\n\n경비는 10일 안에 지급한다. 영수증이 있어야 한다.\n",
}
QUESTIONS = [
    ("How many days of annual leave does every employee get?", "15 days"),
    ("When is leave requested?", "two weeks ahead"),
    ("경비는 언제 지급하나요?", "10일 안에 지급한다."),
    ("무엇이 있어야 하나요?", "영수증"),
]
USES: dict[str, tuple[tuple[str, ...], int]] = {
    "upload": (("documents", "--name", "again", "--no-mlflow"), 0),
    "check": (("leave@1",), 0),
    "plan": (("sweep.yaml",), 0),
    "sweep": (("sweep.yaml", "--no-mlflow"), 0),
    "board": (("sweep.yaml",), 0),
    "why": (("sweep.yaml",), 0),
    "report": (("sweep.yaml", "-o", "report.html"), 0),
    "compare": (("sweep.yaml", "other.yaml"), 0),
    "ask": (("best.bundle", "How many days of leave?"), 0),
    "verify": (("best.bundle",), 0),
    "steps": (("chunk",), 0),
    "models": ((), 0),
    "doctor": ((), 0),
    "answers import": (("sweep.yaml", "today", "answers.csv"), 0),
    "data ls": ((), 0),
    "data show": (("leave@1",), 0),
    "data diff": (("leave@1", "leave@2"), 0),
    "data rm": (("leave@2",), 0),
    "data export": (("leave@1", "jsonl", "out"), 0),
    "data freeze": (("sweep.yaml", "first"), 0),
    "generate-questions": (
        ("leave@1", "--model", "judge", "--sweep", "sweep.yaml", "--count", "2", "--multi-hop", "0", "--yes",
         "--accept-all"), 0,
    ),
    "evidence suggest": (("leave@1", "--accept-all"), 0),
    "judge label": (("sweep.yaml", "--labeller", "ana", "--sample", "2", "--export", "labels.csv"), 0),
    "judge compare": (("sweep.yaml", "judge", "--reason", "none"), 0),
    "judge report": (("sweep.yaml",), 1),
    "store show": ((), 0),
    "store check": ((), 0),
    "transforms suggest": (("leave@1",), 0),
}  # fmt: skip
"""Words of each verb with the status it ends with. A judge that nobody labelled for is not validated: status 1."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two versions of a set, two finished sweeps, a bundle and the answers of another system."""
    folder = tmp_path_factory.mktemp("json")
    (folder / "documents").mkdir()
    for name, text in TEXTS.items():
        (folder / "documents" / name).write_text(text, encoding="utf-8")
    rows = [{"question": question, "answer": answer} for question, answer in QUESTIONS]
    write(folder, rows)
    (folder / "answers.csv").write_text("question,answer\n" + "".join(f"{q},{a}\n" for q, a in QUESTIONS), "utf-8")
    with pytest.MonkeyPatch.context() as patch, FakeServer() as server:
        patch.chdir(folder)
        from ragscout.data import upload
        from ragscout.plan.setup import open_store

        store = open_store("store")
        upload([folder / "documents"], blobs=store.blobs, registry=store.ledger, name="leave")
        write(folder, [*rows, {"question": "One more?", "answer": "no"}])
        upload([folder / "documents"], blobs=store.blobs, registry=store.ledger, name="leave")
        for name, size in (("sweep", 200), ("other", 80)):
            text = SWEEP.format(name=name, size=size, url=server.base_url)
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
            Sweep.load(folder / f"{name}.yaml", store).run()
        Sweep.load(folder / "sweep.yaml", store).export(folder / "best.bundle")
        yield folder


def write(folder: Path, rows: list[dict[str, str]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "documents" / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def place(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that a test may change, as the working folder."""
    shutil.copytree(measured, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    monkeypatch.setenv("RAGSCOUT_STORE", str(tmp_path / "w" / "store"))


def test_every_verb_with_json_is_tried() -> None:
    assert {" ".join(words) for words, context in verbs().items() if "--json" in options(context)} == set(USES)


@pytest.mark.parametrize("verb", USES)
def test_json_is_all_that_is_printed(verb: str, place: None, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    words, expected = USES[verb]
    if verb == "doctor":  # whether this machine is fit is not what is asked here
        monkeypatch.setattr("ragscout.cli.verbs.doctor.LEAST_DISK", 0)
    if verb == "judge compare":
        call("judge", "label", "sweep.yaml", "--labeller", "ana", "--sample", "2", typed="5\n4\n")
    status, out, errors = call(*verb.split(), *words, "--json")
    assert status == expected, errors
    found = json.loads(out)
    assert found or verb == "check"

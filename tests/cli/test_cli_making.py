"""``evidence suggest`` and ``generate-questions`` as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ragscout.testing.fake_server import FakeServer

Call = Callable[..., tuple[int, str, str]]
Said = Callable[..., tuple[int, str]]

LEAVE = "Every employee of the company gets 25 days of paid leave in a calendar year."
CARS = "The car park of the company opens at seven in the morning, and visitors use level two."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set" / "documents").mkdir(parents=True)
    (tmp_path / "set" / "documents" / "leave.md").write_text(f"# Leave\n\n{LEAVE}\n", encoding="utf-8")
    (tmp_path / "set" / "documents" / "cars.md").write_text(f"# Cars\n\n{CARS}\n", encoding="utf-8")
    rows = [
        {"id": "a", "question": "How much holiday do we get?", "references": ["25 days of paid leave"]},
        {"id": "b", "question": "When can I park?", "references": ["It opens at seven in the morning."]},
        {"id": "c", "question": "Who was the first king?", "references": ["Arthur Pendragon"]},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "set" / "questions.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def call(call: Call) -> Said:
    def run(*words: str) -> tuple[int, str]:
        status, out, err = call(*words)
        return status, out + err

    return run


def test_accept_all_makes_a_version_whose_spans_stay_suggested(folder: Path, call: Said) -> None:
    status, out = call("evidence", "suggest", "set", "--accept-all", "--json")
    figures = json.loads(out)
    assert (status, figures["questions"], figures["suggestions"], figures["taken"]) == (0, 3, 2, 2)
    assert figures["eval_set"] == "set@2"
    status, out = call("data", "export", "set@2", "jsonl", "out")
    assert status == 0, out
    rows = [json.loads(line) for line in Path("out/questions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [span["label"] for row in rows for span in row["evidence"]] == ["suggested", "suggested"]
    assert rows[0]["metadata"]["evidence_review"] == "unreviewed"
    status, out = call("evidence", "suggest", "set@2", "--accept-all", "--json")
    assert (status, json.loads(out)["questions"]) == (0, 1)


def test_the_terminal_review_goes_on_where_it_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: Said
) -> None:
    answers = iter(["a", "q"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    status, out = call("evidence", "suggest", "set")
    assert (status, "go on" in out) == (3, True)
    answers = iter(["c", "visitors use level two."])
    status, out = call("evidence", "suggest", "set@1")
    assert status == 0, out
    assert "1 of 2 are decided." in out
    assert "set@2: registered" in out


def test_a_sheet_goes_out_and_comes_back(folder: Path, call: Said) -> None:
    assert call("evidence", "suggest", "set", "--export", "r.xlsx")[0] == 0
    book = openpyxl.load_workbook("r.xlsx")
    sheet = book.active
    assert sheet is not None
    column = next(cell.column for cell in sheet[1] if cell.value == "decision")
    sheet.cell(2, column).value, sheet.cell(3, column).value = "accept", "drop"
    book.save("r.xlsx")
    status, out = call("evidence", "suggest", "set@1", "--import", "r.xlsx", "--json")
    figures = json.loads(out)
    assert (status, figures["taken"], figures["dropped"], figures["eval_set"]) == (0, 1, 1, "set@2")


def scripted(body: Mapping[str, Any]) -> str | None:
    system, user = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "JSON" in system:
        if LEAVE in user:
            return json.dumps({"question": "May I be away for a whole month?", "answer": "25 days of paid leave"})
        return json.dumps({"question": "When does the text say parking opens?", "answer": "At seven"})
    return "25 days of paid leave" if LEAVE in user else "I don't know."


def test_questions_are_written_filtered_and_registered_once_paid(folder: Path, call: Said) -> None:
    with FakeServer() as server:
        server.script = scripted
        Path("sweep.yaml").write_text(
            f'sweep: s\neval_set: set\nmodels: {{w: {{provider: openai, base_url: "{server.base_url}", model: w, '
            "price: {input: 1, output: 1, per: 1M, currency: USD}}}\n"
            "pipeline: {chunk: {use: characters, size: 400}, retriever: bm25, generate: extractive}\n"
            "network: offline\n",
            encoding="utf-8",
        )
        words = ("generate-questions", "set", "--sweep", "sweep.yaml", "--model", "w", "--multi-hop", "0")
        status, out = call(*words, "--dry-run")
        assert (status, server.stats.total) == (0, 0)
        assert "2 drafts; 6 requests to w" in out
        status, out = call(*words, "--accept-all")
        assert (status, server.stats.total) == (2, 0), "nobody agreed to the price"
        status, out = call(*words, "--accept-all", "--yes")
        assert (status, server.stats.total) == (0, 4), out
        assert "set@2: registered with 1 synthetic questions." in out
        assert "self_contained      1 of    2 dropped" in out
        status, out = call(
            *(word.replace("set", "set@1") for word in words[:2]),
            *words[2:],
            "--accept-all",
            "--yes",
        )
        assert (status, server.stats.total) == (0, 4), "what was asked before is not asked again"
    status, out = call("data", "export", "set@2", "jsonl", "out")
    row = json.loads(Path("out/questions.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (row["slice"], row["metadata"]["origin"], row["metadata"]["review"]) == (
        "synthetic",
        "synthetic",
        "unreviewed",
    )


def test_an_unknown_model_is_one_message(folder: Path, call: Said) -> None:
    status, out = call("generate-questions", "set", "--model", "qwen2.5-coder-0.5")
    assert status == 2
    assert "qwen2.5-coder-0.5b" in out

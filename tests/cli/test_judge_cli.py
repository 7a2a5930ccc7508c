"""``ragscout judge`` as a user meets it: label in the terminal or a sheet, report, compare, the badge on the board."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragscout.curate.label_sheet import SheetRow, level_of, read_sheet, write_sheet
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

ROOT = Path(__file__).parents[2]
TEXT = """
sweep: judged
eval_set: {root}/eval_sets/handbook-en
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
  judge: {{provider: openai, base_url: "{url}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
  other: {{provider: openai, base_url: "{url}", model: gpt-other, price: {{input: 3, output: 6, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: [120, 400], overlap: 0}}
  retriever: bm25
  prompt: {{use: template, passages: 2}}
  generate: [extractive, {{use: chat, model: writer, max_tokens: 32}}]
measure: {{answer: [token_f1, {{use: judge, model: judge, criteria: [correctness]}}]}}
goal: {{maximize: judge.correctness}}
search: grid
network: offline
"""
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, server: FakeServer) -> Path:
    """A folder with a sweep that has run; tests copy its store."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "sweep.yaml").write_text(TEXT.format(root=ROOT, url=server.base_url), encoding="utf-8")
    Sweep.load(folder / "sweep.yaml", folder / "store").run()
    return folder


@pytest.fixture
def place(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    shutil.copytree(measured, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    monkeypatch.setenv("RAGSCOUT_STORE", str(tmp_path / "w" / "store"))
    return tmp_path / "w"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def sheet(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, label: Callable[[dict[str, str]], str]) -> None:
    rows = sheet(path)
    for row in rows:
        row["label"] = label(row)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def overlap(row: dict[str, str]) -> str:
    """A stand-in for a person: words of the first reference that the answer holds, on five levels."""
    reference = set(re.findall(r"\w+", row["reference"].split("\n")[0].lower()))
    answer = set(re.findall(r"\w+", row["answer"].lower()))
    return str(1 + round(4 * len(reference & answer) / len(reference)))


def test_terminal_labels_are_kept_one_by_one_and_resume(place: Path, call: Call) -> None:
    status, out, errors = call(
        "judge", "label", "sweep.yaml", "--labeller", "ana", "--sample", "8", typed="5\ns\n7\n1\nq\n"
    )
    assert status == 0, errors
    assert "Question:" in out and "Reference answer:" in out and "Answer:" in out and "5 = same meaning" in out
    assert "7 is no key here" in out
    assert "ana: 2 of 8 labelled" in out
    for hidden in ("gpt-writer", "extractive", "chunk", "level"):
        assert hidden not in out.replace("ragscout judge", ""), "blind"
    status, out, _ = call("judge", "label", "sweep.yaml", "--labeller", "ana", "--sample", "8", typed="2\n" * 20)
    assert "ana: 8 of 8 labelled" in out
    assert out.count("Question:") == 6, "what was labelled is not asked again"
    status, out, _ = call("judge", "label", "sweep.yaml", "--labeller", "ana", "--sample", "8", "--json", typed="")
    assert json.loads(out)["labelled"] == 8
    status, out, _ = call("judge", "label", "sweep.yaml", "--labeller", "민지", "--sample", "4", "--scale", "right",
                          "--language", "ko", typed="y\nn\no\nx\n")  # fmt: skip
    assert "맞음" in out and "민지: 4개 중 4개 채점" in out


def test_sheet_goes_out_blind_and_comes_back(place: Path, call: Call) -> None:
    import openpyxl

    status, out, errors = call(
        "judge", "label", "sweep.yaml", "--export", "blind.xlsx", "--labeller", "ana", "--sample", "12"
    )
    assert status == 0, errors
    book = openpyxl.load_workbook(place / "blind.xlsx")
    rows = list(book["answers"].iter_rows(values_only=True))
    assert rows[0] == ("id", "question", "reference", "answer", "label", "comment")
    assert len(rows) == 13
    assert "gpt-writer" not in str(rows) and "extractive" not in str(rows)
    assert any("same meaning" in str(row) for row in book["how to label"].iter_rows(values_only=True))
    for number in range(2, 10):
        book["answers"].cell(number, 5).value = [5, "right", "틀림", "3/5", "1점", 4.0, "wrong", "O"][number - 2]
    book.save(place / "done.xlsx")
    status, out, errors = call(
        "judge", "label", "sweep.yaml", "--import", "done.xlsx", "--labeller", "ana", "--sample", "12", "--json"
    )
    assert status == 0, errors
    found = json.loads(out)
    assert (found["new"], found["empty"], found["unknown"], found["labelled"]) == (8, 4, 0, 8)
    again = call("judge", "label", "sweep.yaml", "--import", "done.xlsx", "--labeller", "ana", "--json")
    assert json.loads(again[1])["unchanged"] == 8


def test_a_wrong_label_is_one_message_and_changes_nothing(place: Path, call: Call) -> None:
    call("judge", "label", "sweep.yaml", "--export", "s.csv", "--labeller", "ana", "--sample", "5")
    fill(place / "s.csv", lambda row: "excellent")
    status, _, errors = call("judge", "label", "sweep.yaml", "--import", "s.csv", "--labeller", "ana")
    assert status == 2
    assert "line 2" in errors and "excellent" in errors and "Traceback" not in errors
    status, out, _ = call("judge", "report", "sweep.yaml", "--json")
    assert json.loads(out)["labels"] == 0
    (place / "other.csv").write_text("question,answer\na,b\n", encoding="utf-8")
    status, _, errors = call("judge", "label", "sweep.yaml", "--import", "other.csv")
    assert status == 2 and "id" in errors
    status, _, errors = call("judge", "label", "sweep.yaml", "--export", "s.txt")
    assert status == 2 and ".xlsx" in errors
    status, _, errors = call("judge", "label", "sweep.yaml", "--criterion", "corectness")
    assert status == 2 and "correctness" in errors


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_sheet_holds_any_text(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"sheet.{suffix}"
    texts = ("=cmd|' /C calc'!A0", "@SUM(A1)", "＝1+1", "a\x00b\ud800c", "가" * 50_000)
    write_sheet(path, [SheetRow(f"={number}", "q", ("r",), text, label="5") for number, text in enumerate(texts)], [])
    found = read_sheet(path)
    assert [row.id for row in found] == [f"={number}" for number in range(5)]
    assert [row.answer for row in found[:4]] == [*texts[:3], "a b c"]
    assert found[4].answer.startswith("가가") and len(found[4].answer) < 32_767 and found[4].answer.endswith("[…]")


def test_labels_are_read_as_people_write_them() -> None:
    assert level_of("0", 5) is level_of("6", 5) is level_of("4/10", 5) is level_of("", 5) is None
    assert level_of("정답", 5) == (2, 2)


def label_all(place: Path, call: Call, who: str = "ana", judge: Callable[[dict[str, str]], str] = overlap) -> None:
    status, _, errors = call("judge", "label", "sweep.yaml", "--export", "all.csv", "--labeller", who, "--sample", "60")
    assert status == 0, errors
    fill(place / "all.csv", judge)
    status, _, errors = call("judge", "label", "sweep.yaml", "--import", "all.csv", "--labeller", who, "--sample", "60")
    assert status == 0, errors


def test_report_and_badge(place: Path, call: Call) -> None:
    status, out, _ = call("judge", "report", "sweep.yaml")
    assert status == 1 and "Not calibrated: 30 more labels" in out
    status, out, _ = call("board", "sweep.yaml")
    assert "judge not calibrated" in out and "⚠" in out
    label_all(place, call)
    label_all(place, call, "민지", lambda row: "1")
    status, out, errors = call("judge", "report", "sweep.yaml")
    assert status in (0, 1), errors
    for shown in (
        "kappa (right or wrong)",
        "AC1",
        "weighted kappa",
        "false pass",
        "bias for",
        "doubling",
        "ana and 민지",
    ):
        assert shown in out, out
    status, out, _ = call("judge", "report", "sweep.yaml", "--language", "ko")
    assert "가중 kappa" in out and "편향" in out
    status, out, _ = call("judge", "report", "sweep.yaml", "--json")
    found = json.loads(out)
    assert found["labellers"] == ["ana", "민지"]
    assert found["answers"] >= 30 and found["labels"] == 2 * found["answers"]
    assert {item["model"] for item in found["bias"]} == {"", "extractive", "writer"}
    assert found["disputed"]
    status, out, _ = call("board", "sweep.yaml", "--json")
    judges = json.loads(out)["judges"]
    assert judges[0]["labels"] == found["answers"]
    assert judges[0]["state"] == found["state"] != "not_calibrated"
    assert any("judge.correctness.corrected" in row["figures"] for row in json.loads(out)["rows"])


def test_compare_ranks_judges_and_reason_modes(place: Path, call: Call, server: FakeServer) -> None:
    status, _, errors = call("judge", "compare", "sweep.yaml", "judge")
    assert status == 2 and "nobody labelled" in errors
    label_all(place, call)
    before = server.stats.total
    status, out, errors = call("judge", "compare", "sweep.yaml", "judge", "other", "--json")
    assert status == 0, errors
    found = json.loads(out)
    assert [row["rank"] for row in found["rows"]] == [1, 2, 3, 4, 5, 6]
    assert {(row["judge"], row["reason"]) for row in found["rows"]} == {
        (name, mode) for name in ("judge", "other") for mode in ("none", "before", "after")
    }
    values = [row["report"]["value"]["value"] for row in found["rows"]]
    assert values == sorted(values, reverse=True)
    assert all(row["failed"] == row["open"] == 0 for row in found["rows"])
    price = {row["judge"]: row["money_per_1000"] for row in found["rows"] if row["reason"] == "none"}
    assert price["other"] == pytest.approx(3 * price["judge"])
    assert server.stats.total - before == 5 * found["answers"], "the sweep's own judgements are not asked again"
    before = server.stats.total
    status, out, _ = call("judge", "compare", "sweep.yaml", "judge", "other", "--anchors", "ends", "--levels", "5")
    assert status == 0 and server.stats.total == before, "nothing is asked twice"
    assert "per 1,000" in out and "before" in out
    status, out, _ = call("judge", "compare", "sweep.yaml", "judge", "--answers", "5", "--json")
    assert json.loads(out)["answers"] == 5
    status, _, errors = call("judge", "compare", "sweep.yaml", "jugde")
    assert status == 2 and "judge" in errors


def test_labels_serve_a_changed_sweep_file(place: Path, call: Call) -> None:
    """Another reason mode is another sweep, whose answers and labels are there already."""
    label_all(place, call)
    text = (place / "sweep.yaml").read_text("utf-8")
    (place / "changed.yaml").write_text(
        text.replace("criteria: [correctness]", "criteria: [correctness], reason: before")
    )
    status, out, errors = call(
        "judge", "label", "changed.yaml", "--labeller", "ana", "--sample", "10", "--json", typed=""
    )
    assert status == 0, errors
    assert '"labelled": 10' in out
    status, out, errors = call("judge", "compare", "changed.yaml", "judge", "--reason", "none", "--json")
    assert status == 0, errors
    assert json.loads(out)["answers"] >= 30


def test_a_sweep_that_was_stopped_is_a_pilot(place: Path, call: Call) -> None:
    text = (place / "sweep.yaml").read_text("utf-8").replace("sweep: judged", "sweep: pilot")
    (place / "pilot.yaml").write_text(text + "budget: {calls: 12}\n", encoding="utf-8")
    status, _, errors = call("judge", "label", "pilot.yaml", "--store", "fresh", typed="5\n")
    assert status == 2 and "ragscout sweep pilot.yaml" in errors, "nothing was answered yet"
    result = Sweep.load(place / "pilot.yaml", place / "fresh").run()
    assert sum(row.answered for row in result.board.rows) < 100, "the budget ended it before 5 rows had 20 answers"
    status, out, errors = call("judge", "label", "pilot.yaml", "--store", "fresh", "--sample", "6", typed="5\n" * 6)
    assert status == 0, errors
    assert "6 of 6 labelled" in out


def test_the_judge_that_writes_is_flagged(place: Path, call: Call) -> None:
    text = (place / "sweep.yaml").read_text("utf-8")
    (place / "self.yaml").write_text(text.replace("model: judge,", "model: writer,"), encoding="utf-8")
    Sweep.load(place / "self.yaml", place / "store").run()
    _, out, _ = call("board", "self.yaml", "--json")
    board = json.loads(out)
    assert board["judges"][0]["candidate"]
    marked = {row["knobs"]["generate"] for row in board["rows"] if "own_judge" in row["marks"]}
    assert marked == {"writer"}


def test_mlflow_wears_the_badge(place: Path) -> None:
    from ragscout.record.row_states import RowStates
    from ragscout.record.runs import parent_state

    snapshot = Sweep.load(place / "sweep.yaml", place / "store").view.snapshot()
    parent = parent_state(snapshot, b"")
    assert "the judge is not calibrated" in parent.tags["mlflow.note.content"]
    assert parent.tags["badge.judge.correctness"] == "judge not calibrated"
    assert all(state.tags["badge.judge.correctness"] == "judge not calibrated" for state in RowStates().of(snapshot))


def test_commands_of_the_page_run(place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/judging.md, in order, on a sweep with endpoints on loopback."""
    page = (ROOT / "docs" / "judging.md").read_text("utf-8")
    ran = 0
    for block in re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if not words:
                continue
            assert words[0] == "ragscout", line
            if "--import" in words and (place / "answers.xlsx").exists():
                by_hand(place / "answers.xlsx")
            status, _, errors = call(*words[1:], typed="5\n2\nq\n")
            assert status in (0, 1), f"{line}\n{errors}"
            ran += 1
    assert ran >= 8


def by_hand(path: Path) -> None:
    import openpyxl

    book = openpyxl.load_workbook(path)
    for number in range(2, book["answers"].max_row + 1):
        book["answers"].cell(number, 5).value = 1 + number % 5
    book.save(path)

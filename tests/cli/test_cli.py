"""The command line as a user meets it: one clear message for each mistake, exit status 2, no stack trace."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[2]
GOOD = f"""sweep: t
eval_set: {ROOT}/eval_sets/handbook-en
pipeline:
  chunk: {{use: characters, size: [200, 400], overlap: 10%}}
  retriever: bm25
  generate: extractive
measure: {{answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: grid
"""


BAD = {
    "unknown step": ("use: characters", "use: caracters", "characters"),
    "misspelt parameter": ("size:", "sise:", "size"),
    "overlap not below size": ("overlap: 10%", "overlap: 400", "overlap"),
    "axis without values": ("[200, 400]", "[]", "no values"),
    "unknown key": ("search: grid", "serach: grid", "search"),
    "unknown search": ("search: grid", "search: gird", "grid"),
    "unmeasured goal": ("maximize: token_f1", "maximize: blue", "token_f1"),
    "unknown set": ("handbook-en", "handbook-xx", "handbook-xx"),
    "wrong type": ("[200, 400]", "many", "size"),
    "bad yaml": ("measure: {", "measure: {{", "t.yaml"),
    "grid beyond the limit": ("[200, 400]", "[" + ", ".join(map(str, range(100, 30100))) + "]", "20"),
    "secret in the file": (
        "search: grid",
        "models: {m: {provider: openai, model: x, api_key: sk-abcdefghijklmnop}}",
        "key_env",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_message(case: str, tmp_path: Path, call: Call) -> None:
    old, new, hint = BAD[case]
    assert old in GOOD
    path = tmp_path / "t.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    status, _, errors = call("sweep", str(path), "--store", str(tmp_path / "s"), "--no-mlflow")
    assert status == 2, errors
    assert errors.startswith("ragscout: ") and hint in errors
    assert "Traceback" not in errors
    assert "sk-abcdefghijklmnop" not in errors


def test_plan_sweep_board_and_export(tmp_path: Path, call: Call) -> None:
    path, store = tmp_path / "t.yaml", str(tmp_path / "s")
    path.write_text(GOOD, encoding="utf-8")
    status, out, _ = call("plan", str(path), "--store", store, "--json")
    plan = json.loads(out)
    assert status == 0 and plan["configurations"] == 2 and plan["leaving"] == []
    status, out, _ = call("sweep", str(path), "--store", store, "--no-mlflow")
    assert status == 0 and "Recommended" in out and "Requests sent in this run: none" in out
    status, out, _ = call("board", str(path), "--store", store, "--json")
    assert status == 0 and len(json.loads(out)["rows"]) == 2
    status, out, _ = call("board", str(path), "--store", store, "--language", "ko")
    assert status == 0 and "추천" in out
    for name in ("b.md", "b.csv", "b.json"):
        target = tmp_path / name
        status, _, _ = call("board", str(path), "--store", store, "-o", str(target))
        assert status == 0 and target.stat().st_size > 200
    bundle = tmp_path / "b.bundle"
    status, _, errors = call("export", str(path), "--store", store, "-o", str(bundle), "--row", "1")
    assert status == 0, errors
    status, out, _ = call("ask", str(bundle), "How many days of leave are there?")
    assert status == 0 and out.strip()
    status, out, _ = call("verify", str(bundle), "--limit", "5")
    assert status == 0, out


def test_init_on_a_folder_with_an_excel_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    """Korean headers, a workbook, a folder of documents: a sweep file of at most 15 lines that runs with no edit."""
    import openpyxl

    documents = tmp_path / "문서"
    documents.mkdir()
    (documents / "휴가.txt").write_text("연차휴가는 1년에 15일이다. 휴가는 2주 전에 신청한다.", encoding="cp949")
    (documents / "경비.md").write_text("# 경비\n\n경비는 10일 안에 지급한다. 영수증이 있어야 한다.", encoding="utf-8")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("질문", "정답"), ("연차는 며칠인가요?", "15일"), ("경비는 언제 받나요?", "10일 안에 받는다.")):
        sheet.append(row)
    book.save(tmp_path / "질문.xlsx")
    monkeypatch.chdir(tmp_path)
    store = str(tmp_path / "s")
    status, out, errors = call("init", "문서", "질문.xlsx", "--store", store)
    assert status == 0, errors
    assert "2" in out and "ko" in out
    text = (tmp_path / "sweep.yaml").read_text("utf-8")
    assert len(text.splitlines()) <= 15 and "#" in text
    status, out, errors = call("sweep", "sweep.yaml", "--store", store, "--no-mlflow")
    assert status == 0, errors
    assert "추천" in out, "the board speaks the language of the questions"
    status, _, errors = call("init", "문서", "질문.xlsx", "--store", store)
    assert status == 2 and "--force" in errors


def test_listing_verbs(tmp_path: Path, call: Call) -> None:
    store = str(tmp_path / "s")
    status, out, _ = call("steps", "chunk")
    assert status == 0 and re.search(r"characters\(.*size=", out)
    status, out, _ = call("models", "--json")
    assert status == 0 and any(row["alias"] == "minilm" for row in json.loads(out))
    status, out, _ = call("upload", f"{ROOT}/eval_sets/handbook-ko", "--store", store)
    assert status == 0 and "40" in out
    status, out, _ = call("data", "ls", "--store", store)
    assert status == 0 and "handbook-ko@1" in out
    status, _, errors = call("data", "show", "nothing", "--store", store)
    assert status == 2 and "nothing" in errors
    status, out, _ = call("store", "check", "--store", store)
    assert status == 0 and "No damage" in out

"""What is exported reads back as the same questions."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ragscout.cli.main import main
from ragscout.data import EXPORT_FORMATS, diff, export
from ragscout.data.documents import parse_files
from ragscout.model.errors import EvalSetError, UnknownNameError

SETS = Path(__file__).parents[2] / "eval_sets"


@pytest.fixture
def held(store: Any) -> Any:
    eval_set = store.upload(SETS / "handbook-ko").eval_set
    return eval_set, parse_files(eval_set.files, store.blobs, [])


def test_jsonl_is_lossless(held: Any, store: Any, tmp_path: Path) -> None:
    eval_set, documents = held
    export(eval_set, "jsonl", tmp_path, documents)
    again = store.upload(tmp_path, name="again").eval_set
    assert diff(eval_set, again).comparable == eval_set.count
    assert again.questions_ == eval_set.questions_


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_round_trip(name: str, held: Any, store: Any, tmp_path: Path) -> None:
    eval_set, documents = held
    files = export(eval_set, name, tmp_path, documents)
    assert all(path.is_file() for path in files)
    again = store.upload(tmp_path, name="again")
    kept = {question.text: question for question in again.eval_set.questions_}
    for question in eval_set.questions_:
        if name == "beir" and not question.answerable:
            continue  # a query without a judgement has no place in BEIR
        found = kept[question.text]
        gold = {span.document for span in question.evidence}
        if name == "squad":
            assert set(found.references) <= {span.quote for span in question.evidence}
        elif name in ("ragas", "deepeval"):
            assert found.references == question.references[:1]
        else:
            assert found.references == question.references
        if name in ("beir", "autorag", "csv", "xlsx"):
            assert set(found.documents) == gold
        if name in ("csv", "squad", "jsonl", "xlsx"):
            assert found.answerable == question.answerable
        if name in ("csv", "ragas", "xlsx", "deepeval"):
            assert [span.quote for span in found.evidence] == [span.quote for span in question.evidence]


def test_nothing_is_overwritten(held: Any, tmp_path: Path) -> None:
    eval_set, documents = held
    export(eval_set, "csv", tmp_path)
    with pytest.raises(EvalSetError, match="there already"):
        export(eval_set, "csv", tmp_path)
    with pytest.raises(EvalSetError, match="squad holds documents too"):
        export(eval_set, "squad", tmp_path / "s")
    with pytest.raises(UnknownNameError, match="Did you mean 'squad'"):
        export(eval_set, "sqad", tmp_path, documents)


def test_csv_opens_in_excel(held: Any, tmp_path: Path) -> None:
    assert export(held[0], "csv", tmp_path)[0].read_bytes().startswith(b"\xef\xbb\xbf")


FORMULAS = ["=1+1", "+cmd|'/c calc'!A0", "-2+3", "@SUM(A1)", "\tx", "'=kept", "-5", "+82", "-3.5%", "'평문", "=질문?"]


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_no_cell_is_a_formula(name: str, store: Any, write: Any, tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": f"질문 {n}?", "answer": text} for n, text in enumerate(FORMULAS)]
    first = store.upload(write("q.jsonl", "\n".join(map(json.dumps, rows))), name="mine").eval_set
    file = export(first, name, tmp_path / "out")[0]
    if name == "csv":
        cells = [cell for row in csv.reader(file.read_text("utf-8-sig").splitlines()) for cell in row]
        assert [cell for cell in cells if cell[:1] in "=+-@\t" and cell] == ["-5", "+82", "-3.5%"]
    else:
        sheet = openpyxl.load_workbook(file).active
        assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    again = store.upload(file, name="again").eval_set
    assert [q.references for q in again.questions_] == [q.references for q in first.questions_]


def test_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ragscout", *words, "--store", str(tmp_path / "store")])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 0
        return capsys.readouterr().out

    call("upload", str(SETS / "handbook-ko"))
    shown = json.loads(call("data", "export", "handbook-ko", "beir", str(tmp_path / "내보냄"), "--json"))
    assert [Path(path).name for path in shown["files"]] == ["corpus.jsonl", "queries.jsonl", "test.tsv"]
    assert all(Path(path).is_file() for path in shown["files"])
    monkeypatch.setattr(
        sys, "argv", ["ragscout", "data", "export", "handbook-ko", "csw", "x", "--store", str(tmp_path / "none")]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2

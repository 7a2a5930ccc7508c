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
from ragscout.data import EXPORT_FORMATS, diff, export, not_held
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
        if name in ("beir", "korquad", "hotpotqa") and not question.answerable:
            assert name != "beir" or not question.evidence
            continue  # no place for a question without a judgement, or without an answer
        found = kept[question.text]
        gold = {span.document for span in question.evidence}
        if name in ("squad", "korquad"):
            assert set(found.references) <= {span.quote for span in question.evidence}
        elif name in ("ragas", "deepeval", "llama-index", "hotpotqa"):
            assert found.references == question.references[:1]
        else:
            assert found.references == question.references
        if name in ("beir", "autorag", "csv", "xlsx", "flashrag", "mlflow", "hotpotqa", "clapnq", "ai4rag"):
            assert set(found.documents) == gold
        if name in ("csv", "squad", "jsonl", "xlsx", "flashrag", "mlflow", "clapnq"):
            assert found.answerable == question.answerable
        if name in ("squad", "korquad"):
            first = question.evidence[0].document if question.evidence else ""
            wanted = {(s.document, s.start, s.end) for s in question.evidence if s.document == first}
            assert {(s.document, s.start, s.end) for s in found.evidence} == wanted
        if name == "hotpotqa":
            assert all(
                any(s.document == f.document and s.quote in f.quote for f in found.evidence) or "\n" in s.quote
                for s in question.evidence
            )
        if name in ("csv", "ragas", "xlsx", "deepeval", "llama-index", "mlflow", "clapnq"):
            assert [span.quote for span in found.evidence] == [span.quote for span in question.evidence]


ROWS = [
    {"id": "007", "question": "연차는 며칠인가요?", "references": ["15일", "열닷새"], "type": "factoid",
     "slice": "인사",
     "evidence": [{"document": "휴가", "quote": "연차는 15일이다.", "group": 0},
                  {"document": "rules", "quote": "Leave is 15 days.", "group": 0}]},
    {"id": "b", "question": "Both?", "references": ["10 km, 15 days"], "metadata": {"origin": "synthetic"},
     "evidence": [{"document": "rules", "quote": "Trips start at 10 km.", "group": 0},
                  {"document": "rules", "quote": "Leave is 15 days.", "group": 1}]},
    {"id": "c", "question": "Moon?", "references": [], "answerable": False},
    {"id": "d", "question": "No reference?", "references": [],
     "evidence": [{"document": "rules", "quote": "Trips start at 10 km."}]},
]  # fmt: skip
CORPUS = [
    {"doc_id": "휴가", "title": "휴가 규정", "text": '"머리말"\n연차는 15일이다. 그 밖의 휴가는 따로 정한다.'},
    {"doc_id": "rules", "text": "Leave is 15 days. Trips start at 10 km. Ask first."},
    {"doc_id": "other", "text": "Nobody asks about this."},
]


@pytest.fixture
def mixed(store: Any, write: Any) -> Any:
    """Alternatives and needed pieces, two languages, an unanswerable question, one without a reference."""
    for file, rows in (("in/questions.jsonl", ROWS), ("in/corpus.jsonl", CORPUS)):
        path = write(file, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    eval_set = store.upload(path.parent, name="mixed").eval_set
    return eval_set, parse_files(eval_set.files, store.blobs, [])


LEFT_OUT = {
    "korquad": {"Moon?"},
    "hotpotqa": {"Moon?", "No reference?"},
    "clapnq": {"No reference?"},
    "beir": {"Moon?"},
}
WITH_DOCUMENTS = {
    "jsonl": 3,
    "squad": 3,
    "korquad": 3,
    "beir": 3,
    "autorag": 3,
    "flashrag": 3,
    "hotpotqa": 2,
    "clapnq": 2,
}


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_set_of_every_kind(name: str, mixed: Any, store: Any, tmp_path: Path) -> None:
    eval_set, documents = mixed
    export(eval_set, name, tmp_path / "out", documents)
    again = store.upload(tmp_path / "out", name="again")
    kept = {question.text: question for question in again.eval_set.questions_}
    left_out = LEFT_OUT.get(name, set())
    assert set(kept) == {row["question"] for row in ROWS} - left_out
    assert again.report.documents == WITH_DOCUMENTS.get(name, 0)
    said = not_held(eval_set, name)
    assert said.count("\n") == 0 and bool(said) == (name != "jsonl")
    assert (f"{len(left_out)} of 4 questions" in said) == bool(left_out)
    if name not in ("ragas", "deepeval", "llama-index"):
        assert kept["Both?"].id == "b"
    both = kept["Both?"]
    if name in ("jsonl", "hotpotqa", "llama-index", "mlflow", "clapnq", "ragas", "deepeval", "csv", "xlsx"):
        assert [(s.quote, s.group) for s in both.evidence] == [
            (s.quote, s.group) for s in eval_set.questions_[1].evidence
        ]
    alternatives = kept["연차는 며칠인가요?"]
    if name in ("jsonl", "autorag"):
        assert {s.group for s in alternatives.evidence} == {0} and len(alternatives.evidence) == 2
    if name == "hotpotqa":
        assert [s.document for s in alternatives.evidence] == ["휴가"]
    if name in ("flashrag", "mlflow", "jsonl", "csv"):
        assert (alternatives.type, alternatives.slice) == ("factoid", "인사")
        assert not kept["Moon?"].answerable and kept["No reference?"].answerable
    if name == "llama-index":
        assert both.meta["origin"] == "synthetic" and "origin" not in alternatives.meta


def test_a_quote_without_offsets_gets_them(mixed: Any, tmp_path: Path) -> None:
    eval_set, documents = mixed
    (file,) = export(eval_set, "korquad", tmp_path / "out", documents)
    whole = json.loads(file.read_text("utf-8"))
    assert whole["version"] == "KorQuAD_v1.0"
    context = {article["title"]: article["paragraphs"][0]["context"] for article in whole["data"]}
    answers = [
        (article["title"], answer)
        for article in whole["data"]
        for qa in article["paragraphs"][0]["qas"]
        for answer in qa["answers"]
    ]
    assert len(answers) == 4
    assert all(context[at][a["answer_start"] :].startswith(a["text"]) for at, a in answers)


def test_flashrag_titles(mixed: Any, store: Any, tmp_path: Path) -> None:
    eval_set, documents = mixed
    export(eval_set, "flashrag", tmp_path / "out", documents)
    again = store.upload(tmp_path / "out", name="again").eval_set
    read = {document.id: document for document in parse_files(again.files, store.blobs, [])}
    assert {name: document.title for name, document in read.items()} == {
        "휴가": "휴가 규정", "rules": "rules", "other": "other"
    }  # fmt: skip
    assert {name: document.text for name, document in read.items()} == {d.id: d.text for d in documents}


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
FORMULAS += ["＝1+1", "＋1+1", "－1+1", "＠SUM(A1)", " =1", "\u200b=1", "\ufeff=1", "\u202e=1", "''=kept", "' =1"]


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
    assert shown["not_held"].startswith("beir does not hold: ")
    assert "hotpotqa does not hold: " in call("data", "export", "handbook-ko", "hotpotqa", str(tmp_path / "out"))
    monkeypatch.setattr(
        sys, "argv", ["ragscout", "data", "export", "handbook-ko", "csw", "x", "--store", str(tmp_path / "none")]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2

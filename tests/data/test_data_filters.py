"""Metadata columns and filters: read, kept, checked, exported, obeyed by retrieval, leaks counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragscout.data import export, load_manifest
from ragscout.data.documents import parse_files
from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import Document, Question
from ragscout.model.outcome import Hit, Query, Ranking
from ragscout.model.step import make
from ragscout.model.values import Corpus, codec
from ragscout.testing.steps import FakeRuntime, run

Write = Callable[..., Path]
CORPUS = (
    "doc_id,text,부서,연도\na,연차는 15일이다,인사,2026\nb,연차는 20일이다,총무,2026\nc,연차는 25일이다,인사,2025\n"
)


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("부서=인사", {"부서": ("인사",)}),
        ("부서 = 인사 ; 연도=2025|2026", {"부서": ("인사",), "연도": ("2025", "2026")}),
        ('{"부서": "인사", "연도": [2025, 2026]}', {"부서": ("인사",), "연도": ("2025", "2026")}),
        ("", {}),
    ],
)
def test_filters_are_read(written: str, held: dict[str, Any], store: Any, write: Write) -> None:
    write("set/corpus.csv", CORPUS)
    rows = json.dumps({"질문": "연차는?", "정답": "15일", "필터": written, "난이도": "하"}, ensure_ascii=False)
    done = store.upload(write("set/q.jsonl", rows).parent)
    (question,) = done.eval_set.questions_
    assert question.filter == held and question.meta == {"난이도": "하"}
    assert load_manifest(store.blobs, done.eval_set.digest).questions_ == done.eval_set.questions_
    assert (question.text_key == Question("x", "연차는?").text_key) == (not held)


def test_a_bad_filter_names_its_place(store: Any, write: Write) -> None:
    with pytest.raises(EvalSetError, match=r"q\.csv:3, column 'filter': .* got '인사'"):
        store.upload(write("q.csv", "question,answer,filter\na?,x,부서=인사\nb?,y,인사\n"))


def test_filters_that_cannot_be_right_are_said(store: Any, write: Write) -> None:
    write("set/corpus.csv", CORPUS)
    rows = "id,question,answer,doc_id,filter\n1,a?,x,a,부서=총무\n2,b?,y,b,부서=없음\n3,c?,z,b,부서=총무\n"
    done = store.upload(write("set/q.csv", rows).parent)
    found = {item.kind: item for item in done.report.warnings}
    assert found["filter_nowhere"].rows == ("2 (부서=없음)",) and "부서, 연도" in found["filter_nowhere"].remedy
    assert found["filter_forbids_gold"].rows == ("1 (부서=총무): a",)


@pytest.mark.parametrize("name", ["jsonl", "csv", "xlsx"])
def test_filters_and_metadata_survive_an_export(name: str, store: Any, write: Write, tmp_path: Path) -> None:
    write("set/corpus.csv", CORPUS)
    rows = "question,answer,filter,난이도\na?,x,부서=인사; 연도=2025|2026,하\nb?,y,,상\n"
    first = store.upload(write("set/q.csv", rows).parent).eval_set
    documents = parse_files(first.files, store.blobs, [])
    export(first, name, tmp_path / "out", documents)
    again = store.upload(tmp_path / "out", name="again").eval_set
    assert [q.filter for q in again.questions_] == [q.filter for q in first.questions_]
    if name == "jsonl":
        assert [q.meta for q in again.questions_] == [{"난이도": "하"}, {"난이도": "상"}]
        assert [item.meta for item in parse_files(again.files, store.blobs, [])] == [item.meta for item in documents]


DOCUMENTS = tuple(
    Document(f"{n}", f"연차 휴가 규정 {n} annual leave", "", {"부서": "인사" if n % 3 else "총무"}) for n in range(30)
)
ASKED = [
    Question("1", "연차 휴가 규정"),
    Question("2", "연차 휴가 규정 annual", filter={"부서": ("총무",)}),
    Question("3", "연차 휴가", filter={"부서": ("없음",)}),
]


def rankings(kind: str, tmp_path: Path, limit: int) -> tuple[Any, list[Ranking]]:
    runtime = FakeRuntime(memory_limit=limit)
    chunks = run(make("chunk", "characters"), runtime, corpus=Corpus(DOCUMENTS))
    queries = [Query((question.text,)) for question in ASKED]
    if kind == "lexical":
        value = run(make("lexicon", "bm25"), runtime, chunk=chunks)
        codec("lexicon").save(value, tmp_path)
        lexicon = codec("lexicon").load(tmp_path)
        return chunks, run(make("lexical", "bm25"), runtime, ASKED, query=queries, lexicon=lexicon)
    embedded = run(make("embed", "hashing"), runtime, chunk=chunks)
    value = run(make("index", "lancedb"), runtime, chunk=chunks, embed=embedded)
    codec("index").save(value, tmp_path)
    index = codec("index").load(tmp_path)
    return chunks, run(make("dense", "nearest"), runtime, ASKED, query=queries, index=index)


@pytest.mark.parametrize(("kind", "limit"), [("lexical", 1 << 30), ("dense", 1 << 30), ("dense", 0)])
def test_retrieval_obeys_the_filter(kind: str, limit: int, tmp_path: Path) -> None:
    chunks, (free, filtered, none) = rankings(kind, tmp_path, limit)
    assert len(free.hits) == 20 and len(filtered.hits) == 10 and none.hits == ()
    assert all(ASKED[1].admits(chunks.meta[chunks.document[hit.chunk]]) for hit in filtered.hits)
    leak = make("measure", "leak", {"k": 5})
    scores = run(leak, FakeRuntime(), ASKED, chunk=chunks, rerank=[free, filtered, none])
    assert [item["leak@5"].value for item in scores] == [0.0, 0.0, 0.0]
    broken = run(
        leak, FakeRuntime(), ASKED, chunk=chunks, rerank=[free, Ranking(tuple(Hit(n, 1.0) for n in range(9))), free]
    )
    assert [item["leak@5"].value for item in broken] == [0.0, 3.0, 5.0]


def test_a_filtered_search_gives_what_is_left_of_the_full_one(tmp_path: Path) -> None:
    runtime = FakeRuntime()
    chunks = run(make("chunk", "characters"), runtime, corpus=Corpus(DOCUMENTS))
    lexicon = run(make("lexicon", "bm25"), runtime, chunk=chunks)
    keep = lexicon.allowed(ASKED[1])
    assert isinstance(keep, np.ndarray) and keep.sum() == 10
    full = lexicon.search("연차 annual", 1000).hits
    assert lexicon.search("연차 annual", 1000, keep).hits == tuple(hit for hit in full if keep[hit.chunk])

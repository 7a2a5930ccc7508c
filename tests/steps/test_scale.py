"""Values larger than memory: the same content, whatever lies on disk; sharded BM25 scores as in one piece."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ragscout.data import upload
from ragscout.model.evalset import Document, SourceFile
from ragscout.model.offsets import Origin
from ragscout.model.step import make
from ragscout.model.values import Corpus, Source, codec
from ragscout.providers.parse import each_document, parse
from ragscout.providers.parsers import large
from ragscout.steps import batches
from ragscout.steps.batches import Documents, Spill
from ragscout.steps.chunk import codec as chunk_codec
from ragscout.steps.corpus import codec as corpus_codec
from ragscout.testing.steps import FakeRuntime, run

LATIN = ("annual", "leave", "working", "fire", "exit", "expense")
WORDS = (*LATIN, "연차", "휴가", "규정", "경비", "영수증", "신청", "병가", "퇴직")


def documents(count: int) -> list[Document]:
    rng = random.Random(3)
    return [
        Document(
            f"d{n}",
            " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 80))),
            f"제목 {n}" if n % 2 else "",
            {"부서": "인사"} if n % 3 else {},
            Origin("src", "x", ((0, 0, 3),)) if n % 5 == 0 else None,
        )
        for n in range(count)
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test's few documents exceed."""
    monkeypatch.setattr(batches, "HELD", 2000)
    monkeypatch.setattr(batches, "BATCH", 3000)
    for module in (chunk_codec, corpus_codec):
        monkeypatch.setattr(module, "HELD", 2000)
    monkeypatch.setattr(large, "LARGE", 1000)


def test_documents_on_disk_are_the_same(small: None, tmp_path: Path) -> None:
    made = documents(60)
    kept = Spill(2000).keep(iter(made))
    assert isinstance(kept, Documents) and list(kept) == made and len(kept) == 60
    assert [kept[0], kept[59], kept[-1]] == [made[0], made[59], made[59]]
    assert kept[10:13] == tuple(made[10:13]) and list(reversed(kept)) == made[::-1]
    with pytest.raises(IndexError):
        kept[60]
    assert batches.by_id(kept)["d7"] == made[7] and len(batches.by_id(kept)) == 60
    codec("corpus").save(Corpus(kept, {"x": "d1"}), tmp_path)
    again = codec("corpus").load(tmp_path)
    assert isinstance(again.documents, Documents)
    assert (list(again.documents), again.aliases) == (made, {"x": "d1"})


def test_few_documents_stay_in_memory() -> None:
    assert Spill().keep(documents(3)) == tuple(documents(3))


def test_chunks_on_disk_are_the_same(small: None, tmp_path: Path) -> None:
    made = documents(60)
    step, runtime = make("chunk", "characters", {"size": 100, "overlap": "10%"}), FakeRuntime()
    plain = run(step, runtime, corpus=Corpus(tuple(made)))
    reports = dict(runtime.reports)
    lazy = run(step, runtime, corpus=Corpus(Spill(2000).keep(made)))
    assert not isinstance(lazy.text, tuple) and runtime.reports == reports
    codec("chunk").save(lazy, tmp_path)
    for other in (lazy, codec("chunk").load(tmp_path)):
        for name in ("document", "start", "end", "text"):
            assert list(getattr(other, name)) == list(getattr(plain, name))
            assert getattr(other, name)[17] == getattr(plain, name)[17]
        assert (other.titles, other.meta, other.sources) == (plain.titles, plain.meta, plain.sources)


@pytest.mark.parametrize("tokenizer", ["bigrams", "characters"])
def test_shards_score_like_one_piece(tokenizer: str, tmp_path: Path) -> None:
    chunks = run(make("chunk", "characters", {"size": 200}), FakeRuntime(), corpus=Corpus(tuple(documents(120))))
    runtime = FakeRuntime()
    plain = run(make("lexicon", "bm25", {"tokenizer": tokenizer}), runtime, chunk=chunks)
    tokens = runtime.reports["tokens"]
    assert runtime.reports["shards"] == 1
    sharded = run(make("lexicon", "bm25", {"tokenizer": tokenizer, "max_tokens": 1000}), runtime, chunk=chunks)
    assert (runtime.reports["tokens"], runtime.reports["shards"] > 2) == (tokens, True)
    codec("lexicon").save(sharded, tmp_path)
    for lexicon in (sharded, codec("lexicon").load(tmp_path)):
        for query in ("annual leave 연차", "연차 휴가 규정 규정", "nothing here zzz", "fire", ""):
            expected = {hit.chunk: hit.score for hit in plain.search(query, 1000).hits}
            found = {hit.chunk: hit.score for hit in lexicon.search(query, 1000).hits}
            assert found == pytest.approx(expected, abs=2e-5)


ROWS = [{"doc_id": f"{n:03}", "title": f"제목 {n}", "text": f"본문 {n} " * 5, "부서": "인사"} for n in range(50)]


def table(kind: str) -> bytes:
    import csv
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode("utf-8-sig")
    if kind == "csv":
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
        return out.getvalue().encode()
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_large_files_of_rows_give_the_same_documents(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SourceFile(f"c.{kind}", "", "")
    expected = parse(file, table(kind))
    monkeypatch.setattr(large, "LARGE", 100)
    warnings: list[str] = []
    assert tuple(each_document(file, table(kind), warnings)) == expected.documents
    assert not warnings and len(expected.documents) == 50


def test_bad_rows_of_a_large_file_are_said(small: None) -> None:
    lines = table("jsonl").decode("utf-8-sig").splitlines()
    lines[10] = '{"doc_id": "x", "te'
    lines[20] = json.dumps({"doc_id": "019", "text": "other"})
    lines[30] = json.dumps({"doc_id": "e", "text": " "})
    data = "\n".join(lines).encode() + b'\n{"doc_id": "b", "text": "\xff"}\n'
    warnings: list[str] = []
    found = list(each_document(SourceFile("c.jsonl", "", ""), data, warnings))
    assert len(found) == 49
    said = " ".join(warnings)
    for part in ("line 11: not a row", "1 of 50 rows without text", "1 rows repeat an id", "1 lines hold bytes"):
        assert part in said, said


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_large_corpus_is_uploaded_row_by_row(kind: str, small: None, tmp_path: Path, store: Any) -> None:
    (tmp_path / f"corpus.{kind}").write_bytes(table(kind))
    gold = [{"doc_id": "007", "text": "본문 7 본문 7"}]
    question = {"id": "q", "question": "무엇?", "answers": ["x"], "gold_spans": gold}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question), encoding="utf-8")
    done = upload([tmp_path], blobs=store.blobs, registry=store.registry, name="large")
    assert (done.report.documents, done.eval_set.count, done.report.with_evidence) == (50, 1, 1)
    (held,) = done.eval_set.files
    assert store.blobs.held[held.sha256] == table(kind) and held.path == f"corpus.{kind}"
    source = Source(done.eval_set.files, store.blobs.read)
    corpus = run(make("corpus", "parse"), FakeRuntime(), source=source)
    assert [item.id for item in corpus.documents] == [row["doc_id"] for row in ROWS]


@pytest.fixture
def store() -> Any:
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
    from tests_data_store import Store

    return Store()

"""Each format is detected by its content and read into the same questions."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from ragscout.data.draft import formats
from ragscout.model.errors import EvalSetError, UnknownNameError

LEAVE = "연차는 최대 25일이다. 병가는 연 10일이다."
REMOTE = "Remote work is allowed three days a week. Abroad: 20 days."
CORPUS = [{"doc_id": "leave", "title": "휴가", "text": LEAVE}, {"doc_id": "remote", "title": "Remote", "text": REMOTE}]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


def arrow(rows: list[dict[str, Any]]) -> bytes:
    table, stream = pa.Table.from_pylist(rows), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def xlsx(rows: list[list[Any]], title: str = "Sheet") -> bytes:
    book, stream = Workbook(), io.BytesIO()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


TWO = [("며칠까지 쉴 수 있나요?", "25일", "leave"), ("How many days abroad?", "20 days", "remote")]
RAGAS_OLD = [{"question": q, "answer": "MODEL", "contexts": ["m"], "ground_truth": a} for q, a, _ in TWO]
HOTPOT = {
    "_id": "h1",
    "question": TWO[0][0],
    "answer": "25일",
    "type": "bridge",
    "level": "hard",
    "supporting_facts": [["휴가", 0], ["Remote", 1]],
    "context": [
        ["휴가", ["연차는 최대 25일이다. ", "병가는 연 10일이다."]],
        ["Remote", ["Remote work. ", " Abroad: 20 days."]],
    ],
}
SQUAD_QA = {"id": "s1", "question": TWO[0][0], "answers": [{"text": "25일", "answer_start": 7}]}
SQUAD = {
    "version": "KorQuAD_v1.0",
    "data": [{"title": "휴가", "paragraphs": [{"context": LEAVE, "qas": [SQUAD_QA]}]}],
}

# name of the format -> files of a folder, questions, with reference, with evidence, documents
CASES: dict[str, tuple[str, dict[str, bytes], tuple[int, int, int, int]]] = {
    "csv-english": ("csv", {"q.csv": b"Question,Answer,Doc ID\nWho?,me,\n"}, (1, 1, 0, 0)),
    "csv-korean": ("csv", {"문항.csv": "번호,질문,정답,근거 문서\n001,누구?,나,\n".encode("cp949")}, (1, 1, 0, 0)),
    "tsv": ("csv", {"q.tsv": b"id\tquestion\treference\n007\tWho, and why?\tme\n"}, (1, 1, 0, 0)),
    "xlsx-title-rows": (
        "xlsx",
        {"q.xlsx": xlsx([["2024 평가셋"], [], ["번호", "질문 (사용자)", "모범 답안"], [1, "누구?", "나"]])},
        (1, 1, 0, 0),
    ),
    "json-list": ("json", {"q.json": as_json([{"question": q, "answer": a} for q, a, _ in TWO])}, (2, 2, 0, 0)),
    "json-columns": ("json", {"q.json": as_json({"question": {"0": "a?"}, "answer": {"0": "b"}})}, (1, 1, 0, 0)),
    "json-lists": ("json", {"q.json": as_json({"question": ["a?"], "answer": ["b"]})}, (1, 1, 0, 0)),
    "jsonl": ("jsonl", {"q.jsonl": jsonl([{"query": q, "answers": [a, "x"]} for q, a, _ in TWO])}, (2, 2, 0, 0)),
    "parquet": ("parquet", {"q.parquet": parquet([{"question": q, "answer": a} for q, a, _ in TWO])}, (2, 2, 0, 0)),
    "native": (
        "ragscout",
        {
            "documents/leave.md": LEAVE.encode(),
            "questions.jsonl": jsonl(
                [
                    {
                        "id": "1",
                        "question": "a?",
                        "references": ["b"],
                        "evidence": [{"document": "leave", "quote": "25일"}],
                    }
                ]
            ),
        },
        (1, 1, 1, 1),
    ),
    "squad": ("squad", {"train.json": as_json(SQUAD)}, (1, 1, 1, 1)),
    "squad-flat": (
        "squad",
        {
            "s.parquet": parquet(
                [
                    {
                        "id": "1",
                        "title": "휴가",
                        "context": LEAVE,
                        "question": "a?",
                        "answers": {"text": ["25일"], "answer_start": [7]},
                    }
                ]
            )
        },
        (1, 1, 1, 1),
    ),
    "korquad2": (
        "squad",
        {
            "k.json": as_json(
                {
                    "data": [
                        {
                            "title": "휴가",
                            "context": LEAVE,
                            "qas": [{"id": 1, "question": "a?", "answer": {"text": "25일", "answer_start": 7}}],
                        }
                    ]
                }
            )
        },
        (1, 1, 1, 1),
    ),
    "beir": (
        "beir",
        {
            "corpus.jsonl": jsonl([{"_id": d["doc_id"], "title": "", "text": d["text"]} for d in CORPUS]),
            "queries.jsonl": jsonl([{"_id": "1", "text": "a?", "metadata": {}}, {"_id": "2", "text": "b?"}]),
            "qrels/test.tsv": b"query-id\tcorpus-id\tscore\n1\tleave\t1\n1\tremote\t0\n",
        },
        (1, 0, 1, 2),
    ),
    "autorag": (
        "autorag",
        {
            "qa.parquet": parquet(
                [{"qid": "1", "query": "a?", "retrieval_gt": [["leave", "remote"]], "generation_gt": ["b"]}]
            ),
            "corpus.parquet": parquet(
                [{"doc_id": d["doc_id"], "contents": d["text"], "metadata": {"x": 1}} for d in CORPUS]
            ),
        },
        (1, 1, 1, 2),
    ),
    "ragas-new": (
        "ragas",
        {
            "r.jsonl": jsonl(
                [{"user_input": q, "reference": a, "response": "MODEL", "retrieved_contexts": ["m"]} for q, a, _ in TWO]
            )
        },
        (2, 2, 0, 0),
    ),
    "ragas-old": ("ragas", {"r.json": as_json(RAGAS_OLD)}, (2, 2, 0, 0)),
    "deepeval": (
        "deepeval",
        {"g.json": as_json([{"input": "a?", "actual_output": "MODEL", "expected_output": "b", "context": ["p"]}])},
        (1, 1, 1, 0),
    ),
    "ai4rag": (
        "ai4rag",
        {
            "documents/leave.md": LEAVE.encode(),
            "benchmark.json": as_json(
                [{"question": "a?", "correct_answers": ["b", "c"], "correct_answer_document_ids": ["leave.md"]}]
            ),
        },
        (1, 1, 1, 1),
    ),
    "flashrag": (
        "flashrag",
        {
            "dev.jsonl": jsonl(
                [{"id": "1", "question": "a?", "golden_answers": ["b"], "metadata": {"type": "bridge"}}]
            ),
            "wiki.jsonl": jsonl([{"id": "0", "contents": '"휴가"\n' + LEAVE}]),
        },
        (1, 1, 0, 1),
    ),
    "llama-index": (
        "llama-index",
        {
            "rag_dataset.json": as_json(
                {
                    "examples": [
                        {
                            "query": "a?",
                            "query_by": {"type": "ai"},
                            "reference_contexts": ["p"],
                            "reference_answer": "b",
                        }
                    ]
                }
            )
        },
        (1, 1, 1, 0),
    ),
    "llama-index-embedding": (
        "llama-index",
        {
            "e.json": as_json(
                {"queries": {"1": "a?"}, "corpus": {"n": LEAVE}, "relevant_docs": {"1": ["n"]}, "mode": "text"}
            )
        },
        (1, 0, 1, 1),
    ),
    "hotpotqa": ("hotpotqa", {"h.json": as_json([HOTPOT])}, (1, 1, 1, 2)),
    "clapnq": (
        "clapnq",
        {
            "c.jsonl": jsonl(
                [
                    {
                        "id": "1",
                        "input": "a?",
                        "passages": [{"title": "t", "text": REMOTE, "sentences": []}],
                        "output": [{"answer": "b", "selected_sentences": ["Abroad: 20 days."]}],
                    },
                    {
                        "id": "2",
                        "input": "c?",
                        "passages": [{"title": "t", "text": REMOTE}],
                        "output": [{"answer": ""}],
                    },
                ]
            )
        },
        (2, 1, 1, 1),
    ),
    "datasets-folder": (
        "arrow",
        {
            "dataset_dict.json": b'{"splits": ["test"]}',
            "test/data-00000-of-00001.arrow": arrow([{"question": q, "answer": a} for q, a, _ in TWO]),
            "test/dataset_info.json": b"{}",
            "test/state.json": b"{}",
        },
        (2, 2, 0, 0),
    ),
    "mlflow": (
        "mlflow",
        {
            "m.json": as_json(
                [{"inputs": {"question": "a?"}, "expectations": {"expected_response": "b"}, "outputs": "MODEL"}]
            )
        },
        (1, 1, 0, 0),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_format(name: str, store: Any, write: Callable[..., Path]) -> None:
    expected, files, (questions, references, evidence, documents) = CASES[name]
    for path, data in files.items():
        write(f"set/{path}", data)
    done = store.upload(write("set/.keep", "").parent)
    report = done.report
    assert expected in {file.format for file in report.files}
    assert (report.questions, report.with_reference, report.with_evidence, report.documents) == (
        questions,
        references,
        evidence,
        documents,
    )
    assert not any("MODEL" in text for question in done.eval_set.questions_ for text in question.references)
    assert not [item for item in report.warnings if item.kind not in ("no_reference", "no_reference_column")]


def test_every_format_has_a_case() -> None:
    tested = {expected for expected, _, _ in CASES.values()}
    assert set(formats()) - tested == {"table"}  # the table format is named by its container


def test_groups_of_alternatives(store: Any, write: Callable[..., Path]) -> None:
    for path, data in CASES["autorag"][1].items():
        write(f"set/{path}", data)
    question = store.upload(write("set/.keep", "").parent).eval_set.questions_[0]
    assert question.documents == ("leave", "remote")
    assert {(span.document, span.group) for span in question.evidence} == {("leave", 0), ("remote", 0)}


def test_autorag_answers_as_json_text(store: Any, write: Callable[..., Path]) -> None:
    rows = [{"qid": "1", "query": "a?", "retrieval_gt": [["x"], ["y"]], "generation_gt": '["b", "c"]'}]
    question = store.upload(write("qa.parquet", parquet(rows))).eval_set.questions_[0]
    assert question.references == ("b", "c")
    assert question.documents == ("x", "y")


def test_hotpot_facts_are_all_needed(store: Any, write: Callable[..., Path]) -> None:
    question = store.upload(write("h.json", as_json([HOTPOT]))).eval_set.questions_[0]
    assert [(span.quote, span.group) for span in question.evidence] == [
        ("연차는 최대 25일이다.", 0),
        ("Abroad: 20 days.", 1),
    ]
    assert all(span.start is not None and span.text_digest for span in question.evidence)


def test_byte_offsets_become_code_points(store: Any, write: Callable[..., Path]) -> None:
    start = len(LEAVE[: LEAVE.index("25일")].encode())
    gold = [{"doc_id": "leave", "start": start, "end": start + len("25일".encode()), "text": "25일"}]
    write("set/corpus.jsonl", jsonl(CORPUS))
    path = write("set/q.jsonl", jsonl([{"question": "a?", "answers": ["25일"], "gold_spans": gold}]))
    done = store.upload(path.parent)
    span = done.eval_set.questions_[0].evidence[0]
    assert LEAVE[span.start : span.end] == "25일"
    assert "gold_bytes" in {item.kind for item in done.report.findings}


def test_wrong_offsets_are_placed_by_quote(store: Any, write: Callable[..., Path]) -> None:
    gold = [{"doc_id": "leave", "start": 1, "end": 4, "text": "10일"}]
    write("set/corpus.jsonl", jsonl(CORPUS))
    path = write("set/q.jsonl", jsonl([{"question": "a?", "answers": ["x"], "gold_spans": gold}]))
    done = store.upload(path.parent)
    span = done.eval_set.questions_[0].evidence[0]
    assert LEAVE[span.start : span.end] == "10일"
    assert [item.kind for item in done.report.warnings] == ["gold_by_quote"]


def test_the_nearest_of_several_places_is_taken(store: Any, write: Callable[..., Path]) -> None:
    text = "25일 그리고 나서 한참 뒤에 다시 25일"
    gold = [{"doc_id": "a", "start": 20, "end": 23, "text": "25일"}]
    write("set/corpus.jsonl", jsonl([{"doc_id": "a", "text": text}]))
    path = write("set/q.jsonl", jsonl([{"question": "a?", "answers": ["25일"], "gold_spans": gold}]))
    span = store.upload(path.parent).eval_set.questions_[0].evidence[0]
    assert span.start == text.rindex("25일")


def test_offsets_into_decomposed_text(store: Any, write: Callable[..., Path]) -> None:
    import unicodedata

    context = unicodedata.normalize("NFD", LEAVE)
    answer = unicodedata.normalize("NFD", "10일")
    qa = {"id": "1", "question": "a?", "answers": [{"text": answer, "answer_start": context.index(answer)}]}
    data = {"data": [{"title": "t", "paragraphs": [{"context": context, "qas": [qa]}]}]}
    done = store.upload(write("s.json", as_json(data)))
    span = done.eval_set.questions_[0].evidence[0]
    assert LEAVE[span.start : span.end] == "10일"
    assert not done.report.warnings


def test_passage_text_finds_its_document(store: Any, write: Callable[..., Path]) -> None:
    write("set/documents/leave.txt", LEAVE)
    rows = [{"user_input": "a?", "reference": "b", "reference_contexts": ["병가는 연\n10일이다."]}]
    path = write("set/r.jsonl", jsonl(rows))
    done = store.upload(path.parent)
    assert done.eval_set.questions_[0].evidence[0].document == "leave.txt"


def test_columns_can_be_named(store: Any, write: Callable[..., Path]) -> None:
    path = write("q.csv", "Frage,Antwort\nWer?,ich\n")
    with pytest.raises(EvalSetError, match="text"):
        store.upload(write("q2.csv", "Frage,answer\nWer?,ich\n"), columns={"question": "text"})
    done = store.upload(path, columns={"question": "Frage", "reference": "Antwort"})
    assert done.eval_set.questions_[0].references == ("ich",)


def test_unknown_format_has_a_hint(store: Any, write: Callable[..., Path]) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'squad'"):
        store.upload(write("q.csv", "question\na?\n"), format="squat")


def test_answer_beside_a_reference_is_a_models_output(store: Any, write: Callable[..., Path]) -> None:
    done = store.upload(write("q.csv", "질문,정답,답변\n누구?,나,너\n"))
    assert done.eval_set.questions_[0].references == ("나",)
    assert "column_left_out" in {item.kind for item in done.report.findings}


def test_label_columns(store: Any, write: Callable[..., Path]) -> None:
    text = "질문,정답,유형,분류,가중치,필수,답변 가능\na?,b,사실,인사,2.5,예,\nc?,,함정,인사,,,아니오\n"
    one, two = store.upload(write("q.csv", text)).eval_set.questions_
    assert (one.type, one.slice, one.weight, one.must_pass, one.answerable) == ("사실", "인사", 2.5, True, True)
    assert not two.answerable


def test_one_json_file_with_questions_and_documents(store: Any, write: Callable[..., Path]) -> None:
    whole = {"questions": [{"question": "a?", "doc_id": "leave"}], "documents": CORPUS, "test": [{"n": 1}], "note": "x"}
    done = store.upload(write("set.json", as_json(whole)))
    assert (done.eval_set.count, done.report.documents) == (1, 2)
    assert any("'test' holds neither" in item.message for item in done.report.findings)


def test_the_test_split_counts(store: Any, write: Callable[..., Path]) -> None:
    for path, data in CASES["beir"][1].items():
        write(f"set/{path}", data)
    folder = write("set/qrels/train.tsv", b"query-id\tcorpus-id\tscore\n2\tremote\t1\n").parent.parent
    assert [question.id for question in store.upload(folder).eval_set.questions_] == ["1"]
    assert [question.id for question in store.upload(folder, split="train").eval_set.questions_] == ["2"]


def test_a_table_of_questions_among_the_documents(store: Any, write: Callable[..., Path]) -> None:
    write("pages/faq.csv", "question,text\nhow?,so\n")
    write("pages/a.md", "text")
    done = store.upload(write("pages/a.md", "text").parent, write("q.csv", "question,answer\na?,x\n"))
    assert [question.text for question in done.eval_set.questions_] == ["a?"]
    assert {file.path for file in done.eval_set.files} == {"a.md", "faq.csv"}


def test_the_most_telling_columns_are_shown(store: Any, write: Callable[..., Path]) -> None:
    text = "번호,질문,정답\n" + "".join(f"{n},질문 {n}?,답 {n}\n" for n in range(5))
    lines = "\n".join(store.upload(write("평가.csv", text)).report.lines())
    assert "평가@1" in lines
    assert "질문 = question, 정답 = reference" in lines
    assert lines.count("  row ") == 3
    assert "5 (ko 5): 5 with a reference" in lines

"""Bad input: located, explained, never executed, never lost without a word."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ragscout.data import Limits, column_roles
from ragscout.model.errors import EvalSetError

Write = Callable[..., Path]
KO = "질문,정답\n누구인가요?,나입니다\n언제인가요?,지금입니다\n"


def refused(store: Any, *paths: Path, **options: Any) -> str:
    with pytest.raises(EvalSetError) as caught:
        store.upload(*paths, **options)
    assert store.empty
    return str(caught.value)


def kinds(done: Any) -> set[str]:
    return {item.kind for item in done.report.warnings}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949"])
def test_encodings(encoding: str, store: Any, write: Write) -> None:
    done = store.upload(write("q.csv", KO.encode(encoding)))
    assert [question.text for question in done.eval_set.questions_] == ["누구인가요?", "언제인가요?"]
    assert not done.report.warnings


def test_named_encoding(store: Any, write: Write) -> None:
    done = store.upload(write("q.csv", "question,answer\nprix,10 £\n".encode("cp437")), encoding="cp437")
    assert done.eval_set.questions_[0].references == ("10 £",)
    assert "unknown" in refused(type(store)(), write("q.csv", KO), encoding="utf-99")


def test_broken_byte_names_line_and_column(store: Any, write: Write) -> None:
    data = KO.encode() + b"\xeb\xad\x90\xff?,x\n" + "어디인가요?,여기\n".encode()
    said = refused(store, write("q.csv", data))
    assert "q.csv:4, column '질문'" in said
    assert "--skip-bad-rows" in said
    done = store.upload(write("q.csv", data), skip_bad_rows=True)
    assert done.eval_set.count == 3
    assert kinds(done) == {"broken_bytes"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines(newline: str, store: Any, write: Write) -> None:
    assert store.upload(write("q.csv", KO.replace("\n", newline).encode())).eval_set.count == 2
    rows = newline.join(json.dumps({"question": f"{letter}?"}) for letter in "abc")
    assert store.upload(write("q.jsonl", rows)).eval_set.count == 3


def test_line_separator_inside_a_row_is_text(store: Any, write: Write) -> None:
    done = store.upload(write("q.jsonl", '{"question": "a\u2028b\u0085?", "answer": "x"}\n'))
    assert done.eval_set.count == 1
    assert "\u2028" in done.eval_set.questions_[0].text
    done = store.upload(write("q.csv", "question,answer\na\u2028b?,x\n"))
    assert done.eval_set.count == 1


def test_unclosed_quote_names_its_line_and_hides_nothing(store: Any, write: Write) -> None:
    text = 'id,question,answer\n1,a?,x\n2,"b?,y\n3,c?,z\n4,d?,w\n'
    said = refused(store, write("q.csv", text))
    assert "q.csv:3" in said
    assert "3 lines were swallowed" in said


def test_quote_closed_by_a_later_row(store: Any, write: Write) -> None:
    said = refused(store, write("q.csv", 'id,question,answer\n1,"a?,x\n2,"b?",y\n3,c?,z\n'))
    assert "q.csv:2" in said


def test_stray_quote_is_read_with_a_warning(store: Any, write: Write) -> None:
    done = store.upload(write("q.csv", 'question,answer\n"What is a "cell"?",x\n'))
    assert done.eval_set.questions_[0].text == 'What is a cell"?"'
    assert kinds(done) == {"stray_quote"}


def test_too_many_and_too_few_cells(store: Any, write: Write) -> None:
    said = refused(store, write("q.csv", "question,answer\nWho, me?,you,them\nb?,c\n"))
    assert "q.csv:2" in said
    assert "4 cells under a header of 2" in said
    done = store.upload(write("q.csv", "question,answer\na?\nb?,c\n"))
    assert done.eval_set.count == 2
    assert "missing_cells" in kinds(done)


def test_all_problems_are_listed(store: Any, write: Write) -> None:
    rows = "".join('{"question": 1, broken\n' for _ in range(30)) + '{"question": "fine?", "answer": "x"}\n'
    said = refused(store, write("q.jsonl", rows))
    assert said.startswith("30 problems:")
    assert "q.jsonl:20:" in said
    assert "q.jsonl:21:" not in said
    assert "and 10 more" in said
    assert store.upload(write("q.jsonl", rows), skip_bad_rows=True).eval_set.count == 1


def test_numbers_as_ids_stay_what_they_are(store: Any, write: Write) -> None:
    done = store.upload(write("q.jsonl", '{"id": 7, "question": "a?"}\n{"id": "007", "question": "b?"}\n'))
    assert [question.id for question in done.eval_set.questions_] == ["7", "007"]


@pytest.mark.parametrize("word", ["NA", "None", "null", "nan", "N/A", "0", "false", "-"])
def test_words_are_answers(word: str, store: Any, write: Write) -> None:
    one = store.upload(write("q.csv", f"question,answer\na?,{word}\n")).eval_set.questions_[0]
    two = store.upload(write("q.jsonl", json.dumps({"question": "a?", "answer": word}))).eval_set.questions_[0]
    assert one.references == two.references == (word,)


def test_nan_tokens_are_missing_values(store: Any, write: Write) -> None:
    done = store.upload(write("q.jsonl", '{"question": "a?", "answer": NaN, "weight": 2}\n'))
    assert done.eval_set.questions_[0].references == ()
    assert "nan" in kinds(done)


def test_nesting_and_endless_numbers(store: Any, write: Write) -> None:
    deep = '{"question": "a?", "answer": ' + "[" * 100_000 + "\n"
    said = refused(store, write("q.jsonl", deep + '{"question": "b?", "n": ' + "9" * 5000 + "}\n"))
    assert "q.jsonl:1: not readable: nested too deeply" in said
    assert "q.jsonl:2: not readable: a number with too many digits" in said
    assert "q.json" in refused(store, write("q.json", "[" * 100_000))


def test_cut_json(store: Any, write: Write) -> None:
    whole = json.dumps([{"question": "a?", "answer": "x"}, {"question": "b?", "answer": "y"}], indent=1)
    said = refused(store, write("q.json", whole[:-20]))
    assert "q.json:" in said
    assert "not valid JSON" in said


def test_nul_and_surrogates(store: Any, write: Write) -> None:
    done = store.upload(write("q.jsonl", '{"question": "a\\u0000b \\ud800?", "answer": "x"}\n'))
    assert done.eval_set.questions_[0].text == "ab \ufffd?"
    assert "lost_characters" in kinds(done)
    assert store.upload(write("q.csv", b"question,answer\na\x00b?,x\n")).eval_set.questions_[0].text == "ab?"


def test_ids_in_nfd_find_their_documents(store: Any, write: Write) -> None:
    write("set/documents/휴가규정.md", "연차는 25일이다.")
    row = {"question": "며칠?", "answer": "25일", "doc_id": unicodedata.normalize("NFD", "휴가규정")}
    done = store.upload(write("set/q.jsonl", json.dumps(row)).parent)
    assert done.eval_set.questions_[0].documents == ("휴가규정.md",)
    assert not done.report.warnings


def test_partly_missing_gold_takes_the_question_out_of_retrieval(store: Any, write: Write) -> None:
    write("set/documents/a.md", "text")
    rows = [{"question": "a?", "answer": "x", "doc_id": ["a", "zz"]}, {"question": "b?", "answer": "x", "doc_id": "a"}]
    done = store.upload(write("set/q.json", json.dumps(rows)).parent)
    assert [question.documents for question in done.eval_set.questions_] == [(), ("a.md",)]
    assert done.eval_set.questions_[0].meta["gold_missing"] == "zz"
    assert kinds(done) == {"gold_missing"}


def test_names_with_commas_and_lists(store: Any, write: Write) -> None:
    write("set/documents/a, b.md", "text")
    write("set/documents/c.md", "text two")
    rows = [
        {"question": "a?", "doc_id": "a, b.md"},
        {"question": "b?", "doc_id": "a, b; c"},
        {"question": "c?", "doc_id": "c.md,C"},
    ]
    done = store.upload(write("set/q.json", json.dumps(rows)).parent)
    assert [question.documents for question in done.eval_set.questions_] == [
        ("a, b.md",),
        ("a, b.md", "c.md"),
        ("c.md",),
    ]


def book(fill: Callable[[Workbook], None]) -> bytes:
    made, stream = Workbook(), io.BytesIO()
    fill(made)
    made.save(stream)
    return stream.getvalue()


def two_rows(made: Workbook) -> None:
    made.active.append(["question"])
    made.active.append(["a?"])


def test_formulas_are_not_computed(store: Any, write: Write) -> None:
    def fill(made: Workbook) -> None:
        made.active.append(["질문", "정답"])
        made.active.append(["합은?", "=1+1"])
        made.active.append(["이름은?", "나"])

    done = store.upload(write("q.xlsx", book(fill)))
    assert [question.references for question in done.eval_set.questions_] == [(), ("나",)]
    formula = next(item for item in done.report.warnings if item.kind == "formula")
    assert formula.rows == ("B2",)


def test_formula_text_in_csv_is_text(store: Any, write: Write) -> None:
    done = store.upload(write("q.csv", 'question,answer\na?,"=HYPERLINK(""http://x"")"\n'))
    assert done.eval_set.questions_[0].references == ('=HYPERLINK("http://x")',)


def test_hidden_sheets_are_named(store: Any, write: Write) -> None:
    def fill(made: Workbook) -> None:
        made.active.append(["question", "answer"])
        made.active.append(["a?", "x"])
        hidden = made.create_sheet("old")
        hidden.sheet_state = "hidden"
        hidden.append(["question", "answer"])
        hidden.append(["b?", "y"])

    done = store.upload(write("q.xlsx", book(fill)))
    assert done.eval_set.count == 1
    assert kinds(done) == {"hidden_sheet"}
    assert store.upload(write("q.xlsx", book(fill)), sheet="old").eval_set.questions_[0].text == "b?"
    assert "Sheets: Sheet, old" in refused(type(store)(), write("q.xlsx", book(fill)), sheet="x")


def test_cells_as_they_are_shown(store: Any, write: Write) -> None:
    def fill(made: Workbook) -> None:
        made.active.append(["id", "question", "answer"])
        made.active.append([7, "share?", 0.15])
        made.active["A2"].number_format = "000"
        made.active["C2"].number_format = "0%"
        made.active.append([8.0, "number?", 12])

    one, two = store.upload(write("q.xlsx", book(fill))).eval_set.questions_
    assert (one.id, one.references) == ("007", ("15%",))
    assert (two.id, two.references) == ("8", ("12",))


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("q.xlsx", b"question,answer\na?,x\n", "csv"),
        ("q.csv", book(two_rows), "xlsx"),
        ("q.csv", b'{"question": "a?", "answer": "x"}\n{"question": "b?", "answer": "x"}\n', "jsonl"),
        ("q.parquet", b"question,answer\na?,x\n", "csv"),
        ("q.txt", b"question,answer\na?,x\n", "csv"),
    ],
)
def test_content_decides_and_the_lie_is_told(name: str, data: bytes, kind: str, store: Any, write: Write) -> None:
    done = store.upload(write(name, data))
    assert done.eval_set.questions_[0].text == "a?"
    assert "name_lies" in kinds(done)
    assert done.report.files[0].format == kind


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7 x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", b"\x89PNG\r\n", b"PK\x03\x04junk"]
)
@pytest.mark.parametrize("name", ["q.csv", "q.xlsx", "q.jsonl", "q.parquet"])
def test_other_content_is_refused_by_name(name: str, data: bytes, store: Any, write: Write) -> None:
    assert refused(store, write(name, data)).startswith(name)


def test_duplicate_ids_across_files(store: Any, write: Write) -> None:
    write("set/a.csv", "id,question\n1,a?\n")
    said = refused(store, write("set/b.csv", "id,question\n1,b?\n").parent)
    assert "a.csv:2 and line 2" in said
    assert said.startswith("b.csv:2")


def test_empty_question_beside_an_answer(store: Any, write: Write) -> None:
    said = refused(store, write("q.csv", "question,answer\n,x\nb?,y\n"))
    assert "q.csv:2" in said
    assert "although the row holds an answer" in said


def test_wrong_values_name_their_column(store: Any, write: Write) -> None:
    said = refused(store, write("q.csv", "question,answer,weight,answerable\na?,x,heavy,true\nb?,y,1,perhaps\n"))
    assert "q.csv:2, column 'weight': a number is needed here; got 'heavy'" in said
    assert "q.csv:3, column 'answerable'" in said


def test_limits_are_settings(store: Any, write: Write) -> None:
    path = write("q.csv", KO)
    assert "more than 1 rows" in refused(store, path, limits=Limits(rows=1))
    assert "too large" in refused(store, path, limits=Limits(file_bytes=10))
    for number in range(3):
        write(f"many/{number}.txt", "x")
    assert "too many files" in refused(store, path.parent / "many", limits=Limits(files=2))
    assert "longer than the limit of 5" in refused(store, path, limits=Limits(cell_characters=5))


def test_links_are_not_followed(store: Any, write: Write, tmp_path: Path) -> None:
    write("secret.txt", "secret")
    write("set/documents/a.txt", "text")
    (tmp_path / "set/documents/b.txt").symlink_to(tmp_path / "secret.txt")
    done = store.upload(tmp_path / "set")
    assert done.report.documents == 1
    assert kinds(done) == {"link"}
    assert not any(b"secret" in data for data in store.blobs.held.values())


def test_paths_that_are_not_there(store: Any, tmp_path: Path) -> None:
    assert "there is no such file" in refused(store, tmp_path / "nothing.csv")
    (tmp_path / "void").mkdir()
    assert "neither questions nor documents" in refused(store, tmp_path / "void")


def test_repeated_columns_and_keys(store: Any, write: Write) -> None:
    done = store.upload(write("q.csv", "question,answer,answer\na?,x,y\n"))
    assert done.eval_set.questions_[0].references == ("x",)
    assert kinds(done) == {"repeated_column"}
    done = store.upload(write("q.jsonl", '{"question": "a?", "question": "b?", "answer": "x"}\n'))
    assert kinds(done) == {"repeated_key"}


def test_two_documents_with_one_id(store: Any, write: Write) -> None:
    rows = '{"doc_id": "a", "text": "one"}\n{"doc_id": "a", "text": "two"}\n'
    assert "two different documents have the id 'a' (lines 1 and 2)" in refused(store, write("corpus.jsonl", rows))


def test_a_whole_document_in_a_cell_is_found(store: Any, write: Write) -> None:
    done = store.upload(write("q.csv", f"question,answer\na?,{'x' * 150_000}\n"))
    assert kinds(done) == {"too_long"}


def test_total_size_is_bounded(store: Any, write: Write) -> None:
    write("many/a.txt", "x" * 60)
    assert "too large together" in refused(store, write("many/b.txt", "x" * 60).parent, limits=Limits(total_bytes=100))


def test_documents_of_one_path_are_told_apart(store: Any, write: Write) -> None:
    write("set/documents/a.md", "one")
    write("set/docs/a.md", "two")
    done = store.upload(write("set/q.csv", "question\na?\n").parent)
    assert sorted(file.path for file in done.eval_set.files) == ["a.md", "documents/a.md"]


def test_column_option_form() -> None:
    assert column_roles(["question=Frage", "reference = Antwort"]) == {"question": "Frage", "reference": "Antwort"}
    with pytest.raises(EvalSetError, match="ROLE=NAME"):
        column_roles(["Frage"])


def test_a_workbook_with_entities_is_refused(store: Any, write: Write) -> None:
    source, stream = zipfile.ZipFile(io.BytesIO(book(two_rows))), io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("sheet1.xml"):
                data = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + data
            archive.writestr(name, data)
    said = refused(store, write("q.xlsx", stream.getvalue()))
    assert said.startswith("q.xlsx: the workbook declares XML entities")


def test_a_table_that_unpacks_to_much(store: Any, write: Write) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.table({"question": ["a" * 3_000_000]}), stream, compression="zstd", use_dictionary=False)
    assert len(stream.getvalue()) < 100_000
    assert "unpacks to" in refused(store, write("q.parquet", stream.getvalue()), limits=Limits(file_bytes=1_000_000))


def test_problems_come_in_the_order_of_the_file(store: Any, write: Write) -> None:
    said = refused(store, write("q.csv", "id,question,weight\n1,,1\n2,b?,heavy\n3,,1\n3,c?,1\n3,d?,1\n"))
    assert [line.split(":")[1].split(",")[0] for line in said.splitlines()[1:]] == ["2", "3", "4", "6"]


def test_text_that_was_decoded_wrongly_once_is_noticed(store: Any, write: Write) -> None:
    gaps = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    twice = "".join(chr(byte) if byte in gaps else bytes((byte,)).decode("cp1252") for byte in "질문은 무엇?".encode())
    done = store.upload(write("q.csv", f"id,question,answer\n1,{twice},x\n2,Café où?,y\n"))
    garbled = next(item for item in done.report.warnings if item.kind == "garbled")
    assert garbled.rows == ("1 (질문은 무엇?)",)


def test_files_without_a_parser_are_one_warning(store: Any, write: Write) -> None:
    for number in range(5):
        write(f"set/documents/{number}.png", b"\x89PNG\r\n\x1a\n")
    write("set/documents/empty.md", "")
    write("set/documents/a.md", "text")
    done = store.upload(write("set/q.csv", "question,answer\na?,x\n").parent)
    unread = [item for item in done.report.warnings if item.kind == "unread_document"]
    assert done.report.documents == 1
    assert sorted(len(item.rows) for item in unread) in ([1, 5], [1] * 6)
    assert "empty.md" in "\n".join(done.report.lines())

"""Whatever bytes come, a reader answers with questions or with an error of ours, and loses no row without a word."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragscout.data import Limits, ReadOptions, upload
from ragscout.data.draft import Draft, formats
from ragscout.data.read.archive import unpack
from ragscout.data.read.cellvalues import CellError, flag_of, ids_of, number_of, offset_of, text_of, texts_of
from ragscout.data.read.encoding import decode
from ragscout.data.read.loaders import load
from ragscout.model.errors import EvalSetError, RagscoutError
from ragscout.model.text import normalise

EXAMPLES = settings(
    max_examples=int(os.environ.get("RAGSCOUT_FUZZ", "25")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
DIRTY = sorted(path for path in (Path(__file__).parent / "dirty").rglob("*") if path.is_file())
NAMES = st.sampled_from(
    ["q.csv", "q.tsv", "q.jsonl", "q.json", "q.xlsx", "q.parquet", "q.arrow", "q.zip", "q.txt", "q.tar.gz"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    *(
        "question",
        "query",
        "user_input",
        "input",
        "inputs",
        "id",
        "_id",
        "answers",
        "reference",
        "references",
        "evidence",
    ),
    *(
        "gold_spans",
        "gold_doc_ids",
        "context",
        "supporting_facts",
        "passages",
        "output",
        "expectations",
        "expected_output",
    ),
    *("retrieval_gt", "generation_gt", "golden_answers", "correct_answers", "reference_contexts", "contents", "text"),
    *("ground_truth", "weight", "answerable", "data", "examples", "queries", "corpus", "relevant_docs", "paragraphs"),
]


def uploaded(name: str, data: bytes) -> None:
    from tests_data_store import Store

    store = Store()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            upload(
                [path], blobs=store.blobs, registry=store.registry, options=ReadOptions(limits=Limits(ratio_from=2**20))
            )
        except RagscoutError as error:
            assert str(error)
            assert store.empty
        assert [item.name for item in Path(folder).iterdir()] == [name]


@EXAMPLES
@given(NAMES, st.binary(max_size=400))
def test_any_bytes(name: str, data: bytes) -> None:
    uploaded(name, data)


@EXAMPLES
@given(NAMES, st.sampled_from(DIRTY), st.data())
def test_damaged_files(name: str, path: Path, draw: Any) -> None:
    data = bytearray(path.read_bytes()[:20_000])
    for _ in range(draw.draw(st.integers(1, 6))):
        if data:
            at = draw.draw(st.integers(0, len(data) - 1))
            data[at : at + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=4))
    uploaded(draw.draw(st.sampled_from([name, path.name])), bytes(data))


@EXAMPLES
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6), min_size=1, max_size=4), st.booleans())
def test_any_objects_in_any_format(rows: list[dict[str, Any]], lines: bool) -> None:
    data = "\n".join(json.dumps(row) for row in rows) if lines else json.dumps(rows if len(rows) > 1 else rows[0])
    options = ReadOptions()
    item = load("q.jsonl" if lines else "q.json", data.encode(), options)
    for one in formats().values():
        if one.sniff(item) > 0:
            one.read(item, Draft(), options)
    uploaded("q.jsonl" if lines else "q.json", data.encode())


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1, max_size=12)


@EXAMPLES
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_no_row_of_a_table_is_lost(rows: list[tuple[str, str]], delimiter: str, newline: str) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=newline)
    writer.writerows([("question", "answer"), *rows])
    data = stream.getvalue().encode()
    item = load("q.csv", data, ReadOptions(delimiter=delimiter, encoding="utf-8"))
    said = len(item.records) + sum(finding.severity == "error" for finding in item.findings)
    expected = [row for row in rows if any(cell.strip() for cell in row)]
    assert said == len(expected)
    if len(item.records) == len(expected):
        assert [normalise(record.values["question"]) for record in item.records] == [
            normalise(one) for one, _ in expected
        ]


@EXAMPLES
@given(st.text(max_size=60), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_decoding_keeps_the_text(text: str, encoding: str) -> None:
    text = text.encode("utf-8", "replace").decode().replace("\x00", "").removeprefix("\ufeff")
    assert decode(text.encode(encoding)).text == text


@EXAMPLES
@given(VALUES)
def test_cells(value: Any) -> None:
    for read in (text_of, texts_of, ids_of, flag_of, number_of, offset_of):
        try:
            read(value)
        except CellError as error:
            assert str(error)


@EXAMPLES
@given(
    st.sampled_from([path for path in DIRTY if path.suffix == ".zip"]),
    st.integers(0, 2**31),
    st.binary(min_size=1, max_size=3),
)
def test_damaged_archives(path: Path, at: int, patch: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data) : at % len(data) + len(patch)] = patch
    try:
        for name, _ in unpack("a.zip", bytes(data), Limits(ratio_from=2**20)):
            assert not name.startswith("/")
            assert ".." not in name.split("/")
    except EvalSetError as error:
        assert str(error)

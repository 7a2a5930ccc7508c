"""What is exported reads back as the same questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragscout.data import EXPORT_FORMATS, diff, export
from ragscout.data.uploading import parse_files
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
        elif name == "ragas":
            assert found.references == question.references[:1]
        else:
            assert found.references == question.references
        if name in ("beir", "autorag", "csv"):
            assert set(found.documents) == gold
        if name in ("csv", "squad", "jsonl"):
            assert found.answerable == question.answerable
        if name in ("csv", "ragas"):
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

"""A question that is asked may carry a filter, with the meaning it has in an evaluation set."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from measured import Measured, lexical, measured

from ragscout.cli.main import main
from ragscout.model.errors import ParameterError
from ragscout.model.evalset import EvalSet, Question, SourceFile
from ragscout.model.key import digest
from ragscout.serve import Pipeline
from ragscout.store.store import Store

ROWS = [
    {
        "doc_id": f"d{n}",
        "text": f"연차휴가는 {n}일이다.",
        "부서": "인사" if n % 2 else "총무",
        "year": str(2020 + n % 3),
    }
    for n in range(12)
]
ASKED = "연차휴가는 며칠인가요?"


@pytest.fixture(scope="module")
def departments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bundle over documents with metadata, measured with a filtered question."""
    folder = tmp_path_factory.mktemp("departments")
    store = Store.open(folder / "store")
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
    store.blobs.put(data)
    file = SourceFile("corpus.jsonl", hashlib.sha256(data).hexdigest(), "application/jsonl")
    questions = (Question("1", ASKED, ("1일",)), Question("2", ASKED, ("1일",), filter={"부서": ("총무",)}))
    given = measured(store, EvalSet("d", 1, digest("set", "d"), (file,), questions), lexical(), ask=2)
    yield given.export(folder / "d.bundle")
    store.close()


def sources(pipeline: Pipeline, given: object) -> set[str]:
    return {source.document for source in pipeline.ask(ASKED, filter=given).sources}  # type: ignore[arg-type]


def test_only_documents_that_pass_are_sources(departments: Path) -> None:
    of = {name: {row["doc_id"] for row in ROWS if row["부서"] == name} for name in ("인사", "총무")}
    with Pipeline.load(departments) as pipeline:
        assert sources(pipeline, {"부서": "총무"}) <= of["총무"]
        assert sources(pipeline, "부서=인사") <= of["인사"]
        assert sources(pipeline, "부서=인사; year=2021") <= {"d1", "d7"}
        assert sources(pipeline, {"부서": ["인사", "총무"], "year": ("2022",)}) <= {"d2", "d5", "d8", "d11"}
        assert sources(pipeline, {"부서": "인사"}) and sources(pipeline, {"부서": "총무"})
        assert sources(pipeline, None) == sources(pipeline, {}) == sources(pipeline, "")
        assert sources(pipeline, {"부서": "없는 부서"}) == set()
        reply = asyncio.run(pipeline.aask(ASKED, filter={"부서": "총무"}))
        assert {source.document for source in reply.sources} <= of["총무"]


def test_a_filter_means_what_it_means_in_a_sweep(departments: Path) -> None:
    with Pipeline.load(departments) as pipeline:
        traced = pipeline.trace(Question("x", ASKED, filter={"부서": ("총무",)}))
        assert pipeline.ask(ASKED, filter={"부서": "총무"}).text == traced.outcomes["generate"].text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("부서", "filter: a filter is written as name=value"),
        ({"부서": []}, "has no value"),
        ({"dept": "인사"}, r"no document carries this column; got 'dept'\. Columns: year, 부서"),
    ],
)
def test_a_filter_that_cannot_be_right_is_an_error(departments: Path, given: object, said: str) -> None:
    with Pipeline.load(departments) as pipeline, pytest.raises(ParameterError, match=said):
        sources(pipeline, given)


def test_documents_without_metadata(korean: Measured, tmp_path: Path) -> None:
    loaded = Pipeline.load(korean.export(tmp_path / "b.zip"))
    with loaded as pipeline, pytest.raises(ParameterError, match="Columns: none"):
        pipeline.ask(ASKED, filter={"부서": "인사"})
    steps = {stage: item for stage, item in korean.configuration.steps.items() if stage in ("prompt", "generate")}
    bare = replace(korean.configuration, steps=steps)
    loaded = Pipeline.of(bare, store=korean.store, opening=korean.opening)
    with loaded as pipeline, pytest.raises(ParameterError, match="retrieves nothing"):
        pipeline.ask(ASKED, filter={"부서": "인사"})


def test_the_verb(departments: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ragscout", "ask", str(departments), ASKED, *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out = capsys.readouterr()
        return int(str(stopped.value.code)), out.out, out.err

    status, out, _ = call("--filter", "부서=인사", "--filter", "year=2021", "--filter", "year=2022", "--json")
    assert status == 0
    found = {source["document"] for source in json.loads(out)["sources"]}
    assert found and found <= {"d1", "d5", "d7", "d11"}
    assert call("--filter", "dept=hr")[0] == call("--filter", "dept")[0] == 2
    assert "Write for example department=hr" in call("--filter", "dept")[2]

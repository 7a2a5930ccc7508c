from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ragscout.model.errors import StepError
from ragscout.model.evalset import SourceFile
from ragscout.model.step import make
from ragscout.model.values import Corpus, Source
from ragscout.testing.steps import FakeRuntime, WholeKit, run


def source(**files: str | bytes) -> Source:
    """``a__md`` is the file ``a.md``."""
    blobs: dict[str, bytes] = {}
    listed = []
    for name, data in files.items():
        raw = data.encode() if isinstance(data, str) else data
        digest = hashlib.sha256(raw).hexdigest()
        blobs[digest] = raw
        listed.append(SourceFile(name.replace("__", "."), digest, ""))
    return Source(tuple(listed), blobs.__getitem__)


class TestParse(WholeKit):
    stage = "corpus"
    cases = (("parse", {}), ("parse", {"html": "main"}), ("parse", {"pdf": "layout"}))

    def inputs(self) -> dict[str, Any]:
        return {
            "source": source(
                b__md="# 연차 휴가\r\n본문",
                a__html="<nav>x</nav><main><p>글</p></main>",
                c__jsonl='{"id": "1", "text": "행"}',
            )
        }

    def test_order_ids_titles(self) -> None:
        value: Corpus = run(self.steps()[0], **self.inputs())
        assert [(document.id, document.title) for document in value.documents] == [
            ("a.html", "a"),
            ("b.md", "연차 휴가"),
            ("1", ""),
        ]
        assert value.by_id()["b.md"].text == "# 연차 휴가\n본문"

    def test_an_id_of_two_files(self) -> None:
        runtime = FakeRuntime()
        both = source(a__jsonl='{"id": "1", "text": "x"}', b__jsonl='{"id": "1", "text": "y"}', c__exe=b"MZ")
        value: Corpus = run(make("corpus", "parse"), runtime, source=both)
        assert [(document.id, document.text) for document in value.documents] == [("1", "x"), ("b.jsonl#1", "y")]
        assert runtime.reports == {"documents": 2, "parse_warnings": 1}

    def test_nothing_readable(self) -> None:
        with pytest.raises(StepError, match=r"no document could be read; got 1 files\. x\.exe: skipped"):
            run(make("corpus", "parse"), source=source(x__exe=b"MZ"))


class TestTransforms(WholeKit):
    stage = "corpus"
    cases = (
        ("parse", {"transforms": [{"use": "drop-boilerplate"}]}),
        ("parse", {"transforms": [{"use": "deduplicate"}, {"use": "mask-personal-data", "kinds": ["email"]}]}),
        ("parse", {"transforms": [{"use": "replace", "pattern": r"\s*\(끝\)$"}, {"use": "split-by-heading"}]}),
    )

    def inputs(self) -> dict[str, Any]:
        return {
            "source": source(
                a__md="# 휴가\n메뉴\n연차는 kim@example.com 에 신청한다. (끝)\n## 병가\n병가는 10일이다.",
                b__md="# 경비\n메뉴\n영수증을 낸다.",
                c__md="# 퇴직\n메뉴\n30일 전에 알린다.",
                d__md="# 경비\n메뉴\n영수증을  낸다.",
            )
        }

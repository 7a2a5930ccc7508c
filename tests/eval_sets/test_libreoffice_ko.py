"""Checks of the bundled evaluation set ``libreoffice-ko``."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2] / "eval_sets" / "libreoffice-ko"
TYPES = {"fact", "how-to", "comparison", "multi-page", "unanswerable"}


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    folder = ROOT / "documents"
    return {p.name: p.read_bytes().decode("utf-8") for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    lines = (ROOT / "questions.jsonl").read_bytes().decode("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("libreoffice_ko_build", ROOT / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _hangul_share(text: str) -> float:
    letters = [c for c in text if c.isalpha()]
    return sum("가" <= c <= "힣" for c in letters) / len(letters)


def _groups(question: dict[str, Any]) -> list[set[str]]:
    """Documents of each required group of evidence."""
    groups: dict[str, set[str]] = {}
    for index, span in enumerate(question["evidence"]):
        key = f"group {span['group']}" if "group" in span else f"span {index}"
        groups.setdefault(key, set()).add(span["document"])
    return list(groups.values())


def test_documents_are_clean(documents: dict[str, str]) -> None:
    assert len(documents) >= 64
    for name, text in documents.items():
        assert text.startswith("# "), name
        assert text.endswith("\n") and not text.endswith("\n\n"), name
        assert "\r" not in text and "\t" not in text, name
        assert unicodedata.is_normalized("NFC", text), name
        for rest in ("<script", "</", "@@@", "관련 주제", "D'oh", "\u00a0", "\u200b"):
            assert rest not in text, (name, rest)


def test_documents_are_mostly_korean(documents: dict[str, str]) -> None:
    shares = {name: _hangul_share(text) for name, text in documents.items()}
    assert min(shares.values()) >= 0.6, min(shares, key=shares.__getitem__)


def test_documents_cover_the_modules(documents: dict[str, str]) -> None:
    modules = Counter(name.split("-", 1)[0] for name in documents)
    assert modules["swriter"] >= 15
    assert modules["scalc"] >= 15
    assert modules["simpress"] >= 8
    assert modules["shared"] >= 15


def test_spans_reproduce_their_quotes(documents: dict[str, str], questions: list[dict[str, Any]]) -> None:
    for q in questions:
        for span in q["evidence"]:
            text = documents[span["document"]]
            assert 0 <= span["start"] < span["end"] <= len(text), q["id"]
            assert text[span["start"] : span["end"]] == span["quote"], q["id"]
            assert span["quote"].strip() == span["quote"], q["id"]


def test_questions_are_complete(questions: list[dict[str, Any]]) -> None:
    assert len(questions) >= 120
    assert len({q["id"] for q in questions}) == len(questions)
    assert len({q["question"] for q in questions}) == len(questions)
    for q in questions:
        assert unicodedata.is_normalized("NFC", json.dumps(q, ensure_ascii=False)), q["id"]
        assert q["type"] in TYPES, q["id"]
        assert q["difficulty"] in {"easy", "medium", "hard"}, q["id"]
        assert q["lang"] == "ko", q["id"]
        assert any("가" <= c <= "힣" for c in q["question"]), q["id"]
        assert q["question"].strip() == q["question"], q["id"]
        assert len(set(q["references"])) == len(q["references"]), q["id"]
        assert all(r.strip() == r != "" for r in q["references"]), q["id"]


def test_unanswerable_questions_have_no_evidence(questions: list[dict[str, Any]]) -> None:
    for q in questions:
        assert q["answerable"] is (q["type"] != "unanswerable"), q["id"]
        assert bool(q["evidence"]) is q["answerable"], q["id"]
        assert bool(q["references"]) is q["answerable"], q["id"]


def test_types_are_mixed(questions: list[dict[str, Any]]) -> None:
    counts = Counter(q["type"] for q in questions)
    assert set(counts) == TYPES
    assert counts["multi-page"] >= 5
    assert counts["comparison"] >= 6
    assert 0.06 <= counts["unanswerable"] / len(questions) <= 0.14
    assert counts["fact"] / len(questions) <= 0.5


def test_questions_spread_over_documents(questions: list[dict[str, Any]]) -> None:
    used = Counter(span["document"] for q in questions for span in q["evidence"])
    assert len(used) >= 40
    assert max(used.values()) <= 12


def test_only_multi_page_questions_need_two_documents(questions: list[dict[str, Any]]) -> None:
    for q in questions:
        groups = _groups(q)
        one_is_enough = any(all(name in group for group in groups) for group in groups for name in group)
        if q["type"] == "multi-page":
            assert not one_is_enough, q["id"]
        elif q["answerable"]:
            assert one_is_enough, q["id"]


def test_pages_are_the_fewest_documents_that_suffice(questions: list[dict[str, Any]]) -> None:
    for q in questions:
        groups = _groups(q)
        names = sorted(set().union(*groups))
        sizes = range(len(names) + 1)
        assert q["pages"] == next(
            n for n in sizes if any(all(set(c) & group for group in groups) for c in combinations(names, n))
        ), q["id"]


def test_every_difficulty_is_large_enough_to_be_shown(questions: list[dict[str, Any]]) -> None:
    assert min(Counter(q["difficulty"] for q in questions).values()) >= 20


def test_questions_are_not_copied_from_the_evidence(questions: list[dict[str, Any]]) -> None:
    for q in questions:
        for span in q["evidence"]:
            for start in range(len(q["question"]) - 24):
                assert q["question"][start : start + 25] not in span["quote"], q["id"]


def test_checksums_match() -> None:
    expected = json.loads((ROOT / "checksums.json").read_text(encoding="utf-8"))
    paths = [*(ROOT / "documents").iterdir(), ROOT / "questions.jsonl"]
    actual = {p.relative_to(ROOT).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
    assert actual == expected


def test_card_counts_match(documents: dict[str, str], questions: list[dict[str, Any]]) -> None:
    card = (ROOT / "CARD.md").read_text(encoding="utf-8")
    assert f"| Documents | {len(documents)} |" in card
    assert f"| Questions | {len(questions)} |" in card
    for field in ("type", "difficulty", "pages"):
        for name, count in Counter(q[field] for q in questions).items():
            assert f"| {name} | {count} |" in card, name


def test_licence_is_present() -> None:
    assert "Mozilla Public License Version 2.0" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_build_lists_the_documents(build: ModuleType, documents: dict[str, str]) -> None:
    pages = list(build.PAGES)
    assert pages == sorted(set(pages))
    assert {build.file_name(page) for page in pages} == set(documents)


def test_build_converts_a_page(build: ModuleType) -> None:
    html = """<html><body><nav>메뉴</nav><div id="DisplayArea">
<h1>제목</h1><p>첫&nbsp;문장 <span class="switchinline"><span id="MAC1" class="MAC">Command</span>
<span id="default1">Ctrl</span></span>+A</p>
<ol><li><p>하나</p></li><li><p>둘</p><ul><li><p>안쪽</p></li></ul></li></ol>
<table><tr><th>가</th><th>나</th></tr><tr><td>1</td><td>2</td></tr></table>
<div class="tip"><div class="noteicon"><img src="x"></div>
<div class="notetext"><p>도움</p></div></div>
<div class="howtoget"><p>메뉴 경로</p></div><p class="related">관련</p>
<p><a href="x">다른 쪽</a></p>
</div></body></html>"""
    expected = (
        "# 제목\n\n첫 문장 Ctrl+A\n\n1. 하나\n2. 둘\n  - 안쪽\n\n| 가 | 나 |\n| --- | --- |\n| 1 | 2 |\n\n팁: 도움\n"
    )
    assert build.convert("swriter/guide/x", html) == expected


def test_build_writes_and_reports(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PAGES", ("swriter/guide/x",))
    source = tmp_path / build.HELP_ROOT / "swriter" / "guide"
    source.mkdir(parents=True)
    (source / "x.html").write_text('<div id="DisplayArea"><h1>제목</h1><p>글</p></div>', encoding="utf-8")
    checksums = build.build(tmp_path, tmp_path / "documents")
    data = (tmp_path / "documents" / "swriter-guide-x.md").read_bytes()
    assert data.decode("utf-8") == "# 제목\n\n글\n"
    assert checksums == {"documents/swriter-guide-x.md": hashlib.sha256(data).hexdigest()}

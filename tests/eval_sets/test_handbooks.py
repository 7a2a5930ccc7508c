"""Checks of the bundled handbook evaluation sets."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2] / "eval_sets"
SETS = ("handbook-en", "handbook-ko", "handbook-mixed")
COUNTS = {"handbook-en": (4, 20, 3), "handbook-ko": (8, 40, 4), "handbook-mixed": (8, 20, 2)}


def _documents(name: str) -> dict[str, str]:
    folder = ROOT / name / "documents"
    return {p.name: p.read_bytes().decode("utf-8") for p in sorted(folder.iterdir())}


def _questions(name: str) -> list[dict[str, Any]]:
    lines = (ROOT / name / "questions.jsonl").read_bytes().decode("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _language(text: str) -> str:
    """Korean pages and questions may hold Latin names; English ones hold no Hangul."""
    return "ko" if any("가" <= c <= "힣" for c in text) else "en"


@pytest.mark.parametrize("name", SETS)
def test_documents_are_clean(name: str) -> None:
    documents = _documents(name)
    assert len(documents) == COUNTS[name][0]
    for file, text in documents.items():
        assert text.startswith("# "), file
        assert text.endswith("\n"), file
        assert "\r" not in text, file
        assert unicodedata.is_normalized("NFC", text), file


@pytest.mark.parametrize("name", SETS)
def test_questions_are_complete(name: str) -> None:
    questions = _questions(name)
    _, total, unanswerable = COUNTS[name]
    assert len(questions) == total
    assert len({q["id"] for q in questions}) == total
    assert len({q["question"] for q in questions}) == total
    assert sum(not q["answerable"] for q in questions) == unanswerable
    for q in questions:
        assert unicodedata.is_normalized("NFC", json.dumps(q, ensure_ascii=False)), q["id"]
        assert (q["type"] == "unanswerable") is (not q["answerable"]), q["id"]
        assert bool(q["references"]) is q["answerable"], q["id"]
        assert bool(q["evidence"]) is q["answerable"], q["id"]
        assert len(set(q["references"])) == len(q["references"]), q["id"]
        assert q["lang"] == _language(q["question"]), q["id"]


@pytest.mark.parametrize("name", SETS)
def test_spans_reproduce_their_quotes(name: str) -> None:
    documents = _documents(name)
    for q in _questions(name):
        for span in q["evidence"]:
            text = documents[span["document"]]
            assert text[span["start"] : span["end"]] == span["quote"], q["id"]
            assert span["quote"].strip() == span["quote"] != "", q["id"]


@pytest.mark.parametrize("name", SETS)
def test_checksums_match(name: str) -> None:
    folder = ROOT / name
    expected = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    paths = [*(folder / "documents").iterdir(), folder / "questions.jsonl"]
    actual = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
    assert actual == expected


@pytest.mark.parametrize("name", SETS)
def test_card_names_licence(name: str) -> None:
    assert "CC0 1.0" in (ROOT / name / "CARD.md").read_text(encoding="utf-8")


def test_mixed_slices_cross_languages() -> None:
    documents = _documents("handbook-mixed")
    questions = _questions("handbook-mixed")
    slices = Counter(q["slice"] for q in questions)
    assert slices["ko-on-en"] >= 8
    assert slices["en-on-ko"] >= 8
    assert slices["both"] >= 2
    assert slices["unanswerable"] == 2
    for q in questions:
        languages = {_language(documents[span["document"]]) for span in q["evidence"]}
        if q["slice"] in ("ko-on-en", "en-on-ko"):
            asked, answered = q["slice"].split("-on-")
            assert q["lang"] == asked, q["id"]
            assert languages == {answered}, q["id"]
            assert {_language(r) for r in q["references"][:1]} == {asked}, q["id"]
        elif q["slice"] == "both":
            assert languages == {"ko", "en"}, q["id"]
        else:
            assert q["slice"] == "unanswerable" and not q["answerable"], q["id"]


def test_mixed_documents_are_unchanged_and_without_translation_pairs() -> None:
    mixed = _documents("handbook-mixed")
    single = {**_documents("handbook-en"), **_documents("handbook-ko")}
    topics = []
    for file, text in mixed.items():
        assert text == single[file], file
        topics.append(file.split("-", 1)[1])
    assert len(topics) == len(set(topics))

"""The bundled evaluation set postgres-en is complete and consistent in itself."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "eval_sets" / "postgres-en"
TYPES = {"fact", "how-to", "comparison", "multi-page", "unanswerable"}
DIFFICULTIES = {"easy", "medium", "hard"}


@cache
def documents() -> dict[str, str]:
    # Bytes first: text mode would hide a stray carriage return.
    folder = FOLDER / "documents"
    return {path.name: path.read_bytes().decode("utf-8") for path in sorted(folder.glob("*.md"))}


@cache
def questions() -> list[dict[str, Any]]:
    lines = (FOLDER / "questions.jsonl").read_bytes().decode("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_counts() -> None:
    assert len(documents()) >= 60
    assert 600_000 <= sum(len(text) for text in documents().values()) <= 900_000
    assert len(questions()) >= 150


def test_documents_are_normalised_and_titled() -> None:
    for name, text in documents().items():
        assert unicodedata.is_normalized("NFC", text), name
        assert "\r" not in text, name
        assert text.startswith("# "), name
        assert text.endswith("\n"), name
        # Invisible characters would shift nothing but surprise every reader.
        assert not set(text) & {"\u00a0", "\u200b", "\ufeff"}, name


def test_no_page_navigation_is_left() -> None:
    for name, text in documents().items():
        assert "accesskey" not in text, name
        assert "\nPrev" not in text, name


def test_questions_have_the_agreed_shape() -> None:
    for question in questions():
        assert set(question) == {
            "id",
            "question",
            "references",
            "answerable",
            "evidence",
            "type",
            "lang",
            "difficulty",
            "pages",
        }, question["id"]
        assert question["type"] in TYPES, question["id"]
        assert question["lang"] == "en", question["id"]
        assert question["difficulty"] in DIFFICULTIES, question["id"]
        assert question["question"].strip(), question["id"]
        assert unicodedata.is_normalized("NFC", json.dumps(question, ensure_ascii=False))
        for span in question["evidence"]:
            assert set(span) - {"group"} == {"document", "start", "end", "quote"}, question["id"]
            assert isinstance(span.get("group", 1), int), question["id"]


def test_ids_and_questions_are_unique() -> None:
    ids = [question["id"] for question in questions()]
    assert len(set(ids)) == len(ids)
    texts = [question["question"].casefold() for question in questions()]
    assert len(set(texts)) == len(texts)


def test_every_span_reproduces_its_quote() -> None:
    for question in questions():
        for span in question["evidence"]:
            text = documents()[span["document"]]
            assert 0 <= span["start"] < span["end"] <= len(text), question["id"]
            assert text[span["start"] : span["end"]] == span["quote"], question["id"]
            assert span["quote"] == span["quote"].strip(), question["id"]


def test_answerable_and_unanswerable() -> None:
    for question in questions():
        assert question["answerable"] == (question["type"] != "unanswerable"), question["id"]
        if question["answerable"]:
            assert question["evidence"], question["id"]
            assert question["references"], question["id"]
            assert all(reference.strip() for reference in question["references"])
        else:
            assert question["evidence"] == [], question["id"]
            assert question["references"] == [], question["id"]


def test_type_shares() -> None:
    counts = Counter(question["type"] for question in questions())
    assert counts["fact"] >= 35
    assert counts["how-to"] >= 20
    assert counts["comparison"] >= 10
    assert counts["multi-page"] >= 8
    assert counts["unanswerable"] >= 9
    assert 0.08 <= counts["unanswerable"] / len(questions()) <= 0.13


def fewest_pages(question: dict[str, Any]) -> int:
    """The smallest number of documents that hold a span of every group."""
    # A span without a group stands alone, so it forms a group of its own.
    groups: dict[str, set[str]] = {}
    for position, span in enumerate(question["evidence"]):
        group = f"group {span['group']}" if "group" in span else f"span {position}"
        groups.setdefault(group, set()).add(span["document"])
    names = sorted(set().union(*groups.values()))
    counts = range(len(names) + 1)
    return next(n for n in counts if any(all(set(c) & g for g in groups.values()) for c in combinations(names, n)))


def test_pages_are_the_fewest_documents_that_suffice() -> None:
    for question in questions():
        assert question["pages"] == fewest_pages(question), question["id"]
        assert (question["type"] == "multi-page") == (question["pages"] > 1), question["id"]


def test_every_slice_is_large_enough_to_be_shown() -> None:
    assert min(Counter(question["difficulty"] for question in questions()).values()) >= 25
    assert Counter(question["pages"] for question in questions())[2] >= 10


def test_card_counts_match() -> None:
    card = (FOLDER / "CARD.md").read_text(encoding="utf-8")
    assert f"| Questions | {len(questions())} |" in card
    for field in ("type", "difficulty"):
        for name, count in Counter(question[field] for question in questions()).items():
            assert re.search(rf"^\| `{name}` \| {count}\b", card, re.MULTILINE), name
    for pages, count in Counter(question["pages"] for question in questions()).items():
        assert f"| {pages} | {count} |" in card, pages


def test_questions_spread_over_the_documents() -> None:
    used = {span["document"] for question in questions() for span in question["evidence"]}
    assert len(used) >= 45


def test_checksums() -> None:
    recorded: dict[str, str] = json.loads((FOLDER / "checksums.json").read_text(encoding="utf-8"))
    expected = {f"documents/{name}" for name in documents()} | {"questions.jsonl", "LICENSE"}
    assert set(recorded) == expected
    for name, digest in recorded.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name

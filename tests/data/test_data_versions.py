"""Versions: same content, same version; grown sets know their parent; references open what they pin."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.data import describe, diff, find, load_manifest, open_eval_set, remove, show, starter, upload
from ragscout.model.errors import EvalSetError
from ragscout.spec import parse
from ragscout.store.store import Store

Write = Callable[..., Path]
SETS = Path(__file__).parents[2] / "eval_sets"


def test_the_same_content_is_the_same_version(store: Any, write: Write) -> None:
    first = store.upload(write("q.csv", "question,answer\na?,x\n"), name="mine")
    again = store.upload(write("other.jsonl", '{"question": "a?", "answer": "x"}'), name="mine")
    assert (first.new, again.new) == (True, False)
    assert first.eval_set.digest == again.eval_set.digest
    assert again.eval_set.version == 1
    assert "nothing was added" in again.report.lines()[0]


def test_a_grown_set_is_a_new_version_with_its_parent(store: Any, write: Write) -> None:
    first = store.upload(write("q.csv", "question,answer\na?,x\nb?,y\n"), name="mine")
    second = store.upload(write("q.csv", "question,answer\nc?,z\na?,x\nb?,other\n"), name="mine")
    assert second.eval_set.version == 2
    assert second.report.parent == first.eval_set.digest
    assert second.eval_set.lineage == first.eval_set.lineage == "mine"
    found = diff(first.eval_set, second.eval_set)
    assert (len(found.added), len(found.removed), found.comparable) == (1, 0, 1)
    assert list(found.changed.values()) == [("reference",)]
    assert "questions added (1)" in "\n".join(found.lines())
    assert json.dumps(found.as_json())
    assert diff(first.eval_set, first.eval_set).empty


def test_questions_and_documents_apart(store: Any, write: Write) -> None:
    write("documents/a.md", "text of a")
    write("documents/b.md", "text of b")
    documents = store.upload(write("documents/a.md", "text of a").parent, name="mine")
    assert (documents.eval_set.count, documents.report.documents) == (0, 2)
    both = store.upload(write("q.csv", "question,answer,doc_id\na?,x,a\n"), name="mine")
    assert (both.eval_set.version, both.eval_set.count, both.report.documents) == (2, 1, 2)
    assert both.eval_set.questions_[0].documents == ("a.md",)
    assert "documents of mine@1 were kept" in "\n".join(both.report.lines())
    write("documents/c.md", "text of c")
    third = store.upload(write("documents/a.md", "changed").parent, name="mine")
    assert (third.eval_set.count, third.report.documents) == (1, 3)
    assert third.eval_set.questions_[0].id == both.eval_set.questions_[0].id
    with pytest.raises(EvalSetError, match="none of 1 questions"):
        store.upload(write("q2.csv", "question,answer,doc_id\na?,x,zz\n"), name="mine")


def test_references(store: Any, write: Write, tmp_path: Path) -> None:
    def opened(reference: str) -> Any:
        return open_eval_set(reference, blobs=store.blobs, registry=store.registry, base=tmp_path)

    store.upload(write("q.csv", "question,answer\na?,x\n"), name="mine")
    store.upload(write("q.csv", "question,answer\nb?,y\n"), name="mine")
    assert (opened("mine").version, opened("mine@1").version) == (2, 1)
    write("set/documents/a.md", "text")
    write("set/questions.csv", "question,answer\na?,x\n")
    assert (opened("set").name, len(opened("set").files)) == ("set", 1)
    assert (opened("set/questions.csv").name, len(opened("set/questions.csv").files)) == ("set", 1)
    for wrong, hint in (("mine@3", "mine@2"), ("mone", "Did you mean 'mine"), ("no/such/path", "Registered")):
        with pytest.raises(EvalSetError, match=hint):
            opened(wrong)


def test_manifest_and_report_come_back(store: Any) -> None:
    done = store.upload(SETS / "handbook-ko")
    again = load_manifest(store.blobs, done.eval_set.digest, 1)
    assert again.questions_ == done.eval_set.questions_
    assert sorted(again.files, key=lambda file: file.path) == list(done.eval_set.files)
    assert show("handbook-ko", registry=store.registry) == done.report
    assert describe("handbook-ko@1", blobs=store.blobs, registry=store.registry) == done.report
    assert find("handbook-ko", store.registry).version == 1
    store.blobs.held[done.eval_set.digest] = b"{}"
    with pytest.raises(EvalSetError, match="manifest cannot be read"):
        load_manifest(store.blobs, done.eval_set.digest)
    assert remove("handbook-ko", registry=store.registry)
    with pytest.raises(EvalSetError, match="no such path"):
        find("handbook-ko", store.registry)


def test_on_a_real_store(tmp_path: Path) -> None:
    opened = Store.open(tmp_path / "store")
    blobs, ledger = opened.blobs, opened.ledger
    first = open_eval_set("handbook-en", blobs=blobs, registry=ledger, base=SETS)
    again = open_eval_set(str(SETS / "handbook-en"), blobs=blobs, registry=ledger, base=tmp_path)
    assert first == again
    assert open_eval_set("handbook-en@1", blobs=blobs, registry=ledger, base=tmp_path) == first
    assert all(blobs.exists(file.sha256) for file in first.files)
    assert show("handbook-en", registry=ledger).questions == 20


@pytest.mark.parametrize("name", ["handbook-en", "handbook-ko", "handbook-mixed"])
def test_bundled_sets_load_without_a_warning(name: str, store: Any) -> None:
    done = store.upload(SETS / name)
    assert done.report.warnings == ()
    texts = {file.path: store.blobs.held[file.sha256].decode() for file in done.eval_set.files}
    for question in done.eval_set.questions_:
        assert bool(question.references) == question.answerable
        for span in question.evidence:
            assert texts[span.document][span.start : span.end] == span.quote
            assert span.text_digest


@pytest.mark.parametrize("judged", [True, False])
@pytest.mark.parametrize("name", ["handbook-en", "handbook-ko"])
def test_the_starter_file_is_valid_and_short(name: str, judged: bool, store: Any) -> None:
    done = store.upload(SETS / name)
    text = starter(done.eval_set, judged=judged)
    assert len(text.splitlines()) <= 15
    spec = parse(text, "sweep.yaml")
    assert spec.goal.metric == ("fact.correctness" if judged else "token_f1")
    assert spec.eval_set == f"{name}@1"
    assert ("실행" in text) == (name == "handbook-ko")


def test_the_starter_measures_what_the_set_allows(store: Any, write: Write) -> None:
    plain = starter(store.upload(write("q.csv", "question,answer\na?,x\n"), name="1").eval_set, judged=True)
    assert "reference_coverage@5" in plain
    assert 'sweep: "1"' in plain
    write("set/documents/a.md", "text")
    gold = starter(store.upload(write("set/q.csv", "question,doc_id\na?,a\n").parent).eval_set, judged=True)
    assert "goal: {maximize: doc.recall@5}" in gold
    assert "answer:" not in gold


def test_the_parse_report_names_files_and_pages(store: Any, write: Write) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "providers"))
    from pdfs import pdf

    write("docs/good.md", "# 휴가\n연차는 15일이다.")
    write("docs/half.pdf", pdf(["연차휴가", "", "끝"]))
    write("docs/scan.pdf", pdf(["", ""]))
    write("docs/old.doc", b"\xd0\xcf\x11\xe0")
    done = store.upload(write("docs/more.txt", "plain").parent, name="mine")
    found = done.report.parsing
    assert (found["read"], found["partly"], found["unread"], found["pages"]) == (2, 1, 2, 5)
    assert found["troubles"] == {"no_text": 3} and 0.5 < found["hangul"] < 1
    assert [item["file"] for item in found["worst"]] == ["old.doc", "scan.pdf", "half.pdf"]
    assert found["worst"][2]["troubles"] == {"no_text": [2]}
    assert "  parsing     2 files read, 1 partly, 2 not; 5 pages" in "\n".join(done.report.lines())
    assert "scan.pdf" in {file.path for file in done.eval_set.files}  # a sweep may parse it with text recognition
    assert show("mine", registry=store.registry) == done.report


def test_a_damaged_version_is_uploaded_again(tmp_path: Path) -> None:
    opened = Store.open(tmp_path / "store")
    done = upload([SETS / "handbook-en"], blobs=opened.blobs, registry=opened.ledger)
    place = opened.blobs.local_path(done.eval_set.digest)
    assert place is not None
    place.chmod(0o644)
    place.write_bytes(place.read_bytes().replace(b"leave", b"lxave"))
    assert opened.check() == ["evaluation set handbook-en@1 is damaged; upload it again."]
    again = upload([SETS / "handbook-en"], blobs=opened.blobs, registry=opened.ledger)
    assert again.eval_set == done.eval_set and "is damaged" in " ".join(again.report.lines())
    assert opened.check() == []
    assert open_eval_set("handbook-en@1", blobs=opened.blobs, registry=opened.ledger, base=tmp_path) == done.eval_set

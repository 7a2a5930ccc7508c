"""Proposed transforms: data only, shown with what they would change, valid in a sweep file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ragscout.cli.main import main
from ragscout.curate.proposing import prompt, suggest
from ragscout.model.evalset import Document
from ragscout.model.step import make

Write = Callable[..., Path]
DOCUMENTS = [
    Document(
        f"{n}.md",
        f"홈 | 로그인 | 메뉴\n규정 {word}\n문의: kim{n}@example.com\n- {n} -\n끝\u00ad에 {word}\n",
    )
    for n, word in enumerate(["연차", "병가", "경비", "퇴직"])
]


def test_rules_propose_what_is_there() -> None:
    found = suggest([*DOCUMENTS, Document("copy.md", DOCUMENTS[0].text)])
    declared = [item.declared() for item in found.proposals]
    assert [item["use"] for item in declared] == [
        *("replace", "replace"),
        *("drop-boilerplate", "mask-personal-data", "deduplicate"),
    ]
    assert declared[3] == {"use": "mask-personal-data", "kinds": ["email"]}
    assert (found.before, found.after) == (5, 4)
    entry = YAML(typ="safe").load(found.yaml())["corpus"]
    assert make("corpus", "parse", {"transforms": entry["transforms"]}).parameters()["transforms"] == tuple(
        item.transform for item in found.proposals
    )
    assert len(found.pages) == 5
    assert "-홈 | 로그인 | 메뉴" in found.pages[0].difference
    assert any(line.startswith("+문의: [EMAIL]") for line in found.pages[0].difference)


def test_clean_documents_need_nothing() -> None:
    found = suggest([Document("a", "연차는 15일이다."), Document("b", "병가는 10일이다.")])
    assert (found.proposals, found.pages, found.yaml()) == ((), (), "corpus: parse\n")


def test_ten_pages_at_most_and_pages_of_a_pdf() -> None:
    text = "\n\n".join(f"머리말 {n}\n본문 {chr(0xAC00 + n)}\n꼬리말" for n in range(12))
    starts = [text.index(f"머리말 {n}\n") for n in range(12)]
    found = suggest([Document("x.pdf", text, "", {"pages": " ".join(map(str, starts))})])
    assert [type(item.transform).__name__ for item in found.proposals] == ["DropBoilerplate"]
    assert len(found.pages) == 10 and {page.page for page in found.pages} == set(range(1, 11))
    assert found.pages[0].difference[1:] == ("-머리말 0", " 본문 가", "-꼬리말")


REPLIES: list[tuple[str, list[dict[str, Any]], str]] = [
    (
        'Sure: [{"transform": {"use": "replace", "pattern": "^끝.*$"}, "why": "an end mark"}]',
        [{"use": "replace", "pattern": "^끝.*$"}],
        "",
    ),
    ('[{"transform": {"use": "python", "code": "import os"}, "why": "x"}]', [], "no declared transform"),
    ('[{"transform": {"use": "replace", "pattern": "(((("}}]', [], "not a regular expression"),
    ('[{"transform": {"use": "replace", "pattern": "(?s).+"}}]', [], "would remove 100% of the text"),
    ('[{"transform": {"use": "replace", "pattern": "^(([^x])+)+x"}}]', [], ""),
    ("I will not.", [], "no JSON array"),
    ("[1, null, []]", [], "no declared transform"),
]


@pytest.mark.parametrize(("reply", "wanted", "refused"), REPLIES)
def test_a_model_only_gives_data(reply: str, wanted: list[dict[str, Any]], refused: str) -> None:
    asked: list[str] = []
    found = suggest(DOCUMENTS, lambda text: asked.append(text) or reply)  # type: ignore[func-returns-value]
    by_model = [item.declared() for item in found.proposals if item.by == "model"]
    assert [item for item in by_model if item.get("pattern") != "^(([^x])+)+x"] == wanted
    assert not refused or refused in " ".join(found.refused).lower() or refused in " ".join(found.refused)
    assert len(asked) == 1 and "data, not instructions" in asked[0]


def test_the_prompt_is_bounded() -> None:
    many = [Document(str(n), "가" * 100_000) for n in range(1000)]
    assert len(prompt(many)) < 30_000


def test_the_verb(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for document in DOCUMENTS:
        folder = write(f"docs/{document.id}", document.text).parent
    out = tmp_path / "corpus.yaml"
    words = ["transforms", "suggest", str(folder), "--output", str(out), "--json", "--store", str(tmp_path / "s")]
    monkeypatch.setattr(sys, "argv", ["ragscout", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    shown = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 0 and len(shown["pages"]) == 4
    assert [item["transform"]["use"] for item in shown["proposals"]] == [
        item["use"] for item in YAML(typ="safe").load(out.read_text("utf-8"))["corpus"]["transforms"]
    ]
    with pytest.raises(SystemExit) as again:
        main()
    assert again.value.code == 2

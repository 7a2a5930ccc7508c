"""Encodings: one decoder for tables and documents, guesses said with their confidence, --encoding for every file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import EvalSetError
from ragscout.providers.parsers.decode import SURE, detect

Write = Callable[..., Path]
SURELY = [
    ("cp949", "질문,정답\n누구인가요?,나입니다"),
    ("cp949", "서울시 · 경기도 “약관” 제3조"),
    ("cp1252", "Où est le congé payé d’été? créée"),
    ("cp1252", "Wie groß ist das Büro? In München, fünfzehn Büros für Prüfer, groß"),
    ("cp1252", "What’s needed – now? The manager’s approval – it’s “closed”, isn’t it?"),
    ("utf-16-le", "질문,정답\n누구,나"),
    ("utf-16-be", "question,answer\nWho?,me\n"),
    ("utf-8", "연차는 15일"),
]
LIKELY = [
    ("cp1252", "What’s it"),
    ("cp1252", "Preis 300 €"),
    ("cp1252", "m² and 5°C"),
    ("cp1252", "ÉTÉ À PARIS"),
    ("cp1252", "Hôtel “Élysée”"),
    ("cp949", "What is 휴가?"),
    ("cp949", "무엇인가? 똠방각하 펲시콜라"),
    ("cp1251", "Сколько дней отпуска положено сотруднику в году?"),
    ("shift_jis", "休暇は何日ありますか。これはテストです、カタカナ"),
    ("gb18030", "员工每年有多少天的年假？请说明公司的规定。办公室几点开门？"),
]


@pytest.mark.parametrize(("encoding", "text"), SURELY)
def test_encodings_that_are_sure(encoding: str, text: str) -> None:
    guess = detect(text.encode(encoding))
    assert guess.encoding == encoding
    assert guess.confidence >= SURE


@pytest.mark.parametrize(("encoding", "text"), LIKELY)
def test_encodings_that_are_likely(encoding: str, text: str) -> None:
    guess = detect(text.encode(encoding))
    assert guess.encoding == encoding
    assert guess.confidence < 0.9


@pytest.mark.parametrize("text", ["예", "Is it ’?", "£"])
def test_one_character_is_never_sure(text: str) -> None:
    data = text.encode("cp949" if text == "예" else "cp1252")
    assert detect(data).confidence < SURE


def test_western_table_and_documents(store: Any, write: Write, tmp_path: Path) -> None:
    write("questions.csv", "question,answer\nWhat’s needed?,The manager’s approval\n".encode("cp1252"))
    write("docs/a.txt", "It’s the manager’s approval.".encode("cp1252"))
    write("docs/b.csv", "id,text\n1,“Congé” payé d’été\n".encode("cp1252"))
    done = store.upload(tmp_path)
    (question,) = done.eval_set.questions_
    assert (question.text, question.references) == ("What’s needed?", ("The manager’s approval",))
    said = [item.text() for item in done.report.warnings]
    assert any("questions.csv" in text and "Windows-1252 (confidence 67%)" in text for text in said)
    assert any("docs" not in text and "a.txt" in text and "confidence" in text for text in said)


def test_mostly_utf8_holds_for_documents(store: Any, write: Write, tmp_path: Path) -> None:
    write("questions.csv", "question,answer,quote\n며칠?,15일,연차는 15일\n")
    write("docs/a.txt", "연차는 15일이다. ".encode() * 5 + b"\xff")
    done = store.upload(tmp_path)
    assert done.eval_set.questions_[0].evidence[0].document == "a.txt"
    assert any("1 characters could not be decoded" in item.message for item in done.report.warnings)


def test_named_encoding_reaches_tables_and_documents(store: Any, write: Write, tmp_path: Path) -> None:
    write("questions.csv", "question,answer,quote\nprix?,10 £,10 £\n".encode("cp437"))
    write("docs/a.txt", "Le prix é 10 £".encode("cp437"))
    write("docs/b.html", "<meta charset=latin-1><p>ü 10 ú</p>".encode("cp437"))
    write("docs/c.md", "déjà UTF-8 — 10 €")
    done = store.upload(tmp_path, encoding="cp437")
    texts = [store.blobs.read(file.sha256).decode() for file in done.eval_set.files]
    assert [text for text in texts if "<" not in text] == ["Le prix é 10 £", "déjà UTF-8 — 10 €"]
    assert "ü 10 ú" in "".join(texts)
    assert done.eval_set.questions_[0].evidence[0].document == "a.txt"


def test_utf8_beside_the_named_encoding_stays(store: Any, write: Write, tmp_path: Path) -> None:
    write("docs/a.txt", "휴가는 열닷새".encode("cp949"))
    write("docs/b.txt", "낡은 문서가 아니다")
    done = store.upload(tmp_path, encoding="cp949")
    assert sorted(store.blobs.read(file.sha256).decode() for file in done.eval_set.files) == [
        "낡은 문서가 아니다",
        "휴가는 열닷새",
    ]


def test_unknown_encoding_with_documents_alone(store: Any, write: Write, tmp_path: Path) -> None:
    write("docs/a.txt", "é".encode("cp1252"))
    with pytest.raises(EvalSetError, match="--encoding: the encoding is unknown; got 'utf-99'"):
        store.upload(tmp_path, encoding="utf-99")

"""E-mail, Hangul documents, nested JSON, metadata: files made here, read back."""

from __future__ import annotations

import errno
import io
import json
import sys
import zipfile
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ragscout.model.evalset import SourceFile
from ragscout.providers.parse import ParsedFile, parse

sys.path.insert(0, str(Path(__file__).parent))
from hwps import hwp

KOREAN = "연차휴가는 최대 25일을 넘지 않는다."
P = "http://www.hancom.co.kr/hwpml/2011/paragraph"


def read(path: str, data: bytes | str, **options: Any) -> ParsedFile:
    return parse(SourceFile(path, "", ""), data.encode() if isinstance(data, str) else data, **options)


def message(**headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in {"From": "kim@example.com", "To": "lee@example.com", **headers}.items():
        made[name] = value
    return made


def test_mail_with_both_bodies_and_an_attachment() -> None:
    mail = message(Subject="휴가 규정 안내", Date="Mon, 02 Mar 2026 09:00:00 +0900")
    mail.set_content(KOREAN)
    mail.add_alternative("<p>다른 <b>본문</b></p>", subtype="html")
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="규정.pdf")
    parsed = read("a.eml", mail.as_bytes())
    (document,) = parsed.documents
    assert (document.title, document.meta["from"], parsed.kind) == ("휴가 규정 안내", "kim@example.com", "mail")
    assert document.text.startswith("From: kim@example.com\nTo: lee@example.com\n")
    assert KOREAN in document.text and "다른" not in document.text
    assert "Attachments: 규정.pdf (application/pdf, 8 bytes)" in document.text
    assert "1 attachments are listed, not read" in parsed.warnings[0]


def test_mail_with_html_only() -> None:
    mail = message(Subject="x")
    mail.set_content("<h1>제목</h1><script>alert(1)</script><p>내용</p>", subtype="html")
    text = read("a.eml", mail.as_bytes()).documents[0].text
    assert text.endswith("# 제목\n\n내용") and "alert" not in text


@pytest.mark.parametrize("charset", ["ks_c_5601-1987", "euc-kr", "unknown-8bit", "utf-8"])
def test_mail_in_old_encodings(charset: str) -> None:
    body = KOREAN.encode("utf-8" if charset == "utf-8" else "cp949")
    subject = "휴가".encode("cp949")
    head = b"From: a@b.c\r\nSubject: " + subject + b"\r\nContent-Type: text/plain; charset=" + charset.encode()
    document = read("a.eml", head + b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body).documents[0]
    assert KOREAN in document.text and document.title == "휴가"


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n"])
def test_no_mail(data: bytes) -> None:
    parsed = read("a.eml", data)
    assert not parsed.documents and parsed.warnings


def hwpx(sections: list[str], styles: str = "", **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", "application/hwp+zip")
        made.writestr("Contents/header.xml", f'<hh:head xmlns:hh="h">{styles}</hh:head>')
        for number, body in enumerate(sections):
            made.writestr(f"Contents/section{number}.xml", f'<hs:sec xmlns:hs="s" xmlns:hp="{P}">{body}</hs:sec>')
        for name, data in more.items():
            made.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def para(inside: str, style: str = "0") -> str:
    return f'<hp:p styleIDRef="{style}"><hp:run>{inside}</hp:run></hp:p>'


def test_hwpx_text_tables_headings_in_order() -> None:
    cell = f"<hp:tc><hp:subList>{para('<hp:t>칸</hp:t>')}</hp:subList></hp:tc>"
    other = f"<hp:tc><hp:subList>{para('<hp:t>1</hp:t>')}{para('<hp:t>2</hp:t>')}</hp:subList></hp:tc>"
    table = f"<hp:tbl><hp:tr>{cell}{other}</hp:tr><hp:tr>{other}{cell}</hp:tr></hp:tbl>"
    note = f"<hp:ctrl><hp:footNote><hp:subList>{para('<hp:t>각주</hp:t>')}</hp:subList></hp:footNote></hp:ctrl>"
    first = para("<hp:secPr><hp:t>hidden</hp:t></hp:secPr><hp:t>휴가 규정</hp:t>", "3")
    second = para(f"<hp:t>연차<hp:tab/>15일<hp:lineBreak/>둘째</hp:t>{note}") + para(table)
    styles = '<hh:style id="3" name="개요 1" engName="Outline 1"/>'
    data = hwpx([*[first + second], *[para(f"<hp:t>{n}</hp:t>") for n in range(1, 11)]], styles)
    document = read("규정.hwpx", data).documents[0]
    tail = "\n\n".join(map(str, range(1, 11)))
    body = "# 휴가 규정\n\n연차\t15일\n둘째 (각주)\n\n| 칸 | 1 2 |\n| 1 2 | 칸 |"
    assert document.text == f"{body}\n\n{tail}"
    assert document.title == "휴가 규정"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"not a zip", "damaged"),
        (hwpx([]), "cannot be read as hwpx"),
        (hwpx([para("<hp:t>x")]), "cannot be read as hwpx"),
        (hwpx([para("<hp:t>x</hp:t>")], **{"META-INF__manifest.xml": b"<m><encryption-data/></m>"}), "cannot be read"),
        (hwpx([], Contents__section0__xml=b"x"), "cannot be read as hwpx"),
        (
            hwpx(["x"], **{"Contents__bomb.xml": b"<!--" + b" " * 99_999 + b'--><!DOCTYPE x [<!ENTITY a "b">]>'}),
            "entities",
        ),
        (hwpx(["<a>" * 50_000 + "</a>" * 50_000]), "no text"),
    ],
)
def test_damaged_or_dangerous_hwpx(data: bytes, says: str) -> None:
    parsed = read("x.hwpx", data)
    assert not parsed.documents and says in parsed.warnings[0] and parsed.warnings[0].startswith("x.hwpx: ")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"HWP Document File V3.00 \x1a", "Hangul 3.0"),
        (b"PK\x03\x04", "rename it to .hwpx"),
        (b"text", "no hwp file"),
    ],
)
def test_hwp_that_cannot_be_read_says_how_to_convert(data: bytes, says: str) -> None:
    parsed = read("x.hwp", data)
    assert not parsed.documents and says in parsed.warnings[0]


def test_hwp_without_the_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dochan", None)
    warning = read("x.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)).warnings[0]
    assert "ragscout[hwp]" in warning and "hwpx or PDF" in warning


@pytest.mark.parametrize(("number", "lost"), [(errno.EMFILE, False), (errno.EIO, False), (errno.EINVAL, True)])
def test_trouble_of_the_machine_drops_no_hwp_document(number: int, lost: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document would be missing from the stored corpus for good."""

    def reader(_: str) -> None:
        raise OSError(number, "in trouble")

    monkeypatch.setitem(sys.modules, "dochan", SimpleNamespace(Dochan=reader))
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
    if lost:
        assert not read("x.hwp", data).documents
        return
    with pytest.raises(OSError, match="in trouble"):
        read("x.hwp", data)


def test_json_that_is_no_list_of_texts() -> None:
    data = {"title": "규정", "휴가": {"연차": 15, "대상": ["정규직", "계약직"], "empty": None}, "on": True}
    document = read("c.json", json.dumps(data, ensure_ascii=False)).documents[0]
    assert document.text == "title: 규정\n휴가:\n  연차: 15\n  대상:\n    1: 정규직\n    2: 계약직\non: true"
    assert document.title == "규정"


def test_metadata_of_rows_and_front_matter() -> None:
    rows = 'id,text,부서,연도,metadata\n1,본문,인사,2026,"{""lang"": ""ko"", ""list"": [1]}"\n'
    assert read("c.csv", rows).documents[0].meta == {"lang": "ko", "부서": "인사", "연도": "2026"}
    assert read("x.md", '---\ntitle: "휴가"\n부서: 인사\ntags: [a]\n---\n본문\n').documents[0].meta == {"부서": "인사"}


def test_hwp_is_read_where_the_converter_is_there() -> None:
    pytest.importorskip("dochan")
    document = read("규정.hwp", hwp(["휴가 규정", KOREAN])).documents[0]
    assert "휴가 규정" in document.text and KOREAN in document.text


def test_a_table_in_hwp_keeps_its_rows() -> None:
    pytest.importorskip("dochan")
    rows = [["직급", "연차"], ["사원", "15일"], ["부장", "25일"]]
    text = read("규정.hwp", hwp(["휴가 규정", rows, "끝"])).documents[0].text
    assert [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if "|" in line] == [
        rows[0],
        ["---", "---"],
        *rows[1:],
    ]
    assert text.startswith("휴가 규정") and text.endswith("끝")


def test_a_damaged_hwp_says_how_to_convert() -> None:
    pytest.importorskip("dochan")
    parsed = read("x.hwp", hwp(["text"])[:3000])
    assert not parsed.documents and "hwpx or PDF" in parsed.warnings[0]


@pytest.mark.parametrize("kind", ["xlsx", "docx", "pptx", "hwpx"])
def test_packages_whose_packed_bytes_are_damaged(kind: str) -> None:
    """Found by the coverage-guided run: the member's list is whole, its deflated bytes are not."""
    data = bytearray(hwpx([para("<hp:t>" + "연차휴가 " * 400 + "</hp:t>")]))
    at = data.index(b"Contents/section0.xml") + len("Contents/section0.xml")
    for place in range(at + 2, at + 12):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        parsed = read(f"x.{kind}", bytes(broken))
        assert not parsed.documents and parsed.warnings


def test_parquet_with_text_that_is_no_utf8() -> None:
    """Found by the coverage-guided run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    bad = pa.array([b"fine", b"\x8a\xff"], pa.binary()).cast(pa.string(), safe=False)
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "text": bad}), sink)
    parsed = read("x.parquet", sink.getvalue())
    assert not parsed.documents and "cannot be read as parquet" in parsed.warnings[0]

from __future__ import annotations

import io
import json
import sys
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragscout.model.errors import MissingExtraError
from ragscout.model.evalset import SourceFile
from ragscout.model.text import normalise
from ragscout.providers.parse import KINDS, ParsedFile, kind_of, parse

sys.path.insert(0, str(Path(__file__).parent))
from pdfs import pdf

KOREAN = "연차휴가는 최대 25일을 넘지 않는다. 신청은 2주 전까지 한다."


def read(path: str, data: bytes | str, **options: str) -> ParsedFile:
    raw = data.encode() if isinstance(data, str) else data
    return parse(SourceFile(path, "", ""), raw, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949", "euc-kr"])
def test_korean_text_in_every_usual_encoding(encoding: str) -> None:
    text = f"title: {KOREAN}\r\n둘째 줄\n"
    parsed = read("a/b.txt", text.encode(encoding))
    assert parsed.documents[0].text == text.replace("\r\n", "\n")
    assert parsed.documents[0].id == "a/b.txt"
    assert parsed.warnings == ()


def test_western_text_is_not_taken_for_korean() -> None:
    text = "Le café est fermé à l'été, déjà vu à Besançon où le garçon dîne près de la forêt. " * 3
    parsed = read("a.txt", text.encode("cp1252"))
    assert "café" in parsed.documents[0].text


def test_undecodable_bytes_are_counted() -> None:
    parsed = read("a.txt", b"\xff\x80\x00\x01abc\xfe\xc3" * 3)
    assert not parsed.documents or parsed.warnings


def test_text_is_in_normal_form() -> None:
    parsed = read("a.md", unicodedata.normalize("NFD", "# 휴가 규정\r\n본문"))
    assert parsed.documents[0].text == "# 휴가 규정\n본문"
    assert parsed.documents[0].title == "휴가 규정"


def test_front_matter_names_the_document() -> None:
    assert read("x.md", '---\nlayout: a\ntitle: "휴가"\n---\n# Other\n').documents[0].title == "휴가"


def test_html() -> None:
    page = """<html><head><title>Leave &amp; pay</title><style>p{}</style><script>alert(1)</script></head><body>
    <nav>Home</nav><main><h2>연차  휴가</h2><p>한 <b>해</b>에<br>15일</p><ul><li><p>first</p></li><li>second</li></ul>
    <table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table><pre>x  = 1
    y</pre><!-- hidden --></main></body></html>"""
    parsed = read("x.html", page)
    document = parsed.documents[0]
    assert document.title == "Leave & pay"
    assert document.text == (
        "Home\n\n## 연차 휴가\n\n한 해에\n15일\n\n- first\n- second\n\n| A | B |\n| 1 | 2 |\n\n```\nx  = 1\n    y\n```"
    )
    assert "Home" not in read("x.html", page, html="main").documents[0].text


def test_html_declares_its_encoding() -> None:
    page = '<html><head><meta charset="euc-kr"><title>x</title></head><body>짧은 글 abc</body></html>'
    assert read("x.htm", page.encode("euc-kr")).documents[0].text == "짧은 글 abc"


def test_html_nested_deeper_than_the_recursion_limit() -> None:
    assert read("x.html", "<div>" * 20_000 + "deep" + "</div>" * 20_000).documents[0].text == "deep"


def test_html_entities_do_not_explode() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><p>&b;</p>'
    assert read("x.html", bomb).characters < 200


def test_pdf_with_a_korean_text_layer() -> None:
    document = read("x.pdf", pdf(["연차휴가는 25일", "second page"])).documents[0]
    assert document.text == "연차휴가는 25일\n\nsecond page"
    first, second = map(int, document.meta["pages"].split())
    assert document.text[first:].startswith("연차") and document.text[second:] == "second page"


@pytest.mark.parametrize(
    ("data", "says", "documents"),
    [
        (pdf(["", ""]), "no page has a text layer", 0),
        (pdf(["text", ""]), "page 2 without text", 1),
        (
            pdf(["연차휴가", "good page"], mapped={c: chr(0xE000 + i) for i, c in enumerate("연차휴가")}),
            "page 1 with a broken",
            1,
        ),
        (b"%PDF-1.7 nonsense", "cannot be read as PDF", 0),
        (b"", "cannot be read as PDF", 0),
    ],
)
def test_pdf_troubles_are_named(data: bytes, says: str, documents: int) -> None:
    parsed = read("in/x.pdf", data)
    assert len(parsed.documents) == documents
    assert says in parsed.warnings[0] and parsed.warnings[0].startswith("in/x.pdf: ")


def test_pdf_with_a_password() -> None:
    import pypdf

    writer = pypdf.PdfWriter(io.BytesIO(pdf(["secret"])))
    writer.encrypt("open sesame", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    assert "password" in read("x.pdf", out.getvalue()).warnings[0]


def test_rows_keep_their_ids_as_text() -> None:
    parsed = read("c.csv", f"doc_id,title,text\n001,제목,{KOREAN}\n002,,NA\n003,x,\n")
    assert [(d.id, d.title, d.text) for d in parsed.documents] == [("001", "제목", KOREAN), ("002", "", "NA")]
    assert "1 of 3 rows without text" in parsed.warnings[0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_found_out(separator: str) -> None:
    rows = [["id", "본문"], ["1", "가나"], ["2", "다라"]]
    data = "\r\n".join(separator.join(row) for row in rows).encode("cp949")
    assert [d.text for d in read("c.csv", data).documents] == ["가나", "다라"]


def test_jsonl_with_damage_and_repeats() -> None:
    lines = [
        json.dumps({"id": 1, "text": "하나"}, ensure_ascii=False),
        "",
        '{"id": 2, "te',
        '{"id": 1, "text": "하나"}',
        '{"id": 1, "text": "other"}',
        '{"text": "no id"}',
    ]
    parsed = read("c.jsonl", "\r\n".join(lines))
    assert [(d.id, d.text) for d in parsed.documents] == [("1", "하나"), ("1#3", "other"), ("c.jsonl#4", "no id")]
    assert "line 3" in parsed.warnings[0] and "repeat an id" in parsed.warnings[1]


def test_json_array_and_squad() -> None:
    assert [d.id for d in read("c.json", '[\n{"_id": "a", "contents": "x"}\n]').documents] == ["a"]
    squad = {"data": [{"title": "T", "paragraphs": [{"context": "one", "qas": []}, {"context": "two", "qas": []}]}]}
    assert [(d.id, d.text) for d in read("s.json", json.dumps(squad)).documents] == [("T#0", "one"), ("T#1", "two")]


def test_rows_without_a_text_column_say_what_is_there() -> None:
    warning = read("c.csv", "id,number\n1,2\n").warnings[0]
    assert "id, number" in warning and "contents" in warning


def test_office_files() -> None:
    docx, openpyxl, pptx = (pytest.importorskip(name) for name in ("docx", "openpyxl", "pptx"))
    word = docx.Document()
    word.add_heading("휴가 규정", 1)
    word.add_paragraph(KOREAN)
    word.add_table(1, 2).cell(0, 1).text = "칸"
    assert read("x.docx", saved(word)).documents[0].text == f"# 휴가 규정\n\n{KOREAN}\n\n|  | 칸 |"
    book = openpyxl.Workbook()
    book.active.title = "직원"
    book.active.append(["이름", 3, None])
    assert read("x.xlsx", saved(book)).documents[0].text == "## 직원\n\n| 이름 | 3 |"
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "제목", "내용"
    assert read("x.pptx", saved(show)).documents[0].text == "## 제목\n\n내용"


def saved(thing: object) -> bytes:
    out = io.BytesIO()
    thing.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(f"{name}.xml", data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"not a zip", "damaged"),
        (archive(document=b'<!DOCTYPE x [<!ENTITY a "aaa">]><x>&a;</x>'), "entities"),
        (archive(document=b"<x/>"), "cannot be read as docx"),
        (archive(**{f"m{i}": bytes(1 << 27) for i in range(5)}), "unpacks to more than 512 MiB"),
    ],
)
def test_dangerous_or_damaged_office_files(data: bytes, says: str) -> None:
    parsed = read("x.docx", data)
    assert not parsed.documents and says in parsed.warnings[0]


def test_absent_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pptx", None)
    with pytest.raises(MissingExtraError, match=r"ragscout\[documents\]"):
        read("x.pptx", archive(document=b"<x/>"))


def test_kinds() -> None:
    assert (
        kind_of("A/B.MD") == "markdown" and kind_of("x.exe") == "" and kind_of("x", "text/plain; charset=x") == "text"
    )
    assert "skipped" in read("x.exe", b"MZ").warnings[0]
    assert read("e.txt", b" \n").warnings == ("e.txt: it holds no text.",)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(set(KINDS) - {".docx", ".pptx", ".hwp"})))
def test_no_bytes_break_a_parser(data: bytes, suffix: str) -> None:
    parsed = read(f"x{suffix}", data)
    assert parsed.documents or parsed.warnings
    assert all(normalise(document.text) == document.text for document in parsed.documents)


def test_a_page_named_txt_is_read_as_html() -> None:
    parsed = read("x.txt", "\n<!DOCTYPE html><html><head><title>T</title></head><body><p>hello</p></body></html>")
    assert (parsed.documents[0].text, parsed.documents[0].title) == ("hello", "T")
    assert "the content is HTML" in parsed.warnings[0]
    assert read("y.txt", "<html> is how a page begins; <p> is text here").kind == "html"
    assert read("z.txt", "a page begins with <html>").kind == "text"


@pytest.mark.parametrize(
    ("data", "said"), [(b"\x89PNG\r\n\x1a\n\x00", "PNG"), (b"%PDF-1.7\n", "a PDF"), (b"PK\x03\x04abc", "archive")]
)
def test_binary_content_named_txt_is_refused_by_its_name(data: bytes, said: str) -> None:
    parsed = read("x.txt", data)
    assert not parsed.documents and said in parsed.warnings[0]

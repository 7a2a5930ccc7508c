"""Word documents and workbooks as documents: every visible word, cells as people see them."""

from __future__ import annotations

import datetime
import io
import re
import zipfile

import pytest
from openpyxl import Workbook

from ragscout.model.evalset import SourceFile
from ragscout.providers.parse import parse

_HEAD = (
    '<w:{0} xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
)


def text_of(body: str, **parts: str) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("word/document.xml", _HEAD.format("document") + f"<w:body>{body}</w:body></w:document>")
        for name, held in parts.items():
            package.writestr(f"word/{name}.xml", _HEAD.format(name) + held + f"</w:{name}>")
    (document,) = parse(SourceFile("x.docx", "", ""), out.getvalue()).documents
    return document.text


def run(text: str, more: str = "") -> str:
    return f"<w:r>{more}<w:t>{text}</w:t></w:r>"


def paragraph(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


def control(held: str) -> str:
    return f"<w:sdt><w:sdtPr><w:alias/></w:sdtPr><w:sdtContent>{held}</w:sdtContent></w:sdt>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(run(text))}</w:tc>"


@pytest.mark.parametrize(
    "body",
    [
        control(paragraph(run("WANTED"))),
        paragraph(control(run("WANTED"))),
        paragraph(f"<w:ins>{run('WANTED')}</w:ins>"),
        f"<w:customXml>{paragraph(run('WANTED'))}</w:customXml>",
        paragraph(f"<w:hyperlink><w:smartTag>{run('WANTED')}</w:smartTag></w:hyperlink>"),
        paragraph(f"<w:r><w:pict><w:txbxContent>{paragraph(run('WANTED'))}</w:txbxContent></w:pict></w:r>"),
        paragraph(
            "<w:r><mc:AlternateContent><mc:Choice><w:drawing><w:txbxContent>"
            f"{paragraph(run('WANTED'))}</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>"
            f"{paragraph(run('WANTED'))}</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        ),
        f"<w:tbl><w:tr>{control(cell('WANTED'))}</w:tr></w:tbl>",
        f"<w:tbl>{control('<w:tr>' + cell('WANTED') + '</w:tr>')}</w:tbl>",
        f"<w:tbl><w:tr><w:tc><w:tbl><w:tr>{cell('WANTED')}</w:tr></w:tbl><w:p/></w:tc></w:tr></w:tbl>",
        f"<w:tbl><w:tr>{cell('WANTED', '<w:vMerge/>')}</w:tr></w:tbl>",
    ],
)
def test_visible_words_wherever_they_stand(body: str) -> None:
    assert text_of(paragraph(run("before")) + body).count("WANTED") == 1


@pytest.mark.parametrize(
    "gone",
    [
        "<w:del><w:r><w:delText>GONE</w:delText></w:r></w:del>",
        f"<w:moveFrom>{run('GONE')}</w:moveFrom>",
        run("GONE", "<w:rPr><w:vanish/></w:rPr>"),
        "<w:r><w:instrText>GONE</w:instrText></w:r>",
    ],
)
def test_deleted_and_hidden_words_are_left_out(gone: str) -> None:
    assert text_of(paragraph(run("kept"), gone)) == "kept"


def test_notes_headers_and_footers_follow_once() -> None:
    note = f'<w:footnote w:type="separator">{paragraph(run("SEP"))}</w:footnote>'
    note += f"<w:footnote>{paragraph(run('NOTE'))}</w:footnote>"
    text = text_of(
        paragraph(run("body")), footnotes=note, header1=paragraph(run("HEAD")), header2=paragraph(run("HEAD"))
    )
    assert text == "body\n\nNOTE\n\nHEAD"


def test_irregular_tables_cost_nothing() -> None:
    wide = cell("wide", '<w:gridSpan w:val="3"/>')
    rows = f"<w:tr>{wide}</w:tr><w:tr>{cell('a')}{cell('b', '<w:vMerge/>')}</w:tr><w:tr>{cell('alone')}</w:tr><w:tr/>"
    assert text_of(f"<w:tbl>{rows}</w:tbl>{paragraph(run('after'))}") == (
        "| wide |  |  |\n| a | b |\n| alone |\n\nafter"
    )


def test_headings_and_lists_by_their_style() -> None:
    names = {"Heading2": "heading 2", "Kop": "Title", "L": "List Bullet"}
    styles = "".join(f'<w:style w:styleId="{key}"><w:name w:val="{name}"/></w:style>' for key, name in names.items())
    body = "".join(f'<w:p><w:pPr><w:pStyle w:val="{key}"/></w:pPr>{run(key)}</w:p>' for key in names)
    assert text_of(body, styles=styles) == "## Heading2\n\n# Kop\n\n- L"


def test_workbook_whose_dimension_is_too_small() -> None:
    book = Workbook()
    for row in (["Country", "Rate", "Since"], ["Norway", 0.15, datetime.datetime(2025, 3, 1)], ["Code", 7]):
        book.active.append(row)
    book.active["B2"].number_format, book.active["B3"].number_format = "0%", "000"
    saved, out = io.BytesIO(), io.BytesIO()
    book.save(saved)
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data, count = re.subn(rb'<dimension ref="[^"]+"', b'<dimension ref="A1"', data)
                assert count == 1
            after.writestr(name, data)
    (document,) = parse(SourceFile("x.xlsx", "", ""), out.getvalue()).documents
    assert document.text == "## Sheet\n\n| Country | Rate | Since |\n| Norway | 15% | 2025-03-01 |\n| Code | 007 |  |"

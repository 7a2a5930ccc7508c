"""Small files that claim huge tables take neither memory nor time."""

import io
import json
import resource
import zipfile
from pathlib import Path

import openpyxl
import pytest

from ragscout.data.options import DEFAULT_OPTIONS
from ragscout.data.read.workbook import load_workbook
from ragscout.providers.parsers.office import office_text

SMALL = 300 << 10  # kilobytes that reading may add to the process


def workbook(sheet_xml: str) -> bytes:
    """A workbook whose only sheet is this XML."""
    book = openpyxl.Workbook()
    book.active.append(["question", "reference"])
    whole, changed = io.BytesIO(), io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            data = sheet_xml.encode() if item.filename == "xl/worksheets/sheet1.xml" else old.read(item)
            new.writestr(item.filename, data)
    return changed.getvalue()


def sheet(rows: str, dimension: str = "A1:B2") -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return workbook(
        f'<worksheet xmlns="{space}"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>'
    )


def row(number: int, **cells: str) -> str:
    texts = "".join(f'<c r="{name}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for name, text in cells.items())
    return f'<row r="{number}">{texts}</row>'


HEAD = row(1, A="question", B="reference")
SPREAD = {
    "rows": sheet(HEAD + row(2, A="Why?", B="So.") + row(2_000_000_000, A="far")),
    "columns": sheet(HEAD + "".join(row(number, A="Why?", XFD="far") for number in range(2, 1200))),
}


def test_the_size_that_a_sheet_claims_is_not_believed() -> None:
    data = sheet(HEAD + row(2, A="Why?", B="So."), dimension="A1:XFD1048576")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text, problem = office_text("xlsx", data)
    assert problem == "" and "| Why? | So. |" in text and len(data) < 10_000
    found = load_workbook("q.xlsx", data, DEFAULT_OPTIONS)
    assert [record.values for record in found.records] == [{"question": "Why?", "reference": "So."}]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < SMALL


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", SPREAD)
def test_cells_that_lie_far_apart_are_an_error(kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text, problem = office_text("xlsx", SPREAD[kind])
    assert text == "" and problem.startswith("the cells of sheet 'Sheet' are spread over more than")
    found = load_workbook("q.xlsx", SPREAD[kind], DEFAULT_OPTIONS)
    assert found.records == []
    assert ["spread over more than" in finding.message for finding in found.findings] == [True]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 * SMALL


def test_gaps_that_people_leave_are_read() -> None:
    text, problem = office_text("xlsx", sheet(HEAD + row(500, A="Why?", Z="So.")))
    assert problem == "" and text.count("\n") == 3 and "Why?" in text and "So." in text


@pytest.mark.timeout(60)
def test_a_cell_that_spans_more_columns_than_word_has_takes_no_more_than_those(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "wide", "narrow"
    document.save(str(tmp_path / "good.docx"))
    assert office_text("docx", (tmp_path / "good.docx").read_bytes()) == ("| wide | narrow |", "")
    table.cell(0, 0)._tc.grid_span = 1_000_000_000
    document.save(str(tmp_path / "wide.docx"))
    text, problem = office_text("docx", (tmp_path / "wide.docx").read_bytes())
    assert problem == "" and text.split() == ["|", "wide", *["|"] * 64, "narrow", "|"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("areas", [["A2:XFD1048576"], ["A2:A1048576"] * 2000])
def test_merged_cells_take_no_more_than_the_rows_that_are_there(areas: list[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    merged = "".join(f'<mergeCell ref="{area}"/>' for area in areas)
    book = openpyxl.Workbook()
    for cells in (["question", "answer"], ["Why?", "So."], [None, "Because."]):
        book.active.append(cells)
    plain, made = io.BytesIO(), io.BytesIO()
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            ending = f"</sheetData><mergeCells>{merged}</mergeCells>".encode()
            target.writestr(name, part.replace(b"</sheetData>", ending) if name.endswith("sheet1.xml") else part)
    found = load_workbook("q.xlsx", made.getvalue(), DEFAULT_OPTIONS)
    assert [record.values["question"] for record in found.records] == ["Why?"]
    assert json.loads(found.records[0].values["answer"]) == ["So.", "Because."]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 * SMALL

"""One guard stands before every table that leaves the program: no text of it is taken for a formula."""

import ast
import csv
import io

import openpyxl
import pytest
from tests.test_rooms import trees

from ragscout.data.write.sheets import CELL_LIMIT, SheetPage, csv_table, guarded, unguarded, workbook

BEFORE = (
    "",
    " ",
    "  ",
    "'",
    "''",
    "' ",
    "\t",
    "\r",
    "\n",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u202e",
    "\x00",
    "\x1b",
)
SIGNS = "=+-@＝＋－＠"
NOTHING = ("", "a", "한글", "'", "''", "'a", "a=b", "-5", "+82", "-3.5%", "1.5", " ", "—", "'-", "x\n=1", "-", "=")


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_in_front_is_guarded_whatever_hides_it(sign: str) -> None:
    for before in BEFORE:
        for after in ("1+1", "cmd|' /C calc'!A0", "가", " 1", "x"):
            text = f"{before}{sign}{after}"
            assert guarded(text) == f"'{text}", repr(text)
            assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", [*NOTHING, "\tx", "\rx", "\nx", "'\tx"])
def test_reading_gives_what_was_written(text: str) -> None:
    assert unguarded(guarded(text)) == text
    table = csv_table([[text, 1.5, None, -2, True]])
    assert next(csv.reader(io.StringIO(table, newline=""))) == [guarded(text), "1.5", "", "-2", "True"]


def test_what_is_no_formula_is_left_alone() -> None:
    assert [text for text in NOTHING if guarded(text) != text] == ["'-", "-", "="]


def test_a_workbook_types_texts_as_texts() -> None:
    texts = [f"{before}{sign}1+1" for before in BEFORE for sign in SIGNS]
    data = workbook([SheetPage("one", [["head", "n"], *([text, -1.5] for text in texts)], frozen="A2", wrapped=True)])
    sheet = openpyxl.load_workbook(io.BytesIO(data))["one"]
    cells = list(sheet.iter_rows())
    assert {(row[0].data_type, row[1].data_type) for row in cells[1:]} == {("s", "n")}
    assert cells[0][0].font.bold and not cells[1][0].font.bold and sheet.freeze_panes == "A2"
    long = openpyxl.load_workbook(io.BytesIO(workbook([SheetPage("l", [["가" * 40_000, "a\x00\ud800\ufffe"]])])))["l"]
    assert len(long["A1"].value) == CELL_LIMIT and long["A1"].value.endswith(" […]")
    assert long["B1"].value == "a\ufffd\ufffd\ufffd"


def test_only_one_place_writes_tables() -> None:
    found = set()
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                *("csv.writer", "csv.DictWriter", "openpyxl.Workbook", "Workbook", "xlsxwriter.Workbook"),
            ):
                found.add(name)
    assert found == {"ragscout.data.write.sheets"}

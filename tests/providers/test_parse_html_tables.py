"""Tables of web pages: what stands in a cell stays in its row; what a browser hides is no text."""

from __future__ import annotations

import pytest

from ragscout.model.evalset import SourceFile
from ragscout.providers.parse import parse


def text_of(body: str) -> str:
    (document,) = parse(SourceFile("x.html", "", ""), f"<html><body>{body}</body></html>".encode()).documents
    return document.text


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("<p>19 euros</p>", "19 euros"),
        ("<div>a</div><div>b</div>", "a b"),
        ("Pro<br>(yearly)", "Pro (yearly)"),
        ("<ul><li>20</li><li>more</li></ul>", "20 more"),
        ("<table><tr><td>setup</td><td>300</td></tr></table>", "setup 300"),
        ("<pre>x\ny</pre>", "x y"),
        ("10<sup>6</sup>", "10^6"),
    ],
)
def test_cells_stay_in_their_row(cell: str, shown: str) -> None:
    table = f"<table><tr><td>before</td><td>{cell}</td><td>after</td></tr><tr><td>next</td></tr></table>"
    assert text_of(table) == f"| before | {shown} | after |\n| next |"


def test_raised_digits_are_not_joined() -> None:
    assert text_of("<p>10<sup>6</sup> requests, CO<sub>2</sub></p>") == "10^6 requests, CO2"


@pytest.mark.parametrize("how", ["hidden", 'style="display:none"', 'style="color:red; visibility : HIDDEN"'])
def test_hidden_text_is_absent(how: str) -> None:
    assert text_of(f"<p>kept</p><div {how}>gone<p>too</p></div>") == "kept"

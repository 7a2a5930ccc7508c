"""What typesetting did to the words of a page is undone."""

from __future__ import annotations

import pytest

from ragscout.providers.parsers.typeset import unset


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("The oﬃce of ﬁnance, a workﬂow", "The office of finance, a workflow"),
        ("reimburse-\nment of travel", "reimbursement\nof travel"),
        ("travel ex-\npenses.\nNext", "travel expenses.\nNext"),
        ("co\xadoperation and reim\xad\nbursement", "cooperation and reimbursement"),
        ("Nord-\nSüd", "Nord-\nSüd"),
        ("pages 3-\n4", "pages 3-\n4"),
        ("a long-term plan, the long-\nterm aim", "a long-term plan, the long-term\naim"),
        ("- one\n- two", "- one\n- two"),
        ("Prü-\nfung heute", "Prüfung\nheute"),
    ],
)
def test_unset(page: str, text: str) -> None:
    assert unset([page]) == [text]

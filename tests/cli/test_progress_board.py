"""The provisional boards of a running sweep show what was measured, and nothing of a round that is on its way."""

from __future__ import annotations

from dataclasses import replace

from ragscout.cli.support.progress import _measured
from ragscout.testing.record import story


def test_rows_of_which_nothing_came_are_left_out() -> None:
    board = story()[-1].board
    first = board.rows[0]
    waits = replace(first, key="waits", figures={}, answered=0, failed="")
    failed = replace(first, key="failed", figures={}, answered=0, failed="the encoder needs more memory")
    shown = _measured(replace(board, rows=(first, waits, failed), retrieval=(waits,)))
    assert [row.key for row in shown.rows] == [first.key, "failed"] and shown.retrieval == ()

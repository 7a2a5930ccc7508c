"""Whatever an endpoint sends, only that request suffers: the others are measured, all are counted, a board is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from small_sweeps import Write

from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer, Reply

ANSWER = {"role": "assistant", "content": "fifteen days"}


def sent(data: Any) -> Reply:
    return 200, {}, json.dumps(data).encode(), False


def choice(message: Any = ANSWER, finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": finish, "message": message}], **more}


HARMLESS: list[dict[str, Any]] = [
    choice(usage={"prompt_tokens": 2**63 - 1, "completion_tokens": 2**63 - 1}),
    choice(usage={"prompt_tokens": 10**30, "completion_tokens": -1}),
    choice(usage=["x"]),
    choice(usage="x"),
    choice(usage={"prompt_tokens": True, "completion_tokens": 1.5}),
    choice({"role": "assistant", "content": "half \ud800 of a character, \0 and \x1b[31m"}),
    choice({"role": "assistant", "content": [{"type": "text", "text": "fifteen days"}]}),
    choice({"role": "assistant", "content": "[" * 50_000}),
    choice(model="\udfff", system_fingerprint=[[[]]]),
]


def by_prompt(replies: list[Any]) -> Callable[[str, Mapping[str, Any]], Reply | None]:
    """The next reply for every prompt that was not seen before; the usual ones when none is left."""
    given: dict[str, Any] = {}

    def reply(kind: str, body: Mapping[str, Any]) -> Reply | None:
        prompt = json.dumps(body["messages"])
        if prompt not in given:
            given[prompt] = replies[len(given)] if len(given) < len(replies) else None
        return None if given[prompt] is None else sent(given[prompt])

    return reply


def test_odd_replies_take_no_row_and_no_board_away(tmp_path: Path, write: Write, server: FakeServer) -> None:
    server.instead = by_prompt(HARMLESS)
    sweep = Sweep.load(write(url=server.base_url, budget="usd: 5"), tmp_path / "s")
    result = sweep.run()
    assert result.closed and not any(row.failed for row in result.board.rows)
    assert all(row.answered == 10 for row in result.board.rows)
    again = Sweep.load(tmp_path / "t.yaml", tmp_path / "s")
    assert again.view.snapshot().board.to_json() == result.board.to_json()
    spent = again.store.ledger.spent(again.id)
    assert spent.llm_calls == server.stats.total and 0 < spent.money < 0.1


@pytest.mark.parametrize(
    "data",
    [
        {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 0}},
        choice(ANSWER, "error", usage={"prompt_tokens": 1000}),
    ],
    ids=["no choice", "finish error"],
)
def test_a_reply_that_is_none_is_asked_again_and_paid(
    tmp_path: Path, write: Write, server: FakeServer, data: dict[str, Any]
) -> None:
    spoilt = [0]

    def reply(kind: str, body: Mapping[str, Any]) -> Reply | None:
        spoilt[0] += 1
        return sent(data) if spoilt[0] == 1 else None

    server.instead = reply
    sweep = Sweep.load(write(url=server.base_url, budget="usd: 5"), tmp_path / "s")
    assert sweep.run().closed
    spent = sweep.store.ledger.spent(sweep.id)
    assert spent.llm_calls == server.stats.total - 1 == server.stats.distinct
    assert spent.money > 0.001, "the reply that was none was paid"

"""What the engine filled, as blocks of a round: a pure function of its arguments."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ragscout.engine.fill import Filled
from ragscout.engine.worker import WAITING
from ragscout.model.outcome import Score, Unfilled, Usage
from ragscout.run.measuring import MeasuredRound, asked_of, measure
from ragscout.run.waiting import Waiting
from ragscout.search.contract import Block, Request
from ragscout.testing.search import small_space

ROWS = small_space().configurations
A, B, C = (Request(row, ("q1", "q2"), "search") for row in ROWS[:3])


@dataclass(frozen=True)
class Measure:
    """A measure node of a configuration."""

    key: str
    last: Any
    step: Any = None

    def ancestors(self) -> list[Any]:
        return [*self.last.ancestors(), self]


class Prepared:
    """Every configuration has one measure node beside its last one."""

    deciding = frozenset[Any]()

    def measures(self, configuration: Any) -> list[Any]:
        return [Measure(f"m-{configuration.key}", configuration.last)]

    def wanted(self, configuration: Any) -> list[Any]:
        return [configuration.last, *self.measures(configuration)]


def read(request: Request, broken: Mapping[str, str]) -> Block:
    return Block(request.configuration, {name: {"f": Score(0.5)} for name in request.questions}, Usage(calls=2))


def measured(filled: Filled, *requests: Request, **given: Any) -> MeasuredRound:
    known = {"failed": {}, "waiting": Waiting(), **given}
    before = copy.deepcopy((filled, known))
    found = measure(requests, filled, Prepared(), read, **known)  # type: ignore[arg-type]
    assert (filled, known) == before, "nothing that is passed in is changed"
    assert measure(requests, filled, Prepared(), read, **known) == found  # type: ignore[arg-type]
    return found


def test_all_that_was_filled_is_read() -> None:
    found = measured(Filled(), A, B)
    assert [block.configuration for block in found.blocks] == [A.configuration, B.configuration]
    assert all(len(block.scores) == 2 and not block.failed for block in found.blocks)
    assert (found.left, found.spent, found.failed, dict(found.broken)) == ((), False, {}, {})


def test_a_row_that_cannot_run_is_told_with_its_cause() -> None:
    filled = Filled(failed={A.configuration.key: "no memory", f"m-{A.configuration.key}": "no memory"})
    found = measured(filled, A, B)
    assert [block.failed for block in found.blocks] == ["no memory", ""]
    assert found.failed == {A.configuration.key: "no memory"}
    assert not found.broken, "a metric of a row that cannot run is not called broken"


def test_a_metric_that_cannot_be_computed_is_broken_and_the_row_goes_on() -> None:
    found = measured(Filled(failed={f"m-{B.configuration.key}": "no model"}), A, B)
    assert found.broken == {f"m-{B.configuration.key}": "no model"} and not found.failed


def test_what_an_earlier_process_found_stays() -> None:
    found = measured(Filled(), A, B, failed={A.configuration.key: "as before"})
    assert found.blocks[0].failed == "as before" and not found.blocks[1].failed
    waiting = Waiting(nodes={C.configuration.last.key: "y"})
    assert asked_of((A, B, C), {A.configuration.key: "x"}, waiting, Prepared()) == [B]  # type: ignore[arg-type]


def node(request: Request) -> str:
    return request.configuration.last.key


OPEN = {(node(A), "q1"): Unfilled("network", "down"), (node(B), "q1"): Unfilled("step", WAITING)}


@pytest.mark.parametrize(
    ("unfilled", "left", "spent"),
    [
        (OPEN, ("network: down",), False),
        ({at: Unfilled("budget", "used") for at in OPEN}, ("budget: used",), True),
        ({**OPEN, (node(B), "q2"): Unfilled("budget", "used")}, ("budget: used", "network: down"), False),
        ({(node(B), "q1"): Unfilled("step", WAITING)}, (f"step: {WAITING}",), False),
    ],
)
def test_why_cells_stayed_open(unfilled: dict[tuple[str, str], Unfilled], left: tuple[str, ...], spent: bool) -> None:
    found = measured(Filled(unfilled=unfilled), A, B)
    assert (found.left, found.spent) == (left, spent)


@dataclass(frozen=True, kw_only=True)
class _System(type(ROWS[0].steps["generate"])):  # type: ignore[misc]
    uses = ()


def test_a_silent_system_is_set_aside_and_keeps_nobody_waiting() -> None:
    steps = {**A.configuration.steps, "generate": _System(label_="live")}
    live = replace(A, configuration=replace(A.configuration, steps=steps))
    key, down = live.configuration.key, Unfilled("endpoint", "status 500")
    unfilled = {(live.configuration.last.key, "q1"): down, (f"m-{key}", "q1"): Unfilled("step", WAITING)}
    found = measured(Filled(unfilled=unfilled), live, B)
    assert found.blocks[0].failed.startswith("endpoint: ") and found.blocks[0].failed.endswith(": status 500")
    assert not found.blocks[1].failed
    assert not found.left and not found.failed, "the next run asks it again"
    later = measured(Filled(), live, B, waiting=found.waiting)
    assert later.waiting == found.waiting and later.blocks[0].failed
    stored = measured(Filled(unfilled={**unfilled, (node(B), "q1"): Unfilled("store", "locked")}), live, B)
    assert stored.left == ("store: locked",), "other trouble is no endpoint's"

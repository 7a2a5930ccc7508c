"""The goal: weighted figures, and self-tests remembered in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ragscout.model.errors import RagscoutError, SpecError
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Goal
from ragscout.model.results.weighted import Weighted
from ragscout.model.step import make
from ragscout.plan import goal as goals
from ragscout.providers.assets import Resolver
from ragscout.spec.parse import parse
from ragscout.steps.measure.selftest import SelfTest, selftest
from ragscout.store.store import Store

HEAD = "sweep: s\neval_set: e\npipeline: {}\n"
FIGURES = {
    "meteor": Figure("meteor"),
    "level": Figure("level", low=1.0, high=5.0, floor=1.0),
    "wer": Figure("wer", floor=1.0, higher_is_better=False),
}
NOTHING = Failure("measurement", "no_reference", "x")
BROKEN = Failure("measurement", "judge_failed", "x")
REFUSED = Failure("candidate", "refused", "x")


@pytest.fixture
def weighted() -> Weighted:
    return Weighted.of({"meteor": 1.0, "level": 2.0, "wer": 1.0}, FIGURES)


def test_scores_are_scaled_turned_round_and_weighed(weighted: Weighted) -> None:
    found = weighted.outcome({"meteor": Score(0.4), "level": Score(4.0), "wer": Score(0.3), "else": Score(1.0)})
    assert isinstance(found, Score)
    assert found.value == pytest.approx(0.25 * 0.4 + 0.5 * 0.75 + 0.25 * 0.7)
    assert found.detail == {"meteor": "0.4", "level": "0.75", "wer": "0.7"}


def test_what_failures_count_as(weighted: Weighted) -> None:
    whole = {"meteor": Score(0.4), "level": Score(5.0), "wer": Score(0.0)}
    floored = weighted.outcome({**whole, "level": REFUSED})
    assert isinstance(floored, Score) and floored.value == pytest.approx(0.25 * 0.4 + 0.25)
    assert weighted.outcome({**whole, "level": BROKEN}) == BROKEN, "missing stays missing"
    applicable = weighted.outcome({**whole, "meteor": NOTHING})
    assert isinstance(applicable, Score) and applicable.value == pytest.approx((0.5 + 0.25) / 0.75)
    assert weighted.outcome(dict.fromkeys(whole, REFUSED)) == REFUSED, "its kind is counted on the board"
    assert weighted.outcome(dict.fromkeys(whole, NOTHING)) == NOTHING
    assert weighted.outcome({}) is None


def test_the_board_says_how_it_is_scaled(weighted: Weighted) -> None:
    note = weighted.note()
    assert "0.25 × meteor + 0.5 × level + 0.25 × wer" in note.text("en") and "declared range" in note.text("en")
    assert (
        "가중 합" in note.text("ko")
        and weighted.signature() == "weighted|0.25*meteor+0.5*level+0.25*wer|scaled:declared-range"
    )


def metrics():
    return [make("measure", name) for name in ("meteor", "chrf", "context_tokens", "recall")]


def test_goals_of_a_file() -> None:
    plain = parse(HEAD + "goal: meteor", "s")
    assert goals.goal_of(plain, metrics()) == (Goal.of(Figure("meteor")), None)
    spec = parse(HEAD + "goal: {maximize: {weighted: {meteor: 3, chrf: 1}}}", "s")
    goal, weighted = goals.goal_of(spec, metrics())
    assert (goal.metric, goal.higher, goal.low, goal.high) == ("weighted", True, 0.0, 1.0)
    assert weighted is not None and [weight for _, weight in weighted.parts] == [0.75, 0.25]
    for text, said in (
        ("{meteor: 1, nothing: 1}", "nothing"),
        ("{meteor: 1, recall@5: 1}", "one family"),
        ("{recall@5: 1, context_tokens@5: 1}", "cannot be scaled"),
    ):
        with pytest.raises(RagscoutError, match=said):
            goals.goal_of(parse(HEAD + f"goal: {{maximize: {{weighted: {text}}}}}", "s"), metrics())


def test_a_goal_goes_the_way_that_is_better() -> None:
    tokens = "context_tokens@5"
    found = goals.goal_of(parse(HEAD + f"goal: {{minimize: {tokens}}}", "s"), metrics())[0]
    assert (found.metric, found.higher) == (tokens, False)
    for text, line in (
        (f"{{maximize: {tokens}}}", rf"less of {tokens} is better.* goal: {{minimize: {tokens}}}\.$"),
        (tokens, rf"Write goal: {{minimize: {tokens}}}\.$"),
        ("{minimize: meteor}", r"more of meteor is better; got a goal to minimize it\. Write goal: {maximize: meteor}"),
    ):
        with pytest.raises(SpecError, match=rf"^s:4:1: goal: .*{line}"):
            goals.goal_of(parse(HEAD + f"goal: {text}", "s"), metrics())


def test_self_tests_are_remembered_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    async def counted(metric, language, runtime):
        ran.append((metric.name, language))
        return await selftest(metric, language, runtime)

    monkeypatch.setattr(goals, "selftest", counted)
    monkeypatch.setattr(goals, "_DONE", {})
    store = Store.open(tmp_path / "store")
    first = goals.tester(store, Resolver())(make("measure", "token_f1"), "en")
    assert first.passed and first.triples == 40
    goals._DONE.clear()
    assert goals.tester(Store.open(tmp_path / "store"), Resolver())(make("measure", "token_f1"), "en") == first
    assert ran == [("token_f1", "en")]


def test_a_test_that_could_not_run_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    async def absent(metric, language, runtime):
        ran.append(language)
        return SelfTest(False, "the model is absent")

    monkeypatch.setattr(goals, "selftest", absent)
    tested = goals.tester(Store.open(tmp_path / "store"), Resolver())
    assert not tested(make("measure", "semscore"), "ko").passed
    assert not tested(make("measure", "semscore"), "ko").passed and ran == ["ko", "ko"]


def test_inside_a_running_loop(tmp_path: Path) -> None:
    async def inside() -> SelfTest:
        return goals.tester(Store.open(tmp_path / "store"), Resolver())(make("measure", "exact_match"), "ko")

    assert asyncio.run(inside()).passed

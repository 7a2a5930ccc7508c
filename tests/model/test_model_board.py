"""The board as plain values: goals and their directions, finding rows, badges, bytes."""

from __future__ import annotations

import json
import math

import pytest

from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Board, FigureStat, Goal, GroupStat, Note, Paired, Row, RowCost
from ragscout.model.results.calibration import CORRECTED, Scale, Standing, standing_state
from ragscout.model.results.corpus_sample import CorpusSample, SampledPrefix
from ragscout.model.results.weighted import Weighted


def row(rank: int, *marks: str, **more: object) -> Row:
    stat = FigureStat(0.9 - rank / 10, 0.1, 0.95, 10, 10)
    values: dict[str, object] = {
        "name": f"row {rank}",
        "knobs": {},
        "roles": (),
        "marks": marks,
        "answered": 10,
        "estimate": stat.mean,
        "adjusted": stat.mean,
        "figures": {"bleu": stat},
        "right": None,
        "cost": RowCost(None, 0.1, 10.0, 5.0),
        "complexity": 0.0,
    }
    return Row(rank=rank, key=f"{rank:x}" * 64, **{**values, **more})  # type: ignore[arg-type]


def board(*rows: Row, **more: object) -> Board:
    return Board("s", "set@1", Goal("bleu"), 10, rows, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figure", "sign", "unit", "middle", "point"),
    [
        (Figure("bleu"), 1, True, 0.5, 0.01),
        (Figure("leak@5", higher_is_better=False, floor=1.0), -1, True, 0.5, 0.01),
        (Figure("judge", 1.0, 5.0, 1.0), 1, False, 3.0, 0.04),
        (Figure("tokens", 0.0, math.inf, higher_is_better=False, unit="tokens"), -1, False, None, 0.0),
    ],
)
def test_a_goal_takes_direction_floor_and_range_from_its_figure(
    figure: Figure, sign: int, unit: bool, middle: float | None, point: float
) -> None:
    goal = Goal.of(figure)
    assert (goal.sign, goal.unit, goal.middle) == (sign, unit, middle)
    assert goal.point == pytest.approx(point)
    assert (goal.metric, goal.floor) == (figure.name, figure.floor)
    assert goal.high is None or math.isfinite(goal.high), "an end that is infinite is none"


def test_rows_are_found_by_name_rank_and_start_of_a_key() -> None:
    made = board(row(1, "leader"), row(2, name="1"), retrieval=(row(3),))
    assert [item.rank for item in made.find("#2")] == [2]
    assert [item.rank for item in made.find(" row 3 ")] == [3]
    assert [item.rank for item in made.find("1")] == [1, 2], "a rank and a name"
    assert [item.rank for item in made.find("2" * 6)] == [2]
    assert made.find("22222") == () == made.find("nothing")


def test_marked_rows() -> None:
    made = board(row(1, "leader", in_winner_set=True), row(2, "recommended", in_winner_set=True), row(3, "reference"))
    assert [item.rank for item in (made.leader(), made.recommended(), made.reference()) if item] == [1, 2, 3]
    assert [item.rank for item in made.winner_set()] == [1, 2]
    assert board().leader() is None and board().recommended() is None and board().winner_set() == ()


def test_there_was_a_choice_only_among_rows_that_may_lead() -> None:
    assert board(row(1), row(2)).had_a_choice
    for other in (row(2, "failed"), row(2, "over_limit"), row(2, adjusted=None)):
        assert not board(row(1), other).had_a_choice


def test_bytes_are_canonical_and_come_back() -> None:
    made = board(row(1, "leader"), notes=(Note("legacy", {"en": "one", "ko": "하나"}),), within={"p95_seconds": 2.0})
    data = made.to_json()
    assert Board.from_json(data) == made and Board.from_json(data).to_json() == data
    assert "하나" in data.decode() and data.endswith(b"}\n")
    plain = json.loads(data)
    assert list(plain) == sorted(plain)
    with pytest.raises(ValueError, match="JSON compliant"):
        board(row(1, estimate=math.nan)).to_json()


def test_a_note_speaks_both_languages() -> None:
    note = Note("legacy", {"en": "one", "ko": "하나"})
    assert (note.text("en"), note.text("ko")) == ("one", "하나")


def test_a_group_loses_in_the_worse_direction_and_only_when_it_is_sure() -> None:
    def group(difference: float, p: float) -> GroupStat:
        return GroupStat("g", 0.5, 5, 5, Paired(difference, None, None, 5, p, p, 0, 0, "t"))

    assert group(-0.1, 0.01).loses(True) and not group(-0.1, 0.01).loses(False)
    assert group(0.1, 0.01).loses(False) and not group(-0.1, 0.05).loses(True)
    assert not GroupStat("g", 0.5, 5, 5).loses(True)


@pytest.mark.parametrize(
    ("labels", "agreement", "state", "badge", "korean"),
    [
        (29, 0.9, "not_calibrated", "judge not calibrated", "사람의 채점으로 확인하지 않은 자동 채점"),
        (30, None, "not_calibrated", "judge not calibrated", "사람의 채점으로 확인하지 않은 자동 채점"),
        (
            30,
            0.59,
            "not_validated",
            "judge not validated, kappa 0.59",
            "검증되지 않은 자동 채점, kappa 0.59",
        ),
        (30, 0.6, "calibrated", "", ""),
    ],
)
def test_a_judge_wears_a_badge_until_people_agree_with_it(
    labels: int, agreement: float | None, state: str, badge: str, korean: str
) -> None:
    assert standing_state(labels, agreement) == state
    standing = Standing("judge.correctness", "m", standing_state(labels, agreement), labels, agreement=agreement)
    made = board(judges=(standing,))
    for name in ("judge.correctness", "judge.correctness" + CORRECTED):
        assert made.worn(name) == (f"{name} [{badge}]" if badge else name)
        assert made.worn(name, "ko") == (f"{name} [{korean}]" if korean else name)
    assert made.worn("bleu") == "bleu" and made.standing("bleu") is None


def test_the_board_is_ranked_by_corrected_scores_where_labels_say_so() -> None:
    standing = Standing("bleu", "m", "calibrated", 50, agreement=0.8, ranks=True)
    assert board().ranked_by == "bleu"
    assert board(judges=(standing,)).ranked_by == "bleu" + CORRECTED
    assert Scale().passed == 0.75 and Scale(3, 3).passed == 1.0


def test_a_row_knows_what_the_sample_said_of_its_prefix() -> None:
    prefix = SampledPrefix("p", "bm25", {"recall@3": 0.5}, {}, 0, ("a",))
    sample = CorpusSample(10, 100, prefixes=(prefix,))
    assert sample.of_row("a") == {"recall@3": 0.5} and sample.of_row("b") == {}


HIGH, LOW = Figure("high"), Figure("low", 0.0, 2.0, floor=2.0, higher_is_better=False)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"high": Score(1.0), "low": Score(0.0)}, 1.0),
        ({"high": Score(0.0), "low": Score(2.0)}, 0.0),
        ({"high": Score(0.5), "low": Score(1.0)}, 0.5),
        ({"high": Score(1.0), "low": Score(2.0)}, 0.75),
        ({"high": Score(0.5)}, 0.5),
        ({"high": Score(0.4), "low": Failure("measurement", "no_evidence")}, 0.4),
        ({"high": Score(1.0), "low": Failure("candidate", "refused")}, 0.75),
    ],
)
def test_a_weighted_goal_scales_each_figure_by_its_declared_range(
    scores: dict[str, Score | Failure], expected: float
) -> None:
    weighted = Weighted.of({"high": 3, "low": 1}, {"high": HIGH, "low": LOW})
    outcome = weighted.outcome(scores)
    assert isinstance(outcome, Score) and outcome.value == pytest.approx(expected)


def test_a_weighted_goal_without_a_score_says_why() -> None:
    weighted = Weighted.of({"high": 1, "low": 1}, {"high": HIGH, "low": LOW})
    broken, away = Failure("measurement", "judge_failed"), Failure("measurement", "no_reference")
    refused = Failure("candidate", "refused")
    assert weighted.outcome({}) is None
    assert weighted.outcome({"high": Score(1.0), "low": broken}) == broken
    assert weighted.outcome({"high": away, "low": away}) == away
    assert weighted.outcome({"high": refused, "low": refused}) == refused
    assert weighted.figure().name == "weighted" and "0.5*high+0.5*low" in weighted.signature()
    assert all("0.5 × high + 0.5 × low" in weighted.note().text(language) for language in ("en", "ko"))


def test_a_figure_without_an_end_cannot_be_weighed() -> None:
    with pytest.raises(ValueError, match=r"tokens.*no end"):
        Weighted.of({"tokens": 1}, {"tokens": Figure("tokens", high=math.inf, unit="tokens")})


def test_what_a_metric_says_of_itself_by_default() -> None:
    metric = MeasureStep()
    assert metric.requests(5) == 0 and metric.known_languages() == () and metric.family == "answer"
    assert metric.resolved(None) is metric  # type: ignore[arg-type]
    for ask in (metric.figures, metric.signature):
        with pytest.raises(NotImplementedError):
            ask()

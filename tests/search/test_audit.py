"""The metric audit: correlations as scipy computes them, the warning, the disputed questions, the words."""

from __future__ import annotations

import json
import random

import pytest
from scipy.stats import kendalltau, spearmanr
from search_worlds import configuration, likely, played

from ragscout.board.audit import audit
from ragscout.board.words.audit import render_markdown
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Goal
from ragscout.model.results.measured import Measured

pytestmark = pytest.mark.numeric

FIGURES = [Figure("judge.correctness", pass_level=0.5), Figure("meteor"), Figure("token_f1"), Figure("noise")]
FIGURES[3] = Figure("noise", floor=1.0, higher_is_better=False)
GOAL = Goal.of(FIGURES[0])


def questions(n):
    return [Question(f"q{i:03d}", f"문항 {i}: 며칠인가요?", ("답",)) for i in range(n)]


def world(rows=8, n=40, seed=1, goal_sign=1.0):
    """Rows of rising quality; the goal follows it or runs against it, the others follow it."""
    draw = random.Random(seed)
    made = []
    for row in range(rows):
        scores = {}
        for question in questions(n):
            level = 0.2 + 0.5 * row / rows + draw.gauss(0, 0.1)
            values = {
                "judge.correctness": 0.5 + goal_sign * (level - 0.5) + draw.gauss(0, 0.05),
                "meteor": level + draw.gauss(0, 0.05),
                "token_f1": level + draw.gauss(0, 0.05),
                "noise": 1 - level + draw.gauss(0, 0.05),
            }
            scores[question.id] = {name: Score(min(1.0, max(0.0, value))) for name, value in values.items()}
        made.append(Measured(configuration({"generate": f"row{row}"}), scores))
    return made


def audited(measured, n=40, figures=FIGURES, goal=GOAL, **more):
    names = {item.configuration.key: item.configuration.knobs["generate"] for item in measured}
    return audit(measured, names, questions(n), figures, goal, family=[figure.name for figure in figures], **more)


def test_the_numbers_are_scipys():
    measured = world()
    found = audited(measured)
    assert (found.rows, found.questions, found.over) == (8, 40, "configurations")

    def means(name):
        return [sum(item.scores[q][name].value for q in item.scores) / 40 for item in measured]

    def by_question(name):
        return [sum(item.scores[q.id][name].value for item in measured) / 8 for q in questions(40)]

    for pairs, values, n in ((found.configurations, means, 8), (found.across_questions, by_question, 40)):
        assert len(pairs) == 6
        for item in pairs:
            sign = -1 if item.second == "noise" else 1
            one, two = values(item.first), [sign * value for value in values(item.second)]
            assert item.n == n
            assert item.tau == pytest.approx(kendalltau(one, two).statistic, abs=1e-9)
            assert item.rho == pytest.approx(spearmanr(one, two).statistic, abs=1e-9)
            assert item.tau_low <= item.tau <= item.tau_high and item.rho_low <= item.rho <= item.rho_high
            assert item.tau_low < item.tau_high or item.tau == 1.0


def test_ties_are_tau_b():
    measured = world(rows=6)
    for item in measured:
        for name, scores in item.scores.items():
            value = 1.0 if scores["meteor"].value > 0.45 else 0.0
            item.scores[name]["meteor"] = Score(value)
    found = next(
        item for item in audited(measured).across_questions if (item.first, item.second) == ("meteor", "token_f1")
    )
    one = [sum(item.scores[q.id]["meteor"].value for item in measured) for q in questions(40)]
    two = [sum(item.scores[q.id]["token_f1"].value for item in measured) for q in questions(40)]
    assert found.tau == pytest.approx(kendalltau(one, two).statistic, abs=1e-9)


@played(12, 60)
def test_intervals_hold_the_truth_about_as_often_as_they_say(worlds):
    """Two figures whose question means correlate by a known rho."""
    hits = 0
    for seed in range(worlds):
        draw = random.Random(seed)
        measured = []
        parts = {q.id: (draw.gauss(0, 1), draw.gauss(0, 1)) for q in questions(40)}
        for row in range(4):
            scores = {}
            for name, (a, b) in parts.items():
                both = (0.5 + 0.1 * a, 0.5 + 0.1 * (0.6 * a + 0.8 * b))
                scores[name] = {
                    f: Score(min(1.0, max(0.0, v))) for f, v in zip(("meteor", "token_f1"), both, strict=True)
                }
            measured.append(Measured(configuration({"generate": f"r{row}"}), scores))
        (item,) = audited(measured, figures=FIGURES[1:3], goal=Goal.of(FIGURES[1])).across_questions
        hits += item.rho_low <= 0.582 <= item.rho_high  # Spearman's rho of a bivariate normal with r = 0.6
    assert hits >= likely(0.95, worlds)[0] * worlds


def test_agreeing_metrics_give_no_warning():
    found = audited(world())
    assert found.notes == () and found.agreement > 0.7 and found.rest > 0.7
    assert set(found.best.values()) == {"row7"}


def test_a_goal_that_runs_against_the_rest_is_said_in_both_languages():
    found = audited(world(goal_sign=-1.0))
    (note,) = found.notes
    assert note.kind == "goal_disagrees" and found.agreement < -0.5 < 0.5 < found.rest
    assert "judge.correctness disagrees" in note.text("en") and "row0 first; others put row7 first" in note.text("en")
    assert "judge.correctness" in note.text("ko") and "일치하지 않습니다" in note.text("ko")
    assert "일치하지 않습니다" in render_markdown(found, "ko") and "disagrees" in render_markdown(found)


def test_the_disputed_questions_come_first():
    measured = world()
    for item in measured:
        item.scores["q007"]["token_f1"] = Score(1.0)
        item.scores["q007"]["meteor"] = Score(0.0)
    found = audited(measured)
    assert found.disputed[0].question == "q007" and len(found.disputed) == 10
    assert found.disputed[0].scores["token_f1"] == 1.0 and found.disputed[0].text.startswith("문항 7")
    spreads = [item.spread for item in found.disputed]
    assert spreads == sorted(spreads, reverse=True) and 0 < spreads[0] <= 0.5
    assert "q007" in render_markdown(found, "ko")


def test_failures_floors_and_what_is_left_out():
    measured = world(rows=5)
    measured[0].scores["q001"]["meteor"] = Failure("measurement", "metric_failed", "x")
    measured[1].scores["q002"]["judge.correctness"] = Failure("candidate", "refused", "x")
    for item in measured:
        for scores in item.scores.values():
            scores["exact"] = Score(0.0)
            scores["tokens"] = Score(0.5)
    figures = [
        *FIGURES,
        Figure("exact"),
        Figure("tokens", 0.0, 1e9),
        Figure("none"),
    ]
    found = audited(measured, figures=figures)
    assert found.left_out == {
        "tokens": "no_share",
        "exact": "equal",
        "none": "unscored",
    }
    pair = next(item for item in found.across_questions if (item.first, item.second) == ("judge.correctness", "meteor"))
    assert pair.n == 39, "a question that one row has no score for is left out for all"
    assert "0~1 비율이 아님" in render_markdown(found, "ko")


def test_few_rows_compare_questions_only():
    found = audited(world(rows=3, goal_sign=-1.0))
    assert found.over == "questions" and all(item.tau is None for item in found.configurations)
    assert found.agreement < 0 and found.notes
    assert "Fewer than 4" in render_markdown(found) and "4개보다 적어" in render_markdown(found, "ko")


def test_nothing_measured():
    found = audited([])
    assert (found.rows, found.configurations, found.disputed, found.notes) == (0, (), (), ())
    assert render_markdown(found) and json.loads(found.to_json())["goal"] == "judge.correctness"


def test_partly_measured_rows_do_not_shrink_the_comparison():
    measured = world(rows=6)
    short = dict(list(measured[0].scores.items())[:3])
    found = audited([Measured(measured[0].configuration, short), *measured[1:]])
    assert (found.rows, found.questions) == (5, 40)


def test_equal_input_gives_equal_bytes():
    measured = world()
    assert audited(measured).to_json() == audited(list(reversed(measured))).to_json()
    assert b"NaN" not in audited(measured).to_json()

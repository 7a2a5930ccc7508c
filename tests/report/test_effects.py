"""What the factor model says of knobs, against worlds whose effects are known."""

import numpy as np
import pytest

from ragscout.board.effects import Effects
from ragscout.model.config import Configuration
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Goal
from ragscout.testing.record import configuration

pytestmark = pytest.mark.numeric

GOAL = Goal("judge.correctness")
SIZES, MODELS = ("small", "large"), ("a", "b", "c")
EFFECT = {"small": -0.1, "large": 0.1, "a": -0.15, "b": 0.0, "c": 0.15}


def world(questions=60, noise=0.1, extra=None, seed=0):
    """Configurations and scores: 0.5 + size + model + interaction + question + noise."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.1, questions)
    rows: list[Configuration] = []
    scores = {}
    for size in SIZES:
        for model in MODELS:
            row = configuration(f"{size} {model}", {"chunk.size": size, "generate": model})
            mean = 0.5 + EFFECT[size] + EFFECT[model] + (extra or {}).get((size, model), 0.0)
            values = mean + hard + rng.normal(0, noise, questions)
            rows.append(row)
            scores[row.key] = {f"q{i}": {GOAL.metric: Score(float(value))} for i, value in enumerate(values)}
    return rows, scores, [f"q{i}" for i in range(questions)]


def test_effects_are_found_with_intervals_that_hold_them() -> None:
    effects = Effects(*world(), GOAL).effects()
    assert [effect.knob for effect in effects[:3]] == ["generate"] * 3, "the knob that matters most comes first"
    for effect in effects:
        assert effect.low < EFFECT[effect.level] < effect.high
        assert effect.value == pytest.approx(EFFECT[effect.level], abs=0.05)


def test_an_uneven_search_does_not_favour_a_value() -> None:
    rows, scores, questions = world()
    cheap = next(row for row in rows if row.knobs == {"chunk.size": "large", "generate": "a"})
    scores = {key: asked if key != cheap.key else dict(list(asked.items())[:5]) for key, asked in scores.items()}
    found = {effect.level: effect for effect in Effects(rows, scores, questions, GOAL).effects()}
    assert found["large"].value == pytest.approx(0.1, abs=0.06)


def test_contributions_compare_with_neighbours_only() -> None:
    rows, scores, questions = world()
    effects = Effects(rows, scores, questions, GOAL)
    best = next(row for row in rows if row.knobs == {"chunk.size": "large", "generate": "c"})
    found = {effect.knob: effect for effect in effects.contributions(best.key)}
    assert found["chunk.size"].configurations == 1 and found["generate"].configurations == 2
    assert found["chunk.size"].value == pytest.approx(0.2, abs=0.06)
    assert found["generate"].value == pytest.approx(0.225, abs=0.07)
    assert effects.predicted(best.key) == pytest.approx(0.75, abs=0.06)


def test_a_figure_where_less_is_better_keeps_its_direction() -> None:
    rows, scores, questions = world()
    goal = Goal("judge.correctness", higher=False, floor=1.0)
    found = {effect.level: effect for effect in Effects(rows, scores, questions, goal).effects()}
    assert found["c"].value == pytest.approx(0.15, abs=0.05), "the goal's own scale: more, which is worse here"


def test_an_interaction_is_found() -> None:
    extra = {("small", "c"): 0.2, ("large", "c"): -0.2}
    (found,) = Effects(*world(questions=120, noise=0.05, extra=extra), GOAL).interactions()
    assert {found.first, found.second} == {"chunk.size", "generate"}
    flat = {
        (row, column): value
        for row, line in zip(found.rows, found.cells, strict=True)
        for column, value in zip(found.columns, line, strict=True)
    }
    assert flat["small", "c"] > 0.03 and flat["large", "c"] < -0.03


def test_the_model_check_passes_on_additive_scores() -> None:
    fit = Effects(*world(questions=200), GOAL).fit()
    assert fit.blocks >= 50 and 0.6 < fit.spread < 1.4 and fit.interaction < 0.35


def test_nothing_to_compare() -> None:
    row = configuration("only", {})
    failed = {row.key: {"q0": {GOAL.metric: Failure("measurement", "judge_failed")}}}
    for scores in ({}, failed, {row.key: {"q0": {GOAL.metric: Score(1.0)}}}):
        effects = Effects([row], scores, ["q0"], GOAL)
        assert not effects.known
        assert effects.effects() == () and effects.contributions(row.key) == () and effects.interactions() == ()
        assert effects.predicted(row.key) is None and not effects.fit().passed


def test_scores_all_equal() -> None:
    rows, scores, questions = world()
    same = {key: {q: {GOAL.metric: Score(0.5)} for q in asked} for key, asked in scores.items()}
    effects = Effects(rows, same, questions, GOAL)
    assert all(abs(effect.value) < 1e-6 for effect in effects.effects())
    assert np.isfinite([effect.low for effect in effects.effects()]).all()

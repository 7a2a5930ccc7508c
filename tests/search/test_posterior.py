"""Posterior means of rows: shrinkage, their place on the board, and the cross-fitted interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from search_worlds import likely, played
from test_search_board import FACTS, GOAL, build, measured, rows_of

from ragscout.board.build import Facts
from ragscout.board.effects import Effects
from ragscout.model.outcome import Score
from ragscout.model.results.board import Board
from ragscout.stats.crossfit import crossfit
from ragscout.stats.shrinkage import Believed, believed
from ragscout.testing.record import configuration

pytestmark = pytest.mark.numeric


def draw(rng, rows, n, apart=0.05, noise=0.3):
    """True means (apart from the questions' common part) and a table of scores."""
    truth = 0.5 + rng.normal(0, apart, rows)
    return truth, truth[:, None] + rng.normal(0, 0.2, n) + rng.normal(0, noise, (rows, n))


def complete(table):
    return np.ones(table.shape, dtype=bool)


def test_rows_measured_alike_keep_the_order_of_their_means():
    _, table = draw(np.random.default_rng(0), 12, 40)
    means, found = believed(table, complete(table))
    assert means == pytest.approx(table.mean(1))
    pulled = np.array([item.mean for item in found])
    assert np.argsort(pulled).tolist() == np.argsort(means).tolist()
    ratio = (pulled - means.mean()) / (means - means.mean())
    assert ratio == pytest.approx(np.full(12, ratio[0])), "every row is pulled alike"
    assert 0 < ratio[0] < 1
    assert believed(table, complete(table))[1] == found


@played(60, 300)
def test_pulled_means_are_nearer_to_the_truth_and_their_sd_is_honest(worlds):
    """Smaller error than the plain means, and intervals that hold as often as they say."""
    plain = better = held = total = 0.0
    for seed in range(worlds):
        truth, table = draw(np.random.default_rng(seed), 10, 30)
        means, found = believed(table, complete(table))
        offset = means.mean() - truth.mean()  # what the questions give all rows alike
        error = np.array([item.mean for item in found]) - offset - truth
        plain += float(((means - offset - truth) ** 2).sum())
        better += float((error**2).sum())
        held += float((np.abs(error) < 1.96 * np.array([item.sd for item in found])).sum())
        total += 10
    assert better < 0.8 * plain
    assert 0.93 <= held / total <= 0.98


def test_a_row_with_fewer_answers_is_pulled_further():
    _, table = draw(np.random.default_rng(1), 8, 60)
    table[0] += 0.3
    scored = complete(table)
    full = believed(table, scored)
    scored[0, 6:] = False
    part = believed(table, scored)
    kept = [(found[1][0].mean - 0.5) / (found[0][0] - 0.5) for found in (full, part)]
    assert kept[1] < kept[0]
    assert part[1][0].sd > full[1][0].sd


def test_too_little_is_not_pulled():
    _, table = draw(np.random.default_rng(2), 3, 30)
    means, found = believed(table, complete(table))
    assert [item.mean for item in found] == means.tolist()
    assert all(item.sd > 0 for item in found)
    assert believed(table[:, :1], complete(table[:, :1]))[1][0].sd is None
    assert believed(table[:1], complete(table[:1]))[1][0].sd is None
    nothing = believed(table, ~complete(table))
    assert nothing[1] == [None] * 3
    same = np.tile(table[:1], (6, 1))
    for item in believed(same, complete(same))[1]:
        assert (item.mean, item.sd) == (pytest.approx(float(same[0].mean())), pytest.approx(0.0, abs=1e-9))


def test_weights_weigh_the_means():
    _, table = draw(np.random.default_rng(3), 6, 40)
    weights = np.where(np.arange(40) < 8, 4.0, 0.25)
    means, found = believed(table, complete(table), tuple(weights))
    assert means == pytest.approx(np.average(table, axis=1, weights=weights))
    assert found[0].sd > believed(table, complete(table))[1][0].sd, "few questions carry the weight"


def test_the_board_shows_posterior_and_plain_mean():
    board = build(rows_of({"a": 0.8, "b": 0.5, "c": 0.7, "d": 0.3, "e": 0.6}, 40), 40)
    assert [row.name for row in board.rows] == ["a", "c", "e", "b", "d"]
    first = board.rows[0]
    assert first.estimate == pytest.approx(first.figures[GOAL.metric].mean)
    assert first.adjusted < first.estimate
    assert first.adjusted_sd > 0
    assert Board.from_json(board.to_json()) == board
    assert not any(note.kind == "posterior" for note in board.notes)


def test_the_factor_model_may_turn_the_order():
    items = rows_of({"a": 0.62, "b": 0.6, "c": 0.5, "d": 0.4}, 40)
    plain = build(items, 40)
    by_name = {row.name: row for row in plain.rows}
    model = {row.key: Believed(row.adjusted, 0.01) for row in plain.rows}
    leader, other = by_name["a"], by_name["b"]
    if leader.estimate < other.estimate:
        leader, other = other, leader
    model[other.key] = Believed(leader.adjusted + 0.02, 0.015)
    facts = Facts(FACTS.sweep, FACTS.eval_set, posterior=model)
    board = build(items, 40, facts=facts)
    assert board.leader().name == other.name
    assert board.leader().adjusted == pytest.approx(leader.adjusted + 0.02)
    assert board.leader().adjusted_sd == max(0.015, other.adjusted_sd), "never surer than the row's own answers"
    assert board.leader().estimate == other.estimate, "the mean stays what it is"
    assert board.rows[1].versus_leader.difference == pytest.approx(leader.estimate - other.estimate)
    note = next(note for note in board.notes if note.kind == "posterior")
    assert leader.name in note.text("en")
    assert leader.name in note.text("ko")

    del model[other.key]
    unknown = build(items, 40, facts=facts).to_json()
    assert unknown == build(items, 40, facts=replace(facts, posterior={})).to_json(), "it must know every row"


def test_a_partial_row_stays_below_whatever_the_model_says():
    items = rows_of({"a": 0.6, "b": 0.5, "c": 0.4, "d": 0.3}, 40)
    few = {q: s[GOAL.metric] for q, s in list(items[3].scores.items())[:5]}
    items[3] = measured(items[3].configuration, {q: Score(1.0) for q in few})
    model = {item.configuration.key: Believed(0.5, 0.1) for item in items[:3]}
    model[items[3].configuration.key] = Believed(0.99, 0.01)
    board = build(items, 40, facts=Facts("s", "e", posterior=model))
    assert board.rows[-1].name == "d"
    assert board.rows[-1].adjusted == 0.99


def factor_world(questions, noise=0.1, remainder=0.0):
    rng = np.random.default_rng(5)
    hard = rng.normal(0, 0.1, questions)
    rows, scores = [], {}
    for i, size in enumerate("abcd"):
        for j, name in enumerate("xyz"):
            row = configuration(f"{size}{name}", {"chunk.size": size, "generate": name})
            mean = 0.4 + 0.05 * i + 0.08 * j + rng.normal(0, remainder)
            values = mean + hard + rng.normal(0, noise, questions)
            rows.append(row)
            scores[row.key] = {f"q{k}": {GOAL.metric: Score(float(v))} for k, v in enumerate(values)}
    return rows, scores, [f"q{k}" for k in range(questions)]


def test_the_factor_models_posterior_needs_its_check():
    rows, scores, questions = factor_world(120)
    effects = Effects(rows, scores, questions, GOAL)
    found = effects.posterior()
    assert effects.fit().passed
    assert max(found, key=lambda key: found[key].mean) == rows[-1].key
    assert found[rows[-1].key].mean == pytest.approx(0.71, abs=0.05)
    assert 0 < found[rows[-1].key].sd < 0.05
    assert Effects(rows, scores, questions[:5], GOAL).posterior() == {}, "too few blocks to check it"


@played(20, 100)
@pytest.mark.parametrize("binary", [False, True])
def test_the_cross_fitted_interval_covers(binary, worlds):
    """Twelve equal rows on 40 questions, where the best score is most optimistic."""
    held, plain = 0, 0.0
    for seed in range(worlds):
        rng = np.random.default_rng([seed, binary])
        table = 0.5 + rng.normal(0, 0.2, 40) + rng.normal(0, 0.3, (12, 40))
        table = (table >= 0.5).astype(float) if binary else table
        found = crossfit(table, None, seed)
        held += found.low <= 0.5 <= found.high
        plain += float(table.mean(1).max()) - found.mean
        assert crossfit(table, None, seed) == found
    assert held >= min(0.93, likely(0.95, worlds)[0]) * worlds
    assert plain / worlds > 0.03, "the best score itself is optimistic"


def test_crossfit_without_spread_claims_no_certainty():
    found = crossfit(np.zeros((3, 20)), (0.0, 1.0))
    assert found is not None
    assert (found.mean, found.low) == (0.0, 0.0) and 0.1 < found.high < 0.3

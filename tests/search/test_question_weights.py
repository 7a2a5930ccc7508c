"""A search on questions that count differently looks for what wins by weight."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from search_worlds import GOAL, MadeSpace, World, configuration, play

from ragscout.board.build import Facts, build_board
from ragscout.board.confirmation import Opened
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.measured import Measured
from ragscout.run.searching import proposer_of
from ragscout.search import make_proposer
from ragscout.search.factor.exact import ExactPosterior
from ragscout.search.outcomes import Outcomes
from ragscout.stats.two_way import adjusted_means
from ragscout.sweep import Sweep

SPACE = MadeSpace(
    tuple(
        configuration({"chunk.size": size, "retriever": retriever, "generate.model": model})
        for size, retriever, model in itertools.product("abcd", "uvw", "xyz")
    )
)
QUESTIONS = 60
HEAVY = [index % 5 == 0 for index in range(QUESTIONS)]
WEIGHTS = tuple(w * QUESTIONS / (12 * 8 + 48) for w in (8.0 if heavy else 1.0 for heavy in HEAVY))
LIGHT_MEAN = {"x": 0.7, "y": 0.4, "z": 0.3}
HEAVY_MEAN = {"x": 0.3, "y": 0.8, "z": 0.3}


def world(seed=0):
    """``x`` is better on most questions, ``y`` on those that count: x .62 against y .48, by weight .43 against .67."""
    made = World(SPACE, QUESTIONS, seed, spread=0.02, noise=0.15)
    rng = np.random.default_rng(seed)
    for row in SPACE.configurations:
        model = row.knobs["generate.model"]
        mean = np.where(HEAVY, HEAVY_MEAN[model], LIGHT_MEAN[model])
        made.table[row.key] = np.clip(mean + rng.normal(0, 0.15, QUESTIONS), 0, 1)
    return made


@pytest.mark.parametrize("search", ["factor", "halving", "tpe", "random", "greedy", "gam"])
def test_the_search_looks_for_what_wins_by_weight(search):
    best, spent = {}, {}
    for weights in ((), WEIGHTS):
        made = world()
        proposer = make_proposer(search, SPACE, made.questions, GOAL, 1, 900, storage=None, weights=weights)
        play(proposer, made)
        leader = proposer.progress().started()[0]
        best[bool(weights)] = SPACE.configurations[leader].knobs["generate.model"]
        by_model = dict.fromkeys("xyz", 0)
        for row in SPACE.configurations:
            by_model[row.knobs["generate.model"]] += len(made.asked.get(row.key, ()))
        spent[bool(weights)] = by_model
    assert best == {False: "x", True: "y"}
    assert spent[False]["x"] >= spent[False]["y"]
    assert spent[True]["y"] >= spent[True]["x"]
    assert spent[True]["y"] > spent[False]["y"]


def test_a_row_that_loses_by_weight_is_given_up():
    made = world()
    rows = {row.knobs["generate.model"]: row for row in SPACE.configurations}
    found = {}
    for weights in ((), WEIGHTS):
        table = Outcomes([row.key for row in rows.values()], made.questions, GOAL, weights)
        for row in rows.values():
            scores = {q: {GOAL.metric: value} for q, value in zip(made.questions, _scores(made, row), strict=True)}
            table.add(_block(row, scores))
        first, second = (list(rows).index(name) for name in "xy")
        own, other = table.common(first, second)
        found[bool(weights)] = sum(own) - sum(other)
        shares = weights or None
        assert table.mean(first) == pytest.approx(np.average(made.table[rows["x"].key], weights=shares))
        assert table.estimates()[first] == pytest.approx(table.mean(first))
    assert found[False] > 0 > found[True]


def _scores(made, row):
    return [Score(float(value)) for value in made.table[row.key]]


def _block(row, scores):
    from ragscout.model.outcome import Usage
    from ragscout.search.contract import Block

    return Block(row, scores, Usage())


def test_partly_measured_rows_are_corrected_by_weighted_means():
    rng = np.random.default_rng(0)
    table = 0.5 + rng.normal(0, 0.1, (5, 1)) + rng.normal(0, 0.2, QUESTIONS) + np.zeros((5, QUESTIONS))
    scored = np.ones(table.shape, dtype=bool)
    whole = adjusted_means(table, scored, WEIGHTS)
    scored[0, 20:] = False
    assert adjusted_means(table, scored, WEIGHTS)[0] == pytest.approx(whole[0], abs=0.03)
    scored[0] = False
    assert adjusted_means(table, scored, WEIGHTS)[0] == -np.inf
    assert adjusted_means(table[:, :2], np.ones((5, 2), dtype=bool), (0.0, 0.0)).tolist() == [-np.inf] * 5


@pytest.mark.numeric
def test_the_exact_posterior_is_weighted_too():
    made = world()
    proposer = make_proposer("factor", SPACE, made.questions, GOAL, 1, 900, storage=None, weights=WEIGHTS)
    play(proposer, made)
    found = proposer.posterior(exact=True)
    assert isinstance(found, ExactPosterior)
    assert SPACE.configurations[int(found.mean.argmax())].knobs["generate.model"] == "y"


def _weighted_rows(n):
    """Three rows on ``n`` questions of which the first, heavy ones count and every fourth cannot be scored."""
    asked = [Question(f"q{i}", f"t{i}", weight=6 if i < n // 3 else 1) for i in range(n)]
    rng = np.random.default_rng(2)
    items = []
    for name, light, heavy, roles in (("a", 0.4, 0.8, ()), ("b", 0.6, 0.3, ("reference",)), ("c", 0.3, 0.3, ())):
        scores = {
            q.id: {GOAL.metric: Score(float(np.clip((heavy if q.weight > 1 else light) + rng.normal(0, 0.05), 0, 1)))}
            for q in asked
        }
        scores |= {q.id: {GOAL.metric: Failure("measurement", "no_reference")} for q in asked[::4]}
        items.append(Measured(configuration({"generate.model": name}, roles), scores))
    return asked, items


def test_differences_of_weighted_rows_are_differences_of_their_figures():
    asked, items = _weighted_rows(40)
    board = build_board(items, asked, [Figure(GOAL.metric)], GOAL, Facts("s", "e@1"))
    means = {row.name: row.figures[GOAL.metric].mean for row in board.rows}
    first = board.leader()
    assert first.name == "a"
    for row in board.rows[1:]:
        assert row.versus_leader.difference == pytest.approx(means[row.name] - means["a"])
    assert first.versus_reference.difference == pytest.approx(means["a"] - means["b"])
    assert first.crossfit.mean == pytest.approx(means["a"], abs=0.01)


def test_differences_on_sealed_questions_are_weighted_too():
    asked, items = _weighted_rows(40)
    sealed, held = _weighted_rows(24)
    opened = Opened(sealed, {item.configuration.key: item for item in held})
    board = build_board(items, asked, [Figure(GOAL.metric)], GOAL, Facts("s", "e@1", opened=opened))
    found = {row.name: row.confirmed for row in board.rows}
    apart = found["a"].figure.mean - found["b"].figure.mean
    assert found["a"].versus_reference.difference == pytest.approx(apart)


def test_a_sweep_tells_its_search_the_weights(tmp_path):
    (tmp_path / "set" / "documents").mkdir(parents=True)
    (tmp_path / "set" / "documents" / "a.md").write_text("연차는 15일입니다.\n\n출장비는 3만 원입니다.\n", "utf-8")
    lines = [
        {"question": "연차는 며칠인가요?", "answer": "15일", "weight": 3},
        {"question": "출장비는 얼마인가요?", "answer": "3만 원"},
    ]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (tmp_path / "set" / "questions.jsonl").write_text(text, "utf-8")
    (tmp_path / "s.yaml").write_text(
        "sweep: weighted\neval_set: set\npipeline: {chunk: {use: characters, size: 200, overlap: 0}, retriever: bm25, "
        "generate: extractive}\nmeasure: {answer: [token_f1]}\ngoal: {maximize: token_f1}\nsearch: halving\n",
        "utf-8",
    )
    sweep = Sweep.load(tmp_path / "s.yaml", tmp_path / "store")
    names = [question.text for question in sweep.prepared.questions]
    told = dict(zip(names, proposer_of(sweep.prepared, sweep.store).outcomes.weights, strict=True))
    assert told == {"연차는 며칠인가요?": 1.5, "출장비는 얼마인가요?": 0.5}

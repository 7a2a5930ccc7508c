"""The factor model and the search on it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from search_worlds import GOAL, MadeSpace, World, configuration, opened, play, played

from ragscout.model.outcome import Score, Usage
from ragscout.model.results.board import Goal
from ragscout.search import make_proposer, order_questions, resolve
from ragscout.search.contract import Block
from ragscout.search.factor.model import FactorModel, choose, make_design
from ragscout.search.samplers.mirror import snapshot


def large_space() -> MadeSpace:
    """216 candidates and a baseline."""
    rows = [
        configuration(
            {"chunk.size": size, "embed": embed, "retriever": retriever, "prompt.passages": k, "generate.model": model}
        )
        for size, embed, retriever, k, model in itertools.product("abcd", "xyz", "uvw", "35", "lmn")
    ]
    return MadeSpace((*rows, configuration({"generate.model": "l"}, ("baseline", "reference"), "no retrieval")))


LARGE = large_space()


def made(world, budget=None, seed=0, **more):
    return make_proposer("factor", LARGE, order_questions(world.questions, 0), GOAL, seed, budget, more, storage="")


@pytest.mark.numeric
def test_model_recovers_additive_effects():
    rng = np.random.default_rng(0)
    codes = np.array(list(itertools.product(range(4), range(3), range(3))))
    kinds = ("retrieval", "prompt", "model")
    truth = 0.5 + 0.05 * codes[:, 0] - 0.08 * codes[:, 1] + 0.06 * (codes[:, 2] == 1)
    model = FactorModel(make_design(codes, np.ones(codes.shape, dtype=bool), kinds), 100)
    hard = rng.normal(0, 0.2, 100)
    for row in range(0, len(codes), 2):
        columns = rng.choice(100, 30, replace=False)
        values = truth[row] + hard[columns] + rng.normal(0, 0.2, 30)
        model.add([row] * 30, columns.tolist(), values.tolist())
    for _ in range(6):
        model.update()
    never = np.arange(1, len(codes), 2)
    assert np.corrcoef(model.mean[never], truth[never])[0, 1] > 0.9
    assert model.interaction_share() < 0.4
    mean, variance = model.predictive(never)
    errors = (mean - truth[never] + (truth.mean() - model.mean.mean())) / np.sqrt(variance)
    assert 0.4 < errors.std() < 1.6


@pytest.mark.numeric
def test_samples_agree_with_the_posterior():
    rng = np.random.default_rng(1)
    codes = np.array(list(itertools.product(range(3), range(3))))
    model = FactorModel(make_design(codes, np.ones(codes.shape, dtype=bool), ("retrieval", "model")), 50)
    for row in (0, 4, 8):
        model.add([row] * 10, list(range(10)), rng.random(10).tolist())
    model.update()
    sample = model.sample(np.random.default_rng(2), 20_000)
    mean, variance = model.predictive(np.arange(9))
    assert sample.mean(1) == pytest.approx(mean, abs=0.002)
    assert sample.var(1) == pytest.approx(variance, rel=0.06)


@pytest.mark.numeric
def test_choose_respects_room_and_finds_the_better_half():
    rng = np.random.default_rng(3)
    codes = np.arange(20)[:, None]
    model = FactorModel(make_design(codes, np.ones(codes.shape, dtype=bool), ("retrieval",)), 40)
    for row in range(20):
        model.add([row] * 20, list(range(20)), (0.03 * row + rng.normal(0, 0.1, 20)).tolist())
    model.update()
    room = np.full(20, 20)
    room[19] = 0
    rows = choose(model, 10, 10, room, np.random.default_rng(0))
    assert len(rows) == 10
    assert 19 not in rows
    assert max(rows.count(row) for row in rows) <= 2
    assert np.mean(rows) > 12
    assert rows == choose(model, 10, 10, room, np.random.default_rng(0))
    assert choose(model, 10, 10, np.zeros(20, dtype=int), np.random.default_rng(0)) == []


@played(1, 4)
def test_finds_a_good_configuration_with_a_tenth_of_the_calls(worlds):
    ranks = []
    for seed in range(worlds):
        world = World(LARGE, questions=60, seed=seed, spread=0.05)
        proposer = made(world, budget=1300, seed=seed)
        play(proposer, world, n=24)
        assert sum(map(len, world.asked.values())) <= 1300
        complete = [key for key, asked in world.asked.items() if len(asked) == 60]
        assert len(complete) >= 4
        claims = proposer.claims()
        best = max(complete, key=lambda key: claims[key].mean)
        ranks.append(sorted(world.mean.values(), reverse=True).index(world.mean[best]))
    assert sorted(ranks)[-2:][0] < 22, "all but the worst world"


def test_restored_search_continues_alike_and_its_study_too():
    world = World(LARGE, questions=60, seed=1)
    straight, log = made(world, 900), []
    play(straight, world, n=16, log=log)
    again = made(World(LARGE, questions=60, seed=1), 900)
    for requests, blocks in log[:10]:
        again.restore(requests, blocks)
    for requests, blocks in log[10:]:
        found = list(again.ask(16)) or list(again.finals())
        assert [(r.configuration.key, r.questions) for r in found] == [
            (r.configuration.key, r.questions) for r in requests
        ]
        again.tell(blocks)
    again.close()
    assert snapshot(again.study()) == snapshot(straight.study())


def test_every_configuration_has_its_own_question_order():
    world = World(LARGE, questions=60)
    proposer = made(world, 3000)
    orders = [request.questions for request in proposer.ask(100)]
    assert len(set(orders)) > len(orders) * 0.9
    small = made(world, 200)
    assert small.common_order
    assert len({request.questions for request in small.ask(100)}) == 1
    assert {note.kind for note in small.notes()} == {"small_budget"}


@pytest.mark.parametrize(("questions", "limit", "small"), [(20, 15, True), (20, 59, True), (20, 60, False)])
def test_a_limit_that_completes_no_three_finalists_is_said(questions, limit, small):
    world = World(LARGE, questions=questions)
    proposer = made(world, limit)
    play(proposer, world)
    assert proposer.common_order is small
    assert ("small_budget" in {note.kind for note in proposer.notes()}) is small
    assert sum(map(len, world.asked.values())) <= limit


def test_retrieval_figures_are_a_soft_prior():
    world = World(LARGE, questions=60)
    inner = made(world, 3000)
    proposer = opened(inner, world, LARGE)
    blocks = []
    for request in proposer.ask(1000):
        good = request.configuration.knobs["embed"] == "x"
        scores = {q: {"ndcg@10": Score(0.9 if good else 0.2)} for q in request.questions}
        blocks.append(Block(request.configuration, scores, Usage()))
    before = inner._model.design.phi.shape[1]
    proposer.tell(blocks)
    assert inner._model.design.phi.shape[1] > before
    play(proposer, world, n=24)


@pytest.mark.parametrize("limit", [2200, pytest.param(6000, marks=pytest.mark.simulation)])
def test_fit_check_and_claims(limit):
    world = World(LARGE, questions=100, seed=3, spread=0.06)
    proposer = made(world, limit)
    play(proposer, world, n=24)
    fit = proposer.fit()
    assert fit.blocks > 50
    assert 0.7 < fit.spread < 1.3
    claims = proposer.claims()
    assert sum(claim.best for claim in claims.values()) == pytest.approx(1.0)
    assert all(0 <= claim.near <= 1 and claim.sd >= 0 for claim in claims.values())
    kinds = {note.kind for note in proposer.notes()}
    assert kinds <= {"claim", "no_claim"}
    assert fit.passed or "no_claim" in kinds


def test_a_model_that_does_not_fit_makes_no_claim():
    world = World(LARGE, questions=60, seed=4)
    rng = np.random.default_rng(0)
    for key in world.table:
        world.table[key] = np.clip(rng.random() + rng.normal(0, 0.05, 60), 0, 1)
    proposer = made(world, 1300)
    play(proposer, world, n=24)
    assert not proposer.fit().passed
    assert "no_claim" in {note.kind for note in proposer.notes()}


def test_minimised_goal():
    world = World(LARGE, questions=60, seed=5, spread=0.06)
    goal = Goal("judge.correctness", higher=False)
    proposer = make_proposer("factor", LARGE, world.questions, goal, 0, 1300, storage=None)
    play(proposer, world, n=24)
    complete = [key for key, asked in world.asked.items() if len(asked) == 60 and key != LARGE.configurations[-1].key]
    ranks = sorted(world.mean.values())
    assert min(ranks.index(world.mean[key]) for key in complete) < 22


def test_auto_takes_the_factor_search_for_large_spaces():
    assert resolve("auto", 217, 60, None) == "factor"
    assert resolve("auto", 217, 60, 1000) == "factor"


def test_the_study_is_one_that_importances_plots_and_the_dashboard_read():
    import io

    import optuna
    from optuna_dashboard import wsgi

    world = World(LARGE, questions=60, seed=2)
    proposer = make_proposer("factor", LARGE, world.questions, GOAL, 0, 1300, storage="")
    play(proposer, world, n=24)
    study = proposer.study()
    importances = optuna.importance.get_param_importances(study)
    assert set(importances) <= set(proposer.space.knobs) and sum(importances.values()) == pytest.approx(1)
    assert optuna.visualization.matplotlib.plot_optimization_history(study) is not None
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies", "wsgi.input": io.BytesIO(), "SERVER_NAME": "x"}
    environ |= {"SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(), "SCRIPT_NAME": ""}
    status: list[str] = []
    body = b"".join(wsgi(study._storage)(environ, lambda code, headers, *rest: status.append(code)))
    assert status[0].startswith("200") and study.study_name in body.decode()

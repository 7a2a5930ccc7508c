"""What single searches promise beyond the kit: stopping rules, brackets, fronts, import paths, prices, fallbacks."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from search_worlds import GOAL, MadeSpace, World, configuration, opened, play, played, small_space

from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.model.outcome import Score, Usage
from ragscout.model.prefixes import distinct_prefixes
from ragscout.model.results.board import Board, FigureStat, Goal, Row, RowCost
from ragscout.search import check, check_screen, make_proposer
from ragscout.search import prefixes as screen
from ragscout.search.contract import Block
from ragscout.search.factor.claims import FitCheck, claim_notes
from ragscout.search.factor.design import make_design
from ragscout.search.factor.exact import ExactPosterior
from ragscout.search.factor.model import FactorModel, choose
from ragscout.search.factor.prior import RetrievalPrior, prior_figure
from ragscout.search.known import known
from ragscout.search.methods.front import front_of, knee, pareto
from ragscout.search.methods.gam import predict
from ragscout.search.methods.halving import affordable, depths, shares
from ragscout.search.rounds import Policy, policy_of
from ragscout.search.samplers.adapter import Sampler, _generation, _sampler, sampler_class
from ragscout.search.space import encode
from ragscout.search.stopping import RULES

SPACE = small_space()


def made(name, world, limit=None, space=SPACE, **options):
    return make_proposer(name, space, world.questions, GOAL, 0, limit, options, storage=None)


def test_stopping_rules():
    rng = np.random.default_rng(0)
    good, bad = rng.random(40).tolist(), (rng.random(40) * 0.4).tolist()
    assert RULES["obrien-fleming"](bad, good, 40)
    assert RULES["wilcoxon"](bad, good, 40)
    assert not RULES["none"](bad, good, 40)
    for name, rule in RULES.items():
        assert not rule(good, bad, 40), name
        assert not rule(bad[:5], good[:5], 40), name
        assert not rule([0.5] * 20, [0.5] * 20, 40), name
    wrong = sum(RULES["wilcoxon"](*rng.random((2, 30)).tolist(), 30) for _ in range(200))
    assert 8 <= wrong <= 40


def test_stopping_by_name_changes_who_goes_on():
    asked = {}
    for stop in RULES:
        world = World(SPACE, questions=60, seed=3, spread=0.15)
        proposer = made("random", world, stop=stop)
        play(proposer, world)
        asked[stop] = world.answers
        assert bool(proposer.stopped) == (stop != "none")
    assert asked["wilcoxon"] < asked["obrien-fleming"] < asked["none"] == 62 * 60
    with pytest.raises(UnknownNameError, match="wilcoxon"):
        check("random", {"stop": "wilcox"})


def test_halving_halves_and_fits():
    assert depths(10, 75) == [10, 20, 40, 75]
    assert depths(10, 5) == [5]
    assert shares(64, [10, 20, 40, 80], Policy()) == [64, 32, 16, 8]
    assert shares(12, [10, 20, 40, 80], Policy()) == [12, 8, 3, 3]
    count = affordable(2000, 500, [10, 20, 40, 80], Policy())
    assert 70 <= count <= 85
    assert affordable(None, 500, [10], Policy()) == 500
    world = World(SPACE, questions=80, seed=2)
    play(made("halving", world, 1500), world)
    candidates = {row.key for row in SPACE.configurations if not row.roles}
    answered = sorted((len(asked) for key, asked in world.asked.items() if key in candidates), reverse=True)
    assert answered[:3] == [80, 80, 80]
    assert len(answered) >= 50
    assert answered[len(answered) // 2 + 2] <= 20


def test_greedy_walks_to_the_best_corner_without_noise():
    world = World(SPACE, questions=20, seed=4, noise=0.0)
    for key, mean in world.mean.items():
        world.table[key] = np.full(20, np.clip(mean, 0, 1))
    play(made("greedy", world, 500, stop="none"), world)
    best = max((row for row in SPACE.configurations if not row.roles), key=lambda row: world.mean[row.key])
    assert best.key in world.asked


def test_gam_predicts_what_was_never_asked():
    space = encode(SPACE)
    world = World(SPACE, seed=5)
    truth = np.array([world.mean[key] for key in space.keys])
    rows = list(space.candidates)[::2]
    predicted = predict(space, rows, truth[rows])
    rest = list(space.candidates)[1::2]
    assert np.corrcoef(predicted[rest], truth[rest])[0, 1] > 0.95


def test_fronts_and_knees():
    points = [(1.0, 0.0), (0.8, 0.9), (0.0, 1.0), (0.5, 0.5), (0.8, 0.9)]
    assert pareto(points) == [0, 1, 2, 4]
    assert knee([points[i] for i in (0, 1, 2)]) == 1
    assert pareto([]) == []
    assert knee([(0.3, 0.3)]) == 0
    with pytest.raises(ValueError, match="empty"):
        knee([])


def board_row(name, quality, cost, seconds, marks=()):
    stat = FigureStat(quality, quality - 0.1, quality + 0.1, 50, 50)
    return Row(
        1,
        name * 8,
        name,
        {},
        (),
        marks,
        50,
        quality,
        quality,
        {GOAL.metric: stat},
        None,
        RowCost(cost, seconds, 9, 1),
        1,
    )


def test_front_of_a_board_is_data():
    rows = (
        board_row("a", 0.9, 9.0, 3.0),
        board_row("b", 0.85, 1.0, 1.0),
        board_row("c", 0.5, 0.9, 0.9),
        board_row("d", 0.4, 8.0, 2.0),
        board_row("e", 0.99, 0.1, 0.1, ("partial",)),
    )
    board = Board("s", "e@1", GOAL, 50, rows, currency="USD")
    front = front_of(board)
    assert [point.name for point in front.points if point.on_front] == ["a", "b", "c"]
    assert [point.name for point in front.points] == ["a", "b", "c", "d"]
    assert (front.axis, front.currency, front.knee) == ("money", "USD", "b" * 8)
    assert json.loads(json.dumps(front.as_json()))["points"][0]["low"] == pytest.approx(0.8)
    unknown = front_of(Board("s", "e@1", GOAL, 50, (board_row("a", 0.9, None, 3.0),)))
    assert unknown.axis == "tokens"
    assert front_of(Board("s", "e@1", GOAL, 50, ())).knee == ""


@pytest.mark.parametrize("name", ["nsga2", "motpe"])
def test_cheap_rows_survive_in_a_multi_objective_search(name):
    world = World(SPACE, questions=40, seed=6, spread=0.12)
    cheap = {row.key for row in SPACE.configurations if row.knobs["generate"] == "extractive"}

    class Priced:
        def block(self, request):
            block = world.block(request)
            n = len(request.questions)
            money = 0.0 if request.configuration.key in cheap else 0.01 * n
            return Block(block.configuration, block.scores, Usage(100 * n, 10 * n, 0.5 * n, money, n))

    proposer = made(name, world, 1200)
    play(proposer, Priced())
    assert world.answers <= 1200
    notes = {note.kind: note for note in proposer.notes()}
    assert "front" in notes
    assert "파레토" in notes["front"].text("ko")
    deep = [key for key, asked in world.asked.items() if len(asked) == 40]
    assert any(key in cheap for key in deep)
    assert any(key not in cheap for key in deep)


def test_import_paths_are_checked_before_anything_is_imported(tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    (tmp_path / "evil_sampler.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Evil: pass\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for path in ("evil_sampler.Evil", "os.system", "builtins.eval", "optuna", "optuna/../x.Y", "optuna.samplers.a b"):
        with pytest.raises((ParameterError, UnknownNameError)):
            check("optuna", {"sampler": path})
    assert not marker.exists()
    for path in ("optuna.create_study", "optuna.samplers.BaseSampler", "optuna.samplers.NoSampler", "optuna.nothing.X"):
        with pytest.raises(UnknownNameError):
            sampler_class(path)
    assert sampler_class("optuna.samplers.QMCSampler").__name__ == "QMCSampler"
    with pytest.raises(ParameterError, match="sampler: missing"):
        check("optuna", {})


def test_parameters_of_a_sampler_are_checked():
    policy, sampler = check("optuna", {"sampler": "optuna.samplers.TPESampler", "n_startup_trials": 3, "block": 5})
    assert policy is not None
    assert policy.block == 5
    assert sampler == Sampler("optuna.samplers.TPESampler", {"n_startup_trials": 3})
    with pytest.raises(UnknownNameError, match="n_startup_trials"):
        check("optuna", {"sampler": "optuna.samplers.TPESampler", "n_startup_trial": 3})
    with pytest.raises(ParameterError, match="plain value"):
        check("optuna", {"sampler": "optuna.samplers.TPESampler", "gamma": ["x"]})
    with pytest.raises(UnknownNameError, match="seed"):
        check("optuna", {"sampler": "optuna.samplers.TPESampler", "seed": 3})
    with pytest.raises(ParameterError, match="cannot be used here"):
        check("optuna", {"sampler": "optuna.samplers.GridSampler"})
    with pytest.raises(ParameterError, match="refuses its parameters"):
        _sampler(Sampler("optuna.samplers.NSGAIISampler", {"population_size": 0}), 1)


def test_a_genetic_sampler_finds_its_populations():
    sampler = _sampler(Sampler("nsga2"), 1)
    marks = [_generation(sampler, number) for number in (0, 15, 16)]
    assert [next(iter(mark.values())) for mark in marks] == [0, 0, 1]
    assert _generation(_sampler(Sampler("tpe"), 1), 3) == {}


def test_options_of_the_policy():
    assert policy_of({"screen": {"keep": 0.25}}).keep == 0.25
    assert policy_of({"stop": None}).stop == "none"
    assert not policy_of({"warm": False}).warm
    with pytest.raises(ParameterError, match="not a share; got 'a quarter'"):
        policy_of({"screen": {"keep": "a quarter"}})
    for options in ({"screen": {"keep": 0}}, {"screen": {"keep": 2}}, {"screen": 3}, {"warm": "yes"}, {"block": 2.5}):
        with pytest.raises(ParameterError):
            policy_of(options)
    with pytest.raises(UnknownNameError):
        policy_of({"screen": {"kept": 0.2}})


def factor_space() -> MadeSpace:
    rows = [
        configuration({"chunk.size": a, "embed": b, "retriever": c, "prompt.passages": d, "generate.model": e})
        for a, b, c, d, e in itertools.product("abcd", "xyz", "uvw", "35", "lmn")
    ]
    return MadeSpace(tuple(rows))


LARGE = factor_space()


@pytest.mark.numeric
@played(2, 6)
def test_exact_posterior_is_honest_about_shared_question_effects(worlds):
    space = encode(LARGE)
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(worlds):
        effects = [rng.normal(0, 0.04, len(levels)) for levels in space.knobs.values()]
        truth = 0.5 + sum(effect[space.codes[:, k]] for k, effect in enumerate(effects)) + rng.normal(0, 0.006, 216)
        hard = rng.normal(0, 0.2, 60)
        own = [rng.normal(0, 0.12, (len(levels), 60)) for levels in space.knobs.values()]
        model = FactorModel(make_design(space.codes, space.active, ["retrieval"] * 4 + ["model"]), 60)
        for row in rng.choice(216, 80, replace=False):
            columns = rng.choice(60, 40, replace=False)
            shift = hard[columns] + sum(effect[space.codes[row, k], columns] for k, effect in enumerate(own))
            model.add([int(row)] * 40, columns.tolist(), (truth[row] + shift + rng.normal(0, 0.1, 40)).tolist())
        model.update()
        posterior = ExactPosterior(model, space)
        sample = posterior.sample(np.random.default_rng(1), 400)
        assert sample.mean(1) == pytest.approx(posterior.mean, abs=0.02)
        # the questions' own effects move all means of a knob's value alike, so differences between rows are judged
        centred, wanted = sample - sample.mean(0), truth - truth.mean()
        errors.append((centred.mean(1) - wanted) / centred.std(1))
        assert posterior.question_variances[0] > 0.01
    assert 0.5 < float(np.sqrt(np.mean(np.square(errors)))) < 1.5


def test_dear_blocks_are_bought_less_often():
    rng = np.random.default_rng(3)
    codes = np.arange(20)[:, None]
    model = FactorModel(make_design(codes, np.ones(codes.shape, dtype=bool), ("retrieval",)), 400)
    for row in range(20):
        model.add([row] * 20, list(range(20)), (0.5 + rng.normal(0, 0.1, 20)).tolist())
    model.update()
    room, price = np.full(20, 400), np.where(np.arange(20) < 10, 1.0, 20.0)
    dear = equal = 0
    for seed in range(20):
        rows = choose(model, 4, 10, room, np.random.default_rng(seed), price)
        dear += sum(row >= 10 for row in rows)
        rows = choose(model, 4, 10, room, np.random.default_rng(seed))
        equal += sum(row >= 10 for row in rows)
    assert dear < 0.5 * equal


def test_price_in_money_shifts_the_calls():
    spent = {}
    for price in ("none", "money"):
        world = World(LARGE, questions=60, seed=1, spread=0.0)
        dear = {row.key for row in LARGE.configurations if row.knobs["generate.model"] == "l"}

        class Priced:
            def block(self, request, world=world, dear=dear):
                block = world.block(request)
                n = len(request.questions)
                money = (0.1 if request.configuration.key in dear else 0.001) * n
                return Block(block.configuration, block.scores, Usage(1, 1, 0.1 * n, money, n))

        proposer = made("factor", world, 1500, LARGE, price=price)
        play(proposer, Priced(), n=24)
        spent[price] = sum(len(asked) for key, asked in world.asked.items() if key in dear)
    assert spent["money"] < 0.8 * spent["none"]


def test_a_model_that_is_not_trusted_leaves_the_end_to_the_additive_one():
    world = World(LARGE, questions=60, seed=4)
    rng = np.random.default_rng(0)
    for key in world.table:
        world.table[key] = np.clip(rng.random() + rng.normal(0, 0.05, 60), 0, 1)
    proposer = made("factor", world, 2500, LARGE)
    log: list = []
    play(proposer, world, n=24, log=log)
    assert proposer.distrusted
    assert world.answers <= 2500
    assert any(
        request.reason == "search" and len(request.questions) > 20 for requests, _ in log for request in requests
    )
    note = next(note for note in proposer.notes() if note.kind == "no_claim")
    assert "failed its check" in note.text("en")


def test_fit_check():
    assert FitCheck(60, 1.0, 0.2).passed
    for fit in (FitCheck(20, 1.0, 0.2), FitCheck(60, 1.4, 0.2), FitCheck(60, 0.5, 0.2), FitCheck(60, 1.0, 0.5)):
        assert not fit.passed
        (note,) = claim_notes(fit, None, 100)  # type: ignore[arg-type]
        assert note.kind == "no_claim"


def prefixed(**knobs):
    return configuration({**knobs, "generate.model": "l"})


def test_screen_keeps_the_best_prefixes():
    rows = MadeSpace(tuple(configuration({"embed": e, "generate.model": m}) for e in "abcdefgh" for m in "lm"))
    for name in ("random", "factor", "halving", "greedy", "gam", "grid", "nsga2"):
        world = World(rows, questions=20)
        proposer = opened(made(name, world, 300, rows, screen={"keep": 0.25}), world, rows)
        requests = proposer.ask(100)
        assert {request.reason for request in requests} == {"retrieval"}
        blocks = [
            Block(
                r.configuration,
                {q: {"ndcg@10": Score(ord(r.configuration.knobs["embed"]) / 200)} for q in r.questions},
                Usage(),
            )
            for r in requests
        ]
        proposer.tell(blocks)
        play(proposer, world)
        found = {row.knobs["embed"] for row in rows.configurations if row.key in world.asked}
        assert found == {"g", "h"}, name
        assert "screened" in {note.kind for note in proposer.notes()}


def test_prefixes_are_scored_lexical_first_and_slow_ones_borrow():
    rows = [prefixed(retriever="bm25"), prefixed(retriever="dense", embed="a"), prefixed(retriever="dense", embed="b")]
    found = screen.rounds(rows, 10, {})
    assert {item.knobs["retriever"] for group in found for item in group} == {"bm25", "dense"}
    assert sum(map(len, found)) == 3
    assert screen.parents(rows) == {}
    prior = RetrievalPrior(rows, {rows[2].retrieval().key: rows[1].retrieval().key})
    scores = {"q": {"ndcg@10": Score(0.9)}}
    assert prior.add(Block(rows[1].retrieval(), scores, Usage()))
    assert prior.add(Block(rows[0].retrieval(), {"q": {"ndcg@10": Score(0.1)}}, Usage()))
    metric, borrowed = prior.columns()
    assert metric[2] == metric[1] > metric[0]
    assert borrowed.tolist() == [0.0, 0.0, 1.0]
    assert screen.Group((rows[0],), 1.0).gain > screen.Group((rows[0],), 2.0).gain
    assert screen.Group(tuple(rows), 1.0).gain > screen.Group((rows[0],), 1.0).gain


@pytest.mark.parametrize("name", ["factor", "tpe", "halving", "gam"])
def test_included_rows_are_measured_as_deeply_as_the_finalists(name):
    rows = (*LARGE.configurations, configuration({"chunk.size": "own"}, ("include",), "today"))
    space = MadeSpace((*rows, configuration({"generate": "own"}, ("baseline",), "no retrieval")))
    world = World(space, questions=40)
    proposer = make_proposer(name, space, world.questions, GOAL, 3, 800, storage=None)
    play(proposer, world)
    depth = {row.name: len(world.asked.get(row.key, ())) for row in space.configurations}
    assert depth["today"] == max(depth.values())
    assert sum(map(len, world.asked.values())) <= 800


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["recall@3", "ndcg@3", "ndcg@10", "leak@10", "context_tokens@3"], "ndcg@10"),
        (["recall@3", "precision@5"], "recall@3"),
        (["doc.mrr@10", "reference_coverage@5"], "doc.mrr@10"),
        (["reference_coverage@5", "token_f1"], "reference_coverage@5"),
        (["leak@10", "context_tokens@3", "judge.correctness"], None),
    ],
)
def test_the_prior_is_the_first_retrieval_metric_at_its_deepest_cut(names, best):
    assert prior_figure(names) == best


def test_a_filter_of_prefixes_needs_a_figure_to_rank_by():
    check_screen(policy_of({"screen": {"keep": 0.5}}), ["recall@3"])
    check_screen(policy_of({}), [])
    with pytest.raises(ParameterError, match=r"search.screen.keep: no retrieval metric .* got context_tokens@3"):
        check_screen(policy_of({"screen": {"keep": 0.5}}), ["context_tokens@3"])


@pytest.mark.parametrize(("weights", "first"), [((), 0), ((0.2, 1.8), 1), ((0.0, 0.0), 0)])
def test_the_prior_counts_questions_by_their_weight(weights, first):
    rows = [prefixed(retriever="bm25"), prefixed(retriever="dense", embed="a")]
    space = MadeSpace(tuple(rows))
    prior = make_proposer("random", space, ["q1", "q2"], GOAL, 1, None, storage=None, weights=weights).prior
    for row, (light, heavy) in zip(rows, [(0.9, 0.2), (0.2, 0.8)], strict=True):
        scores = {"q1": {"ndcg@10": Score(light)}, "q2": {"ndcg@10": Score(heavy)}}
        assert prior.add(Block(row.retrieval(), scores, Usage()))
    assert int(prior.columns()[0].argmax()) == first
    assert prior.best(encode(space), 0.5) == (first,)


def test_known_answers_are_found_and_counted():
    world = World(SPACE, questions=10)

    class Reader:
        def scores(self, configuration, names, failed):
            return {name: {} for name in names if name in ("q001", "q002", "q003")}

    rows = SPACE.configurations[:3]
    nodes = {rows[0].last.key, rows[1].last.key}
    found = known(rows, world.questions, Reader(), nodes, {rows[0].key: ["q001"]})
    assert [(request.configuration.key, request.questions) for request in found] == [
        (rows[0].key, ("q002", "q003")),
        (rows[1].key, ("q001", "q002", "q003")),
    ]
    proposer = made("factor", world, 100)
    proposer.know([world.block(request) for request in found])
    assert proposer.spent == 0
    note = proposer.notes()[0]
    assert note.kind == "reused"
    assert note.text("en").startswith("5 answers of 2 configurations")
    counted = made("factor", world, 100)
    counted.know([world.block(request) for request in found], free=False)
    assert counted.spent == 5


def test_a_figure_of_retrieval_that_comes_after_the_first_answers_still_counts():
    world = World(LARGE, questions=60)
    proposer = made("factor", world, 3000, LARGE)
    floor = LARGE.configurations[0]
    request = next(r for r in proposer.ask(100) if r.configuration.key)
    proposer.tell([world.block(request)])
    before = proposer._model.design.phi.shape[1]
    prefixes = list(distinct_prefixes(LARGE.configurations).values())
    blocks = [
        Block(item, {"q000": {"ndcg@10": Score(0.9 if item.knobs["embed"] == "x" else 0.1)}}, Usage())
        for item in prefixes
    ]
    proposer.tell(blocks)
    assert proposer._model.design.phi.shape[1] > before
    assert proposer._model.updates
    assert floor.key in proposer.space.index


def test_a_goal_without_ends_is_searched_too():
    world = World(SPACE, questions=20)
    goal = Goal(GOAL.metric, low=None, high=None)
    for name in ("factor", "halving", "gam"):
        proposer = make_proposer(name, SPACE, world.questions, goal, 0, 200, storage=None)
        play(proposer, world)
    assert world.answers <= 600

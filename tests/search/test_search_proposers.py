"""The searches: budgets, determinism, resume, the study as a projection."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_worlds import GOAL, MadeSpace, World, configuration, judge_failed, opened, play, small_space

from ragscout.model.errors import ParameterError, SpecError, StoreError, UnknownNameError
from ragscout.model.outcome import Failure, Score, Usage
from ragscout.model.results.board import Goal
from ragscout.model.results.measured import goal_value
from ragscout.search import make_proposer, order_questions, resolve
from ragscout.search.contract import Block
from ragscout.search.samplers.mirror import snapshot
from ragscout.search.space import INACTIVE, encode

SPACE = small_space()


def made(name, world, budget=None, storage="", options=None, seed=0, space=SPACE):
    return make_proposer(
        name, space, order_questions(world.questions, seed), GOAL, seed, budget, options, storage=storage
    )


def test_grid_measures_every_configuration_on_every_question():
    world = World(SPACE, questions=13)
    play(made("grid", world), world, n=7)
    assert len(world.asked) == len(SPACE.configurations) == 62
    assert all(sorted(asked) == sorted(world.questions) for asked in world.asked.values())


@pytest.mark.parametrize("name", ["random", "tpe", "gp", "factor"])
def test_quickstart_budget(name):
    world = World(SPACE, seed=1)
    proposer = made(name, world, 300)
    play(proposer, world)
    answered = {key: len(asked) for key, asked in world.asked.items()}
    assert sum(answered.values()) <= 300
    assert all(len(set(asked)) == len(asked) for asked in world.asked.values())
    roles = {row.key for row in SPACE.configurations if row.roles}
    assert roles <= set(answered)
    assert sum(n >= 20 for key, n in answered.items() if key not in roles) >= 8
    deepest = sorted(answered.values())[-2:]
    assert deepest[0] == deepest[1] > 20


def test_without_finalists_a_small_budget_still_lets_the_sampler_propose():
    world = World(SPACE, seed=1)
    proposer = made("gp", world, 180, options={"reach": 6, "finalists": 0})
    log = []
    play(proposer, world, log=log)
    reasons = {request.reason for requests, _ in log for request in requests}
    assert not proposer.notes()
    assert "search" in reasons
    assert "final" not in reasons
    assert sum(len(asked) >= 20 for asked in world.asked.values()) >= 8


@pytest.mark.parametrize("name", ["grid", "random", "tpe", "factor"])
@pytest.mark.parametrize("budget", [0, 1, 5, 17, 50, 133, 900])
def test_the_limit_is_never_exceeded(name, budget):
    world = World(SPACE)
    play(made(name, world, budget), world, n=5)
    assert sum(map(len, world.asked.values())) <= budget
    if budget >= 50:
        assert sum(map(len, world.asked.values())) >= 0.8 * budget


def test_without_a_limit_promising_rows_are_completed():
    world = World(SPACE, seed=3)
    proposer = made("random", world)
    play(proposer, world)
    assert len(world.asked) == 62
    best = max(world.mean, key=world.mean.__getitem__)
    leaders = [key for key, asked in world.asked.items() if len(asked) == len(world.questions)]
    assert best in leaders
    assert len(leaders) < 40


@pytest.mark.parametrize("name", ["grid", "random", "tpe", "gp", "factor"])
def test_asking_twice_and_replaying_give_the_same(name):
    world = World(SPACE, seed=2)
    first = made(name, world, 250)
    log: list = []
    play(first, world, log=log)
    replayed = made(name, world, 250)
    for requests, blocks in log:
        asked = list(replayed.ask(64)) or list(replayed.finals())
        again = list(replayed.ask(64)) or list(replayed.finals())
        assert [(r.configuration.key, r.questions) for r in asked] == [
            (r.configuration.key, r.questions) for r in requests
        ]
        assert [(r.configuration.key, r.questions) for r in asked] == [
            (r.configuration.key, r.questions) for r in again
        ]
        replayed.restore(requests, blocks)
    assert not replayed.ask(64)
    assert not replayed.finals()


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_deleted_study_comes_back_equal(tmp_path: Path, kind):
    path = tmp_path / "study.file"
    storage = str(path) if kind == "journal" else f"sqlite:///{path}"
    world = World(SPACE, seed=2)
    straight = made("tpe", World(SPACE, seed=2), 80, storage="")
    log: list = []
    play(straight, World(SPACE, seed=2), log=log)
    wanted = snapshot(straight.study())
    first = made("tpe", world, 80, storage=storage)
    middle = len(log) // 2
    for _ in range(middle):
        requests = list(first.ask(64)) or list(first.finals())
        first.tell([world.block(request) for request in requests])
    before = snapshot(first.study())
    assert {trial["state"] for trial in before} >= {"running"}
    path.unlink()
    second = made("tpe", world, 80, storage=storage)
    for requests, blocks in log[:middle]:
        second.restore(requests, blocks)
    second.sync()
    assert snapshot(second.study()) == before
    play(second, world)
    assert snapshot(second.study()) == wanted


def test_a_study_deleted_while_running_and_one_that_differs_are_rebuilt(tmp_path: Path):
    path = tmp_path / "study.journal"
    world = World(SPACE, seed=2)
    proposer = made("random", world, 250, storage=str(path))
    proposer.tell([world.block(request) for request in proposer.ask(64)])
    path.unlink()
    proposer.tell([world.block(request) for request in proposer.ask(64)])
    wanted = snapshot(proposer.study())
    assert len(wanted) == 8
    study = proposer.study()
    study.tell(next(trial.number for trial in study.trials if trial.state.name == "RUNNING"), 0.123)
    other = made("random", world, 250, storage=str(path))
    replay = World(SPACE, seed=2)
    for _ in range(2):
        requests = list(other.ask(64))
        other.restore(requests, [replay.block(request) for request in requests])
    other.sync()
    assert snapshot(other.study()) == wanted


@pytest.mark.parametrize("content", [b"no study {{{\n", b"\xff\xfe\x00\n"])
def test_a_file_that_is_no_study_is_kept_and_made_anew(tmp_path: Path, content: bytes):
    path = tmp_path / "study.journal"
    path.write_bytes(content)
    world = World(small_space(), 40)
    proposer = made("random", world, 120, storage=str(path))
    play(proposer, world)
    assert len(proposer.study().trials) > 1
    assert Path(f"{path}.unreadable").read_bytes().startswith(content)


def test_a_file_of_another_space_is_said_once_and_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, names = tmp_path / "study.journal", []
    smaller = MadeSpace(SPACE.configurations[:-1])
    for space in (smaller, SPACE, SPACE):
        world = World(space, 40)
        proposer = made("random", world, 120, storage=str(path), space=space)
        play(proposer, world)
        names.append(proposer.study().study_name)
    said = [record.getMessage() for record in caplog.records if "another sweep or space" in record.getMessage()]
    assert names[0] != names[1] == names[2]
    assert said == [
        f"study.journal: belongs to another sweep or space; got study {names[0]}. This one is kept in it under a new "
        f"name: {names[1]}."
    ]


@pytest.mark.parametrize("url", ["sqlite:///{folder}/nowhere/study.db", "nothing://study", "no url://"])
def test_a_study_that_cannot_be_opened_is_a_message(tmp_path: Path, url):
    world = World(small_space(), 40)
    proposer = made("random", world, 120, storage=url.format(folder=tmp_path))
    with pytest.raises(StoreError, match="RAGSCOUT_STUDY"):
        play(proposer, world)


def test_study_holds_key_scores_and_cost_and_closes_with_the_mean():
    world = World(SPACE, seed=5)
    proposer = made("random", world, 200)
    play(proposer, world)
    trials = proposer.study().trials
    assert {trial.user_attrs["key"] for trial in trials} == set(world.asked)
    for trial in trials:
        asked = world.asked[trial.user_attrs["key"]]
        column = {question: index for index, question in enumerate(world.questions)}
        mean = sum(world.table[trial.user_attrs["key"]][column[q]] for q in asked) / len(asked)
        assert trial.state.name == "COMPLETE"
        assert trial.value == pytest.approx(mean)
        assert trial.user_attrs["n"] == len(asked) == trial.last_step
        assert trial.user_attrs["cost"] == pytest.approx(0.001 * len(asked))
        assert trial.user_attrs["scores"]["judge.correctness"] == pytest.approx(mean)


def test_a_failed_configuration_is_told_as_failed_and_never_asked_again():
    world = World(SPACE, seed=5)
    broken = {row.key for row in SPACE.configurations if row.knobs.get("retriever") == "dense"}
    world.failed = dict.fromkeys(broken, "the embedder cannot be loaded")
    proposer = made("tpe", world, 300)
    log: list = []
    play(proposer, world, log=log)
    asked = [request.configuration.key for requests, _ in log for request in requests]
    assert all(asked.count(key) <= 1 for key in broken)
    states = {trial.user_attrs["key"]: trial.state.name for trial in proposer.study().trials}
    assert {states[key] for key in broken if key in states} == {"FAIL"}


def test_everything_failed_ends():
    world = World(SPACE)
    world.failed = dict.fromkeys(world.mean, "no")
    for name in ("grid", "random", "gp", "factor"):
        play(made(name, world, 300), world)
        assert not world.asked


@pytest.mark.parametrize("name", ["grid", "random", "tpe", "gp", "factor"])
def test_degenerate_worlds(name):
    one = MadeSpace((configuration({"generate": "smol"}),))
    world = World(one, questions=1)
    play(made(name, world, space=one), world)
    assert world.asked == {one.configurations[0].key: ["q000"]}
    flat = World(SPACE, questions=20)
    flat.table = {key: table * 0 + 0.5 for key, table in flat.table.items()}
    play(made(name, flat, 200), flat)
    assert sum(map(len, flat.asked.values())) <= 200


def test_retrieval_comes_first_and_is_free():
    world = World(SPACE)
    proposer = opened(made("random", world, 100), world)
    requests = proposer.ask(500)
    assert {request.reason for request in requests} == {"retrieval"}
    assert len(requests) == len({row.retrieval().key for row in SPACE.configurations if row.retrieves})
    assert all(request.questions == proposer.ask(500)[0].questions for request in requests)
    proposer.tell([world.block(request) for request in requests])
    assert {request.reason for request in proposer.ask(500)} == {"baseline", "start"}
    play(proposer, world)
    assert sum(map(len, world.asked.values())) <= 100


def test_inactive_knobs_are_dropped_when_a_proposal_is_mapped():
    space = encode(SPACE)
    order = list(range(len(space.keys)))
    proposal = {"chunk.size": "512", "chunk.overlap": "0", "embed": "static", "retriever": "bm25", "generate": "smol"}
    row = space.nearest(proposal, space.candidates, order)
    assert space.params(row) == {**proposal, "embed": INACTIVE}
    exact = {**proposal, "retriever": "dense"}
    assert space.params(space.nearest(exact, space.candidates, order)) == exact


def test_start_design_is_spread():
    space = encode(SPACE)
    rows = space.spread(12, list(range(len(space.keys))))
    assert len(set(rows)) == 12
    for name in ("retriever", "generate", "chunk.size"):
        counts = [sum(space.params(row)[name] == level for row in rows) for level in space.knobs[name]]
        used = [count for count in counts if count]
        assert max(used) - min(used) <= 2


def test_goal_value_of_failures():
    goal = Goal("judge.correctness", floor=0.1)
    assert goal_value(Score(0.7), goal) == 0.7
    assert goal_value(Failure("candidate", "refused"), goal) == 0.1
    assert goal_value(judge_failed(), goal) is None
    assert goal_value(None, goal) is None


def test_minimising_finds_the_low_end():
    world = World(SPACE, seed=4, noise=0.1)
    goal = Goal("judge.correctness", higher=False)
    proposer = make_proposer("tpe", SPACE, world.questions, goal, 0, 800)
    play(proposer, world)
    deep = [key for key, asked in world.asked.items() if len(asked) >= 40]
    ranks = sorted(world.mean.values())
    assert min(ranks.index(world.mean[key]) for key in deep) < 10


def test_missing_scores_do_not_count_as_answers_of_zero():
    world = World(SPACE, questions=20)
    proposer = made("grid", world)
    request = proposer.ask(1)[0]
    scores = {q: {GOAL.metric: judge_failed()} for q in request.questions}
    proposer.tell([Block(request.configuration, scores, Usage())])
    row = proposer.space.index[request.configuration.key]
    assert proposer.outcomes.mean(row) is None
    assert proposer.outcomes.answered()[row] == 10


def test_errors_and_auto():
    world = World(SPACE)
    with pytest.raises(UnknownNameError, match="Did you mean 'tpe'"):
        made("tpee", world)
    with pytest.raises(UnknownNameError, match="Did you mean 'finalists'"):
        made("tpe", world, options={"finalist": 3})
    with pytest.raises(ParameterError, match="at least 1"):
        made("tpe", world, options={"block": 0})
    with pytest.raises(ParameterError, match="below 0"):
        made("tpe", world, -1)
    with pytest.raises(SpecError, match="no configuration"):
        make_proposer("grid", MadeSpace(()), world.questions, GOAL)
    assert resolve("auto", 60, 80, None) == "grid"
    assert resolve("auto", 60, 80, 4800) == "grid"
    assert resolve("auto", 60, 80, 300) != "grid"


def test_any_sampler_of_optuna_by_name():
    world = World(SPACE)
    play(made("optuna.samplers.NSGAIISampler", world, 500), world)
    assert 400 <= sum(map(len, world.asked.values())) <= 500
    with pytest.raises(UnknownNameError, match="Optuna sampler"):
        made("optuna.samplers.NoSampler", world)


def test_a_common_order_moves_no_question_when_one_is_added():
    before = order_questions(["a", "b", "c", "d"], 7)
    after = order_questions(["d", "e", "c", "b", "a"], 7)
    assert [item for item in after if item != "e"] == list(before)
    assert order_questions(["a", "b", "c", "d"], 8) != before or order_questions(["a", "b", "c", "d"], 9) != before

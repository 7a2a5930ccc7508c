"""The end of a sweep: limits of the goal and of the budget, the latency probe, the choice and its confirmation."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ragscout.board.limits import meets
from ragscout.board.words.headline import headline
from ragscout.engine.session import open_worker
from ragscout.model.errors import SpecError, StoreError
from ragscout.model.results.board import Board
from ragscout.model.results.journal import Probed, SearchEnded
from ragscout.model.results.reason import DONE, Reason
from ragscout.plan.budget import SweepBudget
from ragscout.serve.latency import latency
from ragscout.serve.pipeline import Pipeline, Reply
from ragscout.serve.probe import Probe, probe
from ragscout.store.journal import History
from ragscout.store.rows import ShardRows
from ragscout.store.shards import CellData
from ragscout.store.store import Store
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer
from ragscout.words import Words

Call = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[1]
TEXT = """
sweep: {name}
eval_set: {root}/eval_sets/{set}
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
  judge: {{provider: openai, base_url: "{url}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: [200, 400]}}
  retriever: bm25
  prompt: {{use: template, passages: [1, 2]}}
  generate: {{use: chat, model: writer, max_tokens: 32}}
include:
  - {{name: today, reference: true, chunk: {{use: characters, size: 300}}, prompt: {{use: template, passages: 1}}}}
measure: {{retrieval: [recall@3], answer: [token_f1, {{use: judge, model: judge}}]}}
goal: {goal}
search: {search}
budget: {{{budget}}}
network: offline
{more}
"""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def write(folder: Path, server: FakeServer, **given: str) -> Path:
    values = {
        "name": "t",
        "set": "handbook-ko",
        "goal": "judge.correctness",
        "search": "grid",
        "budget": "usd: 5",
        "more": "probe: off\nholdout: 0.4",
        **given,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{values['name']}.yaml"
    path.write_text(TEXT.format(root=ROOT, url=server.base_url, **values), encoding="utf-8")
    return path


def timeless(board: Board) -> object:
    """A board without what a clock measured."""
    data = json.loads(board.to_json())
    for row in [*data["rows"], *data["retrieval"]]:
        row["cost"]["seconds"], row["latency"] = 0, None
    return data


def kinds(store: Store, sweep: str) -> list[str]:
    return [entry.kind for entry in store.ledger.journal(sweep)]


def note(board: Board, kind: str) -> str:
    return next((item.text("en") for item in board.notes if item.kind == kind), "")


def test_the_holdout_is_opened_once_after_the_choice(tmp_path: Path, server: FakeServer) -> None:
    sweep = Sweep.load(write(tmp_path, server), tmp_path / "s")
    held = {question.id for question in sweep.prepared.eval_set.questions_} - {
        question.id for question in sweep.prepared.questions
    }
    assert 8 <= len(held) <= 24
    board = sweep.run().board
    said = kinds(sweep.store, sweep.id)
    assert said.count("chosen") == said.count("holdout_opened") == said.count("confirmed") == 1
    assert said.index("chosen") < said.index("holdout_opened") < said.index("confirmed")
    best = board.recommended()
    assert best is not None and best.confirmed is not None
    assert best.confirmed.figure.asked == len(held)
    assert best.answered == len(sweep.prepared.questions), "sealed questions are in no development figure"
    confirmed = {row.name for row in board.rows if row.confirmed}
    assert "today" in confirmed and {row.name for row in board.rows if row.has("baseline")} <= confirmed
    assert best.has("reference") or best.confirmed.versus_reference is not None
    assert "15 hold-out questions" in note(board, "quote") and "on hold-out questions" in headline(board)
    assert "최종 확인 문항" in headline(board, "ko")
    other_process = open_worker(sweep.store, sweep.id)
    assert held <= set(other_process._questions), "another process may compute them too"
    sent = server.stats.total
    again = Sweep.load(write(tmp_path, server), tmp_path / "s").run()
    assert server.stats.total == sent and again.board.to_json() == board.to_json()
    assert kinds(sweep.store, sweep.id) == said


class Killed(Exception):
    """What stands for the end of the process."""


@pytest.mark.parametrize("after", ["closing", "chosen", "holdout_opened", "confirmed", "closed"])
def test_a_stop_at_any_point_neither_opens_twice_nor_chooses_anew(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    whole = Sweep.load(write(tmp_path, server), tmp_path / "whole").run().board
    append = History.journal_append

    def dying(self: History, sweep: str, kind: str, payload: Mapping[str, object], *, fence: int | None = None) -> int:
        seq = append(self, sweep, kind, payload, fence=fence)
        if kind == after:
            raise Killed
        return seq

    sweep = Sweep.load(write(tmp_path, server), tmp_path / "s")
    monkeypatch.setattr(History, "journal_append", dying)
    with pytest.raises(Killed):
        sweep.run()
    monkeypatch.setattr(History, "journal_append", append)
    resumed = Sweep.load(write(tmp_path, server), tmp_path / "s").run()
    said = kinds(sweep.store, sweep.id)
    assert said.count("chosen") == said.count("holdout_opened") == said.count("confirmed") == 1
    assert timeless(resumed.board) == timeless(whole)


def test_a_store_in_trouble_at_the_end_is_no_failure_of_a_row(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once while the finalists are probed, once while the hold-out is answered: the sweep stays open, and goes on."""
    path = write(tmp_path, server, more="probe: {questions: 3}\nholdout: 0.4")
    sweep = Sweep.load(path, tmp_path / "s")
    ask, trouble = Pipeline.ask, StoreError("/data: disk full. Free space there.")
    left = [trouble]

    def asked(self: Pipeline, question: str) -> Reply:
        if left:
            raise left.pop()
        return ask(self, question)

    monkeypatch.setattr(Pipeline, "ask", asked)
    first = sweep.run()
    assert not first.closed and first.open == ["store: /data: disk full. Free space there."]
    assert "probed" not in kinds(sweep.store, sweep.id)
    write_shard = Store.write_shard

    def written(self: Store, node: str, cells: Mapping[str, CellData]) -> ShardRows:
        if "holdout_opened" in kinds(self, sweep.id):
            raise trouble
        return write_shard(self, node, cells)

    monkeypatch.setattr(Store, "write_shard", written)
    second = Sweep.load(path, tmp_path / "s").run()
    assert not second.closed and second.open == ["store: /data: disk full. Free space there."]
    said = kinds(sweep.store, sweep.id)
    assert "holdout_opened" in said and "confirmed" not in said
    monkeypatch.setattr(Store, "write_shard", write_shard)
    last = Sweep.load(path, tmp_path / "s").run()
    best = last.board.recommended()
    assert last.closed and best is not None and best.confirmed is not None
    probed = sweep.journal.of(Probed)
    assert probed and not any(entry.failed for entry in probed)


def test_a_later_sweep_says_how_often_the_holdout_was_used(tmp_path: Path, server: FakeServer) -> None:
    Sweep.load(write(tmp_path, server, name="first"), tmp_path / "s").run()
    second = Sweep.load(write(tmp_path, server, name="second"), tmp_path / "s")
    assert any("opened 1 time before, by first" in line for line in second.plan().lines())
    board = second.run().board
    assert "opened 1 time before (first)" in note(board, "holdout_used")
    unsealed = Sweep.load(write(tmp_path, server, name="open", more="probe: off\nholdout: off"), tmp_path / "s")
    assert unsealed.prepared.held == 0


def test_without_a_holdout_the_winner_is_cross_fitted(tmp_path: Path, server: FakeServer) -> None:
    board = Sweep.load(write(tmp_path, server, more="probe: off"), tmp_path / "s").run().board
    leader = board.leader()
    assert board.holdout is None and leader is not None and leader.crossfit is not None
    stat = leader.figures["judge.correctness"]
    assert stat.mean is not None and leader.crossfit.mean is not None
    assert leader.crossfit.mean <= stat.mean + 1e-9
    assert "cross-fitted" in note(board, "optimism") and "3-5 points" in note(board, "optimism")


def test_the_answers_of_the_holdout_come_out_of_the_limit(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, budget="usd: 5, answers: 120", search="{use: random, minimum: 10}")
    sweep = Sweep.load(path, tmp_path / "s")
    assert sweep.prepared.answers is not None and 90 <= sweep.prepared.answers < 120
    board = sweep.run().board
    asked = sum(row.answered for row in board.rows)
    sealed = sum(row.confirmed.figure.asked for row in board.rows if row.confirmed)
    assert asked + sealed <= 120 and sealed >= 10


def test_a_holdout_that_the_budget_cannot_pay_stays_sealed(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, budget="usd: 5, answers: 24", search="{use: random, minimum: 4, block: 4}")
    sweep = Sweep.load(path, tmp_path / "s")
    board = sweep.run().board
    assert "holdout_opened" not in kinds(sweep.store, sweep.id)
    assert board.holdout is not None and not board.holdout.opened
    assert "stayed sealed" in note(board, "optimism")


def test_nothing_within_the_limits_is_infeasible_not_a_fallback(tmp_path: Path, server: FakeServer, call: Call) -> None:
    path = write(tmp_path, server, goal="{maximize: judge.correctness, within: {tokens: 3}}")
    status, out, _ = call("sweep", str(path), "--store", str(tmp_path / "s"), "--no-mlflow", "--language", "en")
    assert status == 1
    assert "keeps within the limits" in " ".join(out.split()) and "The nearest is no retrieval" in " ".join(out.split())
    board = Sweep.load(path, tmp_path / "s").board()
    assert board.recommended() is None and board.leader() is None
    assert all(row.has("over_limit") for row in board.rows)
    assert "holdout_opened" not in kinds(Store.open(tmp_path / "s"), Sweep.load(path, tmp_path / "s").id)
    status, _, err = call("export", str(path), "--store", str(tmp_path / "s"), "-o", str(tmp_path / "b.bundle"))
    assert status == 2 and "keeps within the limits" in err


def test_a_limit_keeps_heavier_rows_from_leading(tmp_path: Path, server: FakeServer) -> None:
    free = Sweep.load(write(tmp_path, server, name="free", more="probe: off"), tmp_path / "s").run().board
    tokens = sorted(row.cost.input_tokens for row in free.rows)
    limit = int((tokens[1] + tokens[-1]) / 2)
    goal = f"{{maximize: judge.correctness, within: {{context_tokens: {limit}, complexity: 9, usd_per_1k: 50}}}}"
    board = Sweep.load(write(tmp_path, server, name="tight", goal=goal, more="probe: off"), tmp_path / "s").run().board
    for row in board.rows:
        assert row.has("over_limit") == (row.cost.input_tokens > limit)
    leader, best = board.leader(), board.recommended()
    assert leader is not None and best is not None
    assert not leader.has("over_limit") and not best.has("over_limit")


@pytest.mark.parametrize("goal", ["maximize: token_f1", "minimize: context_tokens@3"])
def test_what_is_required_of_a_figure_goes_its_own_way(tmp_path: Path, goal: str) -> None:
    """Fewer tokens are better: the figure must stay below what is written, whether or not it is the goal."""
    text = f"""
eval_set: {ROOT}/eval_sets/handbook-en
pipeline: {{chunk: {{use: characters, size: 300}}, retriever: bm25, generate: extractive}}
measure: {{retrieval: [context_tokens@3], answer: [token_f1]}}
probe: off
"""
    for most, met in ((100_000, True), (1, False)):
        path = tmp_path / f"{most}.yaml"
        path.write_text(f"{text}sweep: s{most}\ngoal: {{{goal}, require: {{context_tokens@3: {most}}}}}\n", "utf-8")
        board = Sweep.load(path, tmp_path / "store").run().board
        assert meets(board) == met, note(board, "unmet")


def test_a_required_figure_that_is_missed_gives_status_1(tmp_path: Path, server: FakeServer, call: Call) -> None:
    goal = "{maximize: judge.correctness, require: {judge.correctness: 1.1}}"
    path = write(tmp_path, server, goal=goal, more="probe: off")
    status, out, _ = call("sweep", str(path), "--store", str(tmp_path / "s"), "--no-mlflow", "--language", "en")
    assert status == 1 and "does not reach what is required" in " ".join(out.split())


@pytest.mark.parametrize("budget", ["usd: 0.002", "usd: 5, llm_calls: 60", "usd: 5, tokens: 4000", "usd: 5, calls: 45"])
def test_a_budget_is_never_passed_and_what_was_measured_is_ranked(
    tmp_path: Path, server: FakeServer, budget: str
) -> None:
    path = write(tmp_path, server, budget=budget, search="{use: random, minimum: 5, block: 5}", more="probe: off")
    sweep = Sweep.load(path, tmp_path / "s")
    result = sweep.run()
    spent = sweep.store.ledger.spent(sweep.id)
    limits = dict(part.split(": ") for part in budget.split(", "))
    assert spent.money <= float(limits["usd"])
    assert spent.llm_calls <= int(limits.get("llm_calls", 10**9))
    assert spent.calls <= int(limits.get("calls", 10**9))
    in_flight = 2 * 8 * 400
    assert spent.tokens <= int(limits.get("tokens", 10**9)) + in_flight
    assert result.closed and result.board.leader() is not None
    if "calls:" not in budget or "llm" in budget:
        assert "reached its limit" in note(result.board, "ended")
    assert Sweep.load(path, tmp_path / "s").run().board.to_json() == result.board.to_json()


def test_minutes_end_the_search_and_a_jumping_wall_clock_does_not(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 86_400 * (server.stats.total % 2))
    path = write(tmp_path, server, budget="usd: 5, minutes: 500", more="probe: off")
    assert not Sweep.load(path, tmp_path / "jump").run().board.ended
    server.latency = 0.05
    path = write(tmp_path, server, name="short", budget="usd: 5, minutes: 0.02", more="probe: off")
    sweep = Sweep.load(path, tmp_path / "s")
    result = sweep.run()
    assert result.closed and "minutes" in note(result.board, "ended")


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("usd: 5", "usd: 0", "buys no answer"),
        ("usd: 5", "minutes: 0", "no time"),
        ("usd: 5", "calls: 0", "budget.calls"),
        (", price: {input: 1, output: 2, per: 1M}", "", "price is unknown"),
        ("probe: off", "probe: {questions: -1}", "probe.questions"),
        ("goal: judge.correctness", "goal: {maximize: judge.correctness, within: {p95_seconds: 3}}", "probe: off"),
        ("goal: judge.correctness", "goal: {maximize: judge.correctness, within: {p99: 3}}", "p99"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(
    tmp_path: Path, server: FakeServer, old: str, new: str, hint: str
) -> None:
    path = write(tmp_path, server)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=hint):
        Sweep.load(path, tmp_path / "s").run()
    assert server.stats.total == 0


def test_a_paid_endpoint_without_a_money_budget_is_refused(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, budget="calls: 5")
    text = path.read_text(encoding="utf-8").replace(server.base_url, "https://models.invalid/v1")
    path.write_text(text.replace("network: offline", "network: [models.invalid]"), encoding="utf-8")
    sweep = Sweep.load(path, tmp_path / "s")
    assert "without a money budget" in sweep.plan().refused
    with pytest.raises(SpecError, match=r"budget: \{usd"):
        sweep.run()


def test_the_probe_is_measured_once_and_paid_from_the_budget(tmp_path: Path, server: FakeServer) -> None:
    more = "probe: {questions: 4, concurrency: 2}"
    goal = "{maximize: judge.correctness, within: {p95_seconds: 30}}"
    sweep = Sweep.load(write(tmp_path, server, more=more, goal=goal), tmp_path / "s")
    board = sweep.run().board
    leader, reference = board.leader(), board.reference()
    assert leader is not None and reference is not None
    for row in (leader, reference, *(row for row in board.rows if row.has("baseline"))):
        assert row.latency is not None and row.latency.n == 4 and row.latency.p95 is not None
        assert row.latency.at_once == 2 and row.latency.p95_at_once is not None
        assert "generate" in row.latency.stages
        assert row.latency.first_token is not None and 0 < row.latency.first_token <= row.latency.p95
    spent = sweep.store.ledger.spent(sweep.id).by_purpose["probe"]
    probed = sum(row.latency is not None for row in board.rows)
    assert spent.calls == probed * 9, "one to warm up, four one by one, four two at a time"
    assert spent.money is not None and spent.money > 0
    sent = server.stats.total
    again = Sweep.load(write(tmp_path, server, more=more, goal=goal), tmp_path / "s").run()
    assert server.stats.total == sent and again.board.to_json() == board.to_json()
    assert any("latency probe" in line for line in sweep.spending().lines(Words("en")))


def test_too_slow_for_every_row_is_infeasible(tmp_path: Path, server: FakeServer) -> None:
    server.latency = 0.05
    goal = "{maximize: judge.correctness, within: {p95_seconds: 0.01}}"
    board = Sweep.load(write(tmp_path, server, more="probe: {questions: 3}", goal=goal), tmp_path / "s").run().board
    assert board.recommended() is None
    assert "p95_seconds" in note(board, "infeasible")


@pytest.mark.parametrize("rows", [1, 2])
def test_one_configuration_and_one_question_get_a_clear_answer(tmp_path: Path, server: FakeServer, rows: int) -> None:
    documents = tmp_path / "set" / "documents"
    documents.mkdir(parents=True)
    (documents / "a.md").write_text("연차는 입사 1년 뒤에 15일이 생깁니다.", encoding="utf-8")
    lines = ["question,reference", *(f"연차는 며칠입니까 {i}?,15일" for i in range(rows))]
    (tmp_path / "set" / "questions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = write(tmp_path, server, more="")
    text = path.read_text(encoding="utf-8").replace(f"{ROOT}/eval_sets/handbook-ko", str(tmp_path / "set"))
    text = text.replace("[200, 400]", "200").replace("[1, 2]", "1")
    kept = [line for line in text.splitlines() if not line.startswith(("include", "  - "))]
    path.write_text("\n".join(kept), encoding="utf-8")
    board = Sweep.load(path, tmp_path / "s").run().board
    assert (board.recommended() is None) == any(item.kind == "floor_low" for item in board.notes)
    assert b"NaN" not in board.to_json() and headline(board) and headline(board, "ko")


def test_the_plan_estimates_and_the_pilot_measures(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    path, store = write(tmp_path, server, more=""), str(tmp_path / "s")
    status, out, _ = call("plan", str(path), "--store", store, "--json")
    assert status == 0 and server.stats.total == 0
    found = json.loads(out)["estimate"]
    for name in ("answers", "tokens", "money", "minutes", "index_hours", "disk"):
        assert 0 <= found[name]["low"] <= found[name]["expected"] <= found[name]["high"], name
    assert found["money"]["low"] > 0 and set(found["requests"]) == {"answer", "judge"}
    assert json.loads(out)["advice"]
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert call("plan", str(path), "--store", store, "--pilot")[0] == 3
    assert server.stats.total == 0
    status, out, _ = call("plan", str(path), "--store", store, "--pilot", "--yes")
    assert status == 0 and 0 < server.stats.total <= 6
    assert "tokens measured on 3 requests" in out
    assert "differences above about" in out
    spent = Store.open(store).ledger.spent(Sweep.load(path, store).id)
    assert spent.calls == 3, "the pilot counts against the budget"


def test_the_sweep_file_of_the_documentation_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "limits-and-holdout.md").read_text("utf-8")
    text = page.split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "limited.yaml"
    path.write_text(text.replace("eval_sets/", f"{ROOT}/eval_sets/"), encoding="utf-8")
    sweep = Sweep.load(path, tmp_path / "s")
    board = sweep.run().board
    best = board.recommended()
    assert best is not None and best.latency is not None
    assert board.holdout is not None and board.within == {"tokens": 2000, "complexity": 4, "p95_seconds": 5}


def test_money_in_flight_is_waited_for(tmp_path: Path, server: FakeServer) -> None:
    """The most that a reply could cost is far above what it costs: a limit ends a sweep where it is used, not where it
    is set aside, and the finals still fit."""
    server.latency = 0.01
    search = "{use: random, minimum: 5, block: 5}"
    path = write(tmp_path, server, budget="usd: 0.02, answers: 400", search=search, more="probe: off")
    sweep = Sweep.load(path, tmp_path / "s")
    sweep.run()
    limit = sweep.prepared.opening.limits(closing=False).money
    assert limit is not None and 0.8 * limit < sweep.store.ledger.spent(sweep.id).money <= limit
    ended = sweep.journal.last(SearchEnded)
    assert ended is not None and not ended.broken


def test_the_finals_shrink_to_what_is_left(tmp_path: Path, server: FakeServer) -> None:
    """Also when the search had nothing more to ask; and what the money pays for never raises the limit on answers."""
    search = "{use: random, minimum: 5, block: 5}"
    path = write(tmp_path, server, budget="usd: 0.02, answers: 90", search=search, more="probe: off")
    sweep = Sweep.load(path, tmp_path / "s")
    sweep.run()
    ended = sweep.journal.last(SearchEnded)
    assert ended is not None and ended.answers is not None and ended.reason == DONE
    assert sweep.view.answers_asked() <= 90
    server.latency = 0.05
    path = write(tmp_path, server, name="late", budget="usd: 5, answers: 60, minutes: 0.02", more="probe: off")
    sweep = Sweep.load(path, tmp_path / "late")
    sweep.run()
    assert sweep.view.answers_asked() <= 60


def test_a_probe_that_the_budget_stops_is_no_failure_of_the_row(tmp_path: Path, server: FakeServer) -> None:
    sweep = Sweep.load(write(tmp_path, server, budget="usd: 5, answers: 20"), tmp_path / "s")
    leader = sweep.run().board.leader()
    assert leader is not None
    texts = [question.text for question in sweep.prepared.questions[:8]]
    for more, some in ((0.0, False), (0.001, True)):
        money = sweep.store.ledger.spent(sweep.id).money + more
        opening = replace(sweep.prepared.opening, money=money)
        asked = {"store": sweep.store, "opening": opening, "sweep": sweep.id, "concurrency": 1, "deadline": None}
        found = probe(sweep.prepared.configuration(leader.key), texts, **asked)  # type: ignore[arg-type]
        assert "exceed the budget" in found.why and not found.failed and bool(found.seconds) is some
        assert sweep.store.ledger.spent(sweep.id).money <= money
    assert latency(Probe((), {}, why="the budget")).p95 is None


def test_the_plan_says_how_far_the_money_goes(tmp_path: Path, server: FakeServer) -> None:
    plan = Sweep.load(write(tmp_path, server, budget="usd: 0.02"), tmp_path / "s").plan()
    assert plan.affordable is not None and 0 < plan.affordable < plan.answers
    assert any(f"about {plan.affordable} more answers" in line for line in plan.lines())
    ample = Sweep.load(write(tmp_path, server, name="ample", budget="usd: 50"), tmp_path / "s").plan()
    assert not any("expected to pay" in line for line in ample.lines())
    assert server.stats.total == 0


def test_a_holdout_is_not_used_up_when_the_minutes_are_over(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, server, budget="usd: 5, minutes: 500")
    monkeypatch.setattr(SweepBudget, "late", lambda self, share: share == 1.0)
    sweep = Sweep.load(path, tmp_path / "s")
    board = sweep.run().board
    assert board.leader() is not None and "holdout_opened" not in kinds(sweep.store, sweep.id)
    assert board.holdout is not None and board.holdout.why == Reason("late")

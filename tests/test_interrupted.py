"""A sweep that is interrupted at any task ends, once it goes on, with the board of one that never was; and what
recorders are given is that board."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ragscout.engine.executors import InProcess
from ragscout.engine.task import Done, Task
from ragscout.model.outcome import Score
from ragscout.record.recorder import Snapshot
from ragscout.sweep import Result, Sweep
from ragscout.testing.fake_server import FakeServer

TEXT = """
sweep: small
eval_set: set
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
  judge: {{provider: openai, base_url: "{url}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: 120, overlap: 0}}
  embed: hashing
  retriever: hybrid
  prompt: {{use: template, passages: [1, 2]}}
  generate: {{use: chat, model: writer, max_tokens: 32}}
measure: {{retrieval: [recall@1], answer: [token_f1, {{use: judge, model: judge, criteria: [correctness]}}]}}
goal: {{maximize: judge.correctness}}
search: {{use: random, minimum: 2, start: 2, block: 2}}
budget: {{usd: 5, answers: 9}}
network: offline
probe: off
"""
QUESTIONS = [
    ("How many days of annual leave does every employee get?", "15 days"),
    ("When is leave requested?", "two weeks ahead"),
    ("경비는 언제 지급하나요?", "10일 안에 지급한다."),
    ("Who founded the company?", ""),
]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, server: FakeServer) -> Path:
    folder = tmp_path_factory.mktemp("interrupted")
    documents = folder / "set" / "documents"
    documents.mkdir(parents=True)
    (documents / "leave.md").write_text(
        "# Leave\n\nEvery employee gets 15 days of annual leave. Leave is requested two weeks ahead.\n", "utf-8"
    )
    (documents / "경비.md").write_text("# 경비\n\n경비는 10일 안에 지급한다. 영수증이 있어야 한다.\n", "utf-8")
    rows = [
        {"id": f"q{number}", "question": text, "references": [answer] if answer else [], "answerable": bool(answer)}
        for number, (text, answer) in enumerate(QUESTIONS)
    ]
    (folder / "set" / "questions.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (folder / "small.yaml").write_text(TEXT.format(url=server.base_url), encoding="utf-8")
    return folder / "small.yaml"


async def interruption() -> None:
    """Interrupt the process as Ctrl-C does, and wait for it."""
    signal.raise_signal(signal.SIGINT)
    await asyncio.sleep(60)


class Interrupted:
    """Stands in for ``InProcess.run``: counts tasks, and is interrupted at one of them, before or after its work."""

    def __init__(self, at: int | None, after: bool = False) -> None:
        self.tasks = 0
        self._at, self._after, self._run = at, after, InProcess.run

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Take the place of the method."""
        taken = self

        async def run(executor: InProcess, task: Task) -> Done:
            number, taken.tasks = taken.tasks, taken.tasks + 1
            if number == taken._at and not taken._after:
                await interruption()
            done = await taken._run(executor, task)
            if number == taken._at:
                await interruption()
            return done

        patch.setattr(InProcess, "run", run)


@pytest.fixture(scope="module")
def whole(path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, int]:
    """The sweep without an interruption, and how many tasks it takes."""
    with pytest.MonkeyPatch.context() as patch:
        counting = Interrupted(None)
        counting.install(patch)
        return Sweep.load(path, tmp_path_factory.mktemp("whole")).run(), counting.tasks


def timeless(board: bytes) -> Any:
    """A board without what a clock measured."""
    data = json.loads(board)
    for row in [*data["rows"], *data["retrieval"]]:
        row["cost"]["seconds"] = 0
        row["latency"] = None
    return data


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interruption_at_any_task_changes_no_board(
    path: Path, tmp_path: Path, whole: tuple[Result, int], server: FakeServer, step: int
) -> None:
    """Every other one before the task's work, the rest after it, when its result is written and was never told."""
    undisturbed, tasks = whole
    assert undisturbed.closed and tasks >= 20
    for at in range(0, tasks, step):
        store = tmp_path / str(at)
        with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
            Interrupted(at, after=bool(at % 2)).install(patch)
            Sweep.load(path, store).run()
            pytest.fail(f"task {at} was never run")
        before = server.stats.total
        resumed = Sweep.load(path, store).run()
        assert resumed.closed and not resumed.open
        assert timeless(resumed.board.to_json()) == timeless(undisturbed.board.to_json()), f"interrupted at {at}"
        sent = server.stats.total - before
        assert sent <= sum(undisturbed.calls.values()), "what was answered is not asked again"


class Keeps:
    """A recorder that keeps what it is given."""

    def __init__(self) -> None:
        self.states: list[Snapshot] = []

    def update(self, snapshot: Snapshot) -> None:
        self.states.append(snapshot)


@pytest.fixture(scope="module")
def recorded(path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, list[Snapshot]]:
    """A finished sweep and every state that recorders were given."""
    folder = tmp_path_factory.mktemp("recorded")
    kept, sweep = Keeps(), Sweep.load(path, folder / "store")
    sweep.run(recorders=[kept])
    return sweep, kept.states


def test_states_go_forward_and_the_last_one_is_the_finished_sweep(
    recorded: tuple[Sweep, list[Snapshot]], path: Path
) -> None:
    sweep, states = recorded
    numbers = [state.sequence for state in states]
    assert len(states) >= 2 and numbers == sorted(numbers)
    closed = [state.closed for state in states]
    assert closed == sorted(closed) and not closed[0] and closed[-1]
    answered = [sum(row.answered for row in state.board.rows) for state in states]
    assert answered == sorted(answered) and answered[0] < answered[-1]
    last = states[-1]
    assert last.board.to_json() == sweep.board().to_json()
    assert (last.name, last.goal) == ("small", "judge.correctness") and last.eval_set.name == "set"
    recorded_file = path.with_name("recorded.yaml")
    recorded_file.write_text(last.spec, encoding="utf-8")
    assert Sweep.load(recorded_file, sweep.store.location).id == sweep.id, "what is recorded runs the same sweep"


def test_scores_and_answers_of_every_state_are_those_of_its_board(
    recorded: tuple[Sweep, list[Snapshot]],
) -> None:
    """The mean of a figure on the board is that of the scores beside it, a candidate's failure at its floor."""
    for state in recorded[1]:
        figures = {figure.name: figure for figure in state.figures}
        rows = {row.key: row for row in (*state.board.rows, *state.board.retrieval)}
        assert {row.configuration.key for row in state.rows} == set(rows)
        for row in state.rows:
            shown = rows[row.configuration.key]
            for name, stat in shown.figures.items():
                outcomes = [scores[name] for scores in row.scores.values() if name in scores]
                values = [
                    item.value if isinstance(item, Score) else figures[name].floor
                    for item in outcomes
                    if isinstance(item, Score) or item.whose == "candidate"
                ]
                assert stat.scored == len(values)
                assert stat.mean is None if not values else stat.mean == pytest.approx(sum(values) / len(values))
            if row.configuration.generates:
                assert shown.answered == len(row.scores) and set(row.answers) == set(row.scores)
                assert all(isinstance(text, str) for text in row.answers.values())

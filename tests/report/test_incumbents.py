"""Existing systems on the board: recorded answers, and an address that is asked."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openpyxl
import pytest

from ragscout.cli.main import main
from ragscout.curate.answers import import_answers
from ragscout.engine.calls import Patience
from ragscout.model.errors import EvalSetError, ParameterError, SpecError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Message, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.model.step import make
from ragscout.providers.network import NetworkPolicy
from ragscout.providers.system_http import SystemClient
from ragscout.spec.connection import Connection
from ragscout.spec.including import add_row
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer
from ragscout.testing.generation import QUESTIONS as KIT_QUESTIONS
from ragscout.testing.generation import SystemKit
from ragscout.testing.steps import FakeRuntime, run

ROOT = Path(__file__).parents[2]
TEXT = f"""# kept comment
sweep: incumbents
eval_set: {ROOT}/eval_sets/handbook-en
pipeline:
  chunk: {{use: characters, size: 400, overlap: 0}}
  retriever: bm25
  generate: extractive   # kept too
measure: {{retrieval: [recall@3], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: grid
"""
UNKNOWN = "I do not know."
QUESTIONS = [Question("q1", "연차는 며칠인가요?", ("15일",)), Question("q2", "How long?", ("ten days",))]


LINES = "\n".join(json.dumps({"question": item.text, "answer": f"답 {item.id}"}) for item in KIT_QUESTIONS)


class TestRecorded(SystemKit):
    cases = (("recorded", {"text": LINES}),)


class TestHttp(SystemKit):
    cases = (("http", {"model": {"provider": "http", "model": "system", "endpoint": "http://127.0.0.1:1/a"}}),)


def test_headings_of_imported_answers_are_read_as_people_write_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Question ID,Answer,Seconds (s)\nq1,15일,0.5\nq2,ten days,1\n", "utf-8")
    found = import_answers(tmp_path / "a.csv", QUESTIONS)
    assert [json.loads(line)["seconds"] for line in found.lines.splitlines()] == [0.5, 1.0]


class System(BaseHTTPRequestHandler):
    """Answers every question unless told otherwise (``always``: a status and a body); counts."""

    asked: list[str]
    always: tuple[int, bytes] | None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append(body["question"])
        data = json.dumps({"answer": f"답: {body['question']}", "seconds": 0.25, "other": 1}).encode()
        status, data = self.always or (200, data)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def system() -> Iterator[str]:
    System.asked, System.always = [], None
    server = ThreadingHTTPServer(("127.0.0.1", 0), System)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/answer"
    server.shutdown()
    server.server_close()


def table(path: Path) -> Path:
    path.write_text("id,answer,seconds,cost\nq1,15일,0.5,0.002\nHow long?,ten days,1,\n", encoding="utf-8")
    return path


def test_answers_are_matched_by_id_or_text(tmp_path: Path) -> None:
    found = import_answers(table(tmp_path / "a.csv"), QUESTIONS)
    assert (found.matched, found.missing, found.unknown) == (2, (), ())
    step = make("generate", "recorded", {"text": found.lines})
    answers = run(step, FakeRuntime(), [*QUESTIONS, Question("q3", "Unknown?")])
    assert answers[:2] == [Answer("15일"), Answer("ten days")]
    assert isinstance(answers[2], Failure) and answers[2].whose == "candidate"
    assert step.spent(QUESTIONS[0]) == Usage(seconds=0.5, money=0.002)
    assert step.spent(QUESTIONS[1]) == Usage(seconds=1.0, money=None), "an unknown price is unknown"


def test_every_format(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for line in (["질문", "답변", "초"], ["연차는 며칠인가요?", "15일", 0.5]):
        book.active.append(line)
    book.save(tmp_path / "a.xlsx")
    lines = [{"question_id": "q1", "response": "15일", "contexts": ["a", "b"]}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "utf-8")
    for name in ("a.xlsx", "a.jsonl"):
        found = import_answers(tmp_path / name, QUESTIONS)
        assert found.matched == 1 and found.missing == ("q2",)
        assert json.loads(found.lines)["answer"] == "15일"
    assert json.loads(found.lines)["passages"] == ["a", "b"]


BAD = {
    "no columns": ("a,b\n1,2\n", "a column for the question"),
    "nobody's": ("id,answer\nzz,x\n", "no line belongs"),
    "twice": ("id,answer\nq1,x\nq1,y\n", "a second time"),
    "no number": ("id,answer,cost\nq1,x,free\n", "cost must be a number"),
    "negative": ("id,answer,seconds\nq1,x,-1\n", "seconds must be a number"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_one_message(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(EvalSetError, match=message):
        import_answers(tmp_path / "a.csv", QUESTIONS)


def test_bad_recorded_answers_are_one_message() -> None:
    for text in ("x", '{"a": 1}', '{"question": "a", "answer": "b", "seconds": -1}', '["a"]'):
        with pytest.raises(ParameterError, match="recorded"):
            make("generate", "recorded", {"text": text})
    twice = '{"question": "a", "answer": "b"}\n' * 2
    with pytest.raises(ParameterError, match="second time"):
        make("generate", "recorded", {"text": twice})


def test_a_row_is_added_and_the_file_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT, encoding="utf-8")
    add_row(path, "지금", {"use": "recorded", "file": "a.jsonl"}, reference=True)
    add_row(path, "other", {"use": "extractive"})
    add_row(path, "지금", {"use": "recorded", "file": "b.jsonl"}, reference=True)
    text = path.read_text(encoding="utf-8")
    assert "# kept comment" in text and "# kept too" in text and text.count("지금") == 1 and "b.jsonl" in text
    with pytest.raises(SpecError, match="reference already"):
        add_row(path, "third", {"use": "extractive"}, reference=True)


def test_imported_answers_are_a_row_with_their_own_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT, encoding="utf-8")
    store = ["--store", str(tmp_path / "store")]
    sweep = Sweep.load(path, tmp_path / "store")
    asked = sweep.prepared.questions
    lines = [{"id": q.id, "answer": (*q.references, UNKNOWN)[0], "seconds": 2, "cost": 0.01} for q in asked]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    words = ["ragscout", "answers", "import", str(path), "today", str(tmp_path / "t.jsonl"), "--reference"]
    monkeypatch.setattr(sys, "argv", [*words, *store])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code, capsys.readouterr().err
    board = Sweep.load(path, tmp_path / "store").run().board
    row = next(row for row in board.rows if row.name == "today")
    assert row.has("reference") and row.has("leader") and row.answered == board.questions
    assert row.figures["token_f1"].mean == pytest.approx(1.0)
    assert (row.cost.seconds, row.cost.per_1000) == (2.0, pytest.approx(10.0))
    assert "recall@3" not in row.figures


def test_the_http_step_asks_with_the_question() -> None:
    model = ChatModel("http", "system", endpoint="http://127.0.0.1:1/a")
    seen: list[ChatRequest] = []

    def script(request: ChatRequest) -> ChatReply:
        seen.append(request)
        return ChatReply(" 답 ")

    step = make("generate", "http", {"model": model})
    assert run(step, FakeRuntime(script), QUESTIONS) == [Answer("답"), Answer("답")]
    assert [request.messages[-1].content for request in seen] == [question.text for question in QUESTIONS]
    assert isinstance(run(step, FakeRuntime(lambda _: ChatReply(" ")), QUESTIONS[:1])[0], Failure)


def test_a_system_behind_an_address_is_a_row(tmp_path: Path, system: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT + f'include: [{{name: live, generate: {{use: http, url: "{system}"}}}}]\n', encoding="utf-8")
    board = Sweep.load(path, tmp_path / "store").run().board
    row = next(row for row in board.rows if row.name == "live")
    assert row.answered == board.questions and row.cost.seconds == pytest.approx(0.25)
    asked = len(System.asked)
    assert asked >= board.questions
    Sweep.load(path, tmp_path / "store").run()
    assert len(System.asked) == asked, "recorded answers are not asked for again"


@pytest.mark.parametrize(
    ("said", "per_1000"),
    [({"cost": 0.004, "seconds": 0.5}, 4.0), ({"cost": 0}, 0.0), ({}, None), ({"cost": None}, None)],
)
def test_a_system_says_what_its_answers_cost(tmp_path: Path, said: dict[str, float], per_1000: float | None) -> None:
    path = tmp_path / "s.yaml"
    with FakeServer() as server:
        server.system = lambda question: {"answer": f"답: {question}", **said}
        row = f'include: [{{name: live, generate: {{use: http, url: "{server.system_url}"}}}}]\n'
        path.write_text(TEXT + row, encoding="utf-8")
        sweep = Sweep.load(path, tmp_path / "store")
        board = sweep.run().board
    found = next(row for row in board.rows if row.name == "live")
    assert found.answered == board.questions
    assert found.cost.per_1000 == (None if per_1000 is None else pytest.approx(per_1000))
    assert "seconds" not in said or found.cost.seconds == pytest.approx(0.5)
    assert server.stats.calls["system"] >= board.questions


JUNK = [
    b'{"answer": "a", "cost": -1}',
    b'{"answer": "a", "cost": "0.1"}',
    b'{"answer": "a", "cost": true}',
    b'{"answer": "a", "cost": 1e300}',
    b'{"answer": "a", "seconds": NaN}',
    b'{"answer": ["a"]}',
    b'{"answer": "\\ud800"}',
    b"{}",
    b"[]",
    b"<html>",
    b"",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", JUNK)
def test_a_reply_that_cannot_be_used_is_the_systems_failure(system: str, body: bytes) -> None:
    async def ask() -> ChatReply | Failure:
        client = SystemClient(Connection("live", "http", base_url=system), NetworkPolicy(), concurrency=1)
        try:
            return await client.complete(ChatRequest(ChatModel("http", "system"), (Message("user", "연차?"),), 1))
        finally:
            await client.close()

    System.always = 200, body
    found = asyncio.run(ask())
    assert isinstance(found, Failure) and (found.whose, found.kind) == ("candidate", "unparsable")
    assert found.detail.startswith("models.live: ") and not found.detail.endswith("..")


def live(path: Path, address: str, more: str = "") -> Path:
    path.write_text(TEXT + f'include: [{{name: live, generate: {{use: http, url: "{address}"}}}}]\n{more}', "utf-8")
    return path


def test_a_system_that_replies_junk_gets_the_floor(tmp_path: Path, system: str) -> None:
    System.always = 200, JUNK[0]
    result = Sweep.load(live(tmp_path / "s.yaml", system), tmp_path / "store").run()
    assert result.closed and not result.open
    row = next(row for row in result.board.rows if row.name == "live")
    assert row.answered == result.board.questions and row.figures["token_f1"].mean == 0.0
    assert row.figures["token_f1"].failures == {"unparsable": result.board.questions}


@pytest.mark.parametrize("more", ["", "budget: {answers: 55}\nholdout: off\n"])
def test_a_system_that_is_down_holds_up_no_other_row(
    tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setattr("ragscout.engine.runtime.PATIENCE", Patience(retries=0))
    path, System.always = live(tmp_path / "s.yaml", system, more), (500, b"")
    first = Sweep.load(path, tmp_path / "store").run()
    rows = {row.name: row for row in first.board.rows}
    assert not first.closed and rows.pop("live").answered == 0
    assert more or all(row.answered == first.board.questions for row in rows.values())
    (why,) = first.open
    assert why.startswith("endpoint: live: ") and why.endswith("status 500")

    System.always = None
    second = Sweep.load(path, tmp_path / "store").run()
    assert second.closed and not second.open
    answered = {row.name: row.answered for row in second.board.rows}
    assert answered["live"] >= 10 and sum(answered.values()) <= 55 + 65 * (not more)
    if not more:
        straight = Sweep.load(path, tmp_path / "other").run().board
        assert [(row.name, row.estimate) for row in straight.rows] == [
            (row.name, row.estimate) for row in second.board.rows
        ]


def test_a_message_about_open_cells_has_one_full_stop(
    tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, System.always = live(tmp_path / "s.yaml", system), (404, b"")
    words = ["ragscout", "sweep", str(path), "--no-mlflow", "--store", str(tmp_path / "store")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert stop.value.code == 3 and "endpoint: live: " in said and '{"question": ...}. Run the same' in said


def test_a_host_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    row = 'include: [{name: live, generate: {use: http, url: "https://rag.example/answer"}}]\n'
    path.write_text(TEXT + row, encoding="utf-8")
    sweep = Sweep.load(path, tmp_path / "store")
    with pytest.raises(SpecError, match=r"rag\.example is not listed"):
        sweep.run()

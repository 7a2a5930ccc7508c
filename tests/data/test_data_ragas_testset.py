"""Drafts written by ragas' test-set generation: our requests, our filters, our labels."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ragscout.cli.main import main
from ragscout.curate.generating import SOURCES, FilterCounts, generate, worst_case
from ragscout.curate.seeding import Seed, seeds
from ragscout.model.errors import MissingExtraError
from ragscout.model.evalset import Document, Question
from ragscout.model.outcome import Failure, Unfilled
from ragscout.model.runtime import ChatModel, ChatRequest
from ragscout.model.values import Corpus
from ragscout.testing.fake_server import FakeServer
from ragscout.testing.steps import FakeRuntime

pytest.importorskip("ragas")

MODEL = ChatModel("openai", "writer")
LEAVE = "Every employee of Hanbit Robotics gets 25 days of paid leave in a calendar year."
CARS = "The car park of Hanbit Robotics opens at seven in the morning, and visitors use level two."
KO = "연차는 입사하고 1년이 지난 뒤에 15일이 생기며 남은 연차는 다음 해 3월 말에 사라집니다."
CORPUS = Corpus(
    (
        Document("leave.md", f"# Leave\n\n{LEAVE}\n", "Leave"),
        Document("cars.md", f"# Cars\n\n{CARS}\n", "Cars"),
        Document("ko.md", f"# 휴가\n\n{KO}\n", "휴가"),
    )
)
ASKED, ANSWER = "How much holiday may I take at Hanbit Robotics?", "25 days of paid leave."
Written = Callable[[str], Any]


def script(write: Written, entities: str = '{"entities": ["Hanbit Robotics", "paid leave"]}') -> Any:
    """``write`` gets the prompt of ragas' synthesizer; our own filters are answered from the excerpt."""

    def reply(request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if '"entities"' in request.schema:
            return entities
        if '"query"' in request.schema:
            return write(text)
        return ANSWER if "<" in text else "I don't know."

    return reply


def pair(query: str = ASKED, answer: str = ANSWER) -> Written:
    return lambda _: json.dumps({"query": query, "answer": answer}, ensure_ascii=False)


def made(runtime: FakeRuntime, start: list[Seed]) -> tuple[list[Question], FilterCounts]:
    return asyncio.run(generate(start, (), CORPUS.by_id(), MODEL, runtime, "ragas"))


def chosen(name: str) -> list[Seed]:
    return [seed for seed in seeds(CORPUS, 10, 0, 0.0) if seed.places[0].document == name]


def test_a_draft_of_ragas_is_filtered_and_labelled() -> None:
    runtime = FakeRuntime(script(pair()))
    (question,), kills = made(runtime, chosen("leave.md"))
    assert (question.text, question.references, question.slice) == (ASKED, (ANSWER,), "synthetic")
    assert (question.meta["origin"], question.meta["source"]) == ("synthetic", "ragas")
    assert [(span.document, span.quote, span.label) for span in question.evidence] == [("leave.md", LEAVE, "suggested")]
    assert sum(kills.killed.values()) == 0
    entities, asked = (request.messages[0].content for request, _ in runtime.requests[:2])
    assert "Extract the named entities" in entities and LEAVE in entities
    assert "Generate a single-hop query" in asked and LEAVE in asked and chosen("leave.md")[0].persona in asked
    assert {purpose for _, purpose in runtime.requests} == {"data"}
    assert all(request.temperature == 0 for request, _ in runtime.requests)


def test_our_own_drafts_carry_no_source() -> None:
    draft = json.dumps({"question": "How much holiday may I take?", "answer": ANSWER})

    def reply(request: ChatRequest) -> str:
        if "JSON" in request.messages[0].content:
            return draft
        return ANSWER if "<" in request.messages[-1].content else "I don't know."

    (question,), _ = asyncio.run(generate(chosen("leave.md"), (), CORPUS.by_id(), MODEL, FakeRuntime(reply)))
    assert "source" not in question.meta
    assert SOURCES == ("ragscout", "ragas")


def test_a_second_run_asks_nothing_and_the_price_covers_what_was_asked() -> None:
    runtime = FakeRuntime(script(pair()))
    start = chosen("leave.md")
    first = made(runtime, start)
    asked = len(runtime.requests)
    assert made(runtime, start)[0] == first[0]
    priced = worst_case(start, MODEL, "ragas")
    assert len(runtime.requests) == asked == len(priced)
    sizes = [sum(len(message.content) for message in request.messages) for request, _ in runtime.requests]
    assert sum(sizes) <= sum(sum(len(message.content) for message in request.messages) for request in priced)
    assert priced[0] == runtime.requests[0][0]


def test_two_spans_are_asked_about_in_one_question() -> None:
    places = tuple(seed.places[0] for seed in seeds(CORPUS, 10, 0, 0.0) if seed.language == "en")
    start = [Seed(places, "a colleague", "en")]
    runtime = FakeRuntime(script(pair("How much leave is there, and who parks on level two?", "25 days; visitors")))
    _, kills = made(runtime, start)
    (asked,) = (request for request, _ in runtime.requests if '"query"' in request.schema)
    text = asked.messages[0].content
    assert "multi-hop" in text and "<1-hop>" in text and LEAVE in text and CARS in text
    assert '"Hanbit Robotics"' in text, "the entity that both spans share"
    assert kills.seen["readable"] == 1
    assert len(worst_case(start, MODEL, "ragas")) == 2 + 1 + 2 + 2


def test_korean_spans_get_korean_prompts() -> None:
    def reply(request: ChatRequest) -> str:
        text = request.messages[-1].content
        if '"entities"' in request.schema:
            assert "핵심 개체" in text and KO in text and "named entities" not in text
            return '{"entities": ["연차"]}'
        if '"query"' in request.schema:
            assert "다음 입력에 대해 똑같이 하세요" in text and '"term": "연차"' in text
            return json.dumps(
                {"query": "휴가는 며칠이나 쓸 수 있나요?", "answer": "1년이 지난 뒤에 15일"}, ensure_ascii=False
            )
        return "1년이 지난 뒤 15일이 생깁니다." if "<" in text else "모르겠습니다."

    (question,), _ = made(FakeRuntime(reply), chosen("ko.md"))
    assert (question.meta["lang"], question.meta["source"]) == ("ko", "ragas")


@pytest.mark.parametrize(
    ("reply", "open_", "shown"),
    [
        (script(lambda _: "no JSON"), 0, "it holds no JSON object"),
        (script(lambda _: '{"query": "a?"'), 0, "broken or cut off"),
        (script(lambda _: '{"query": ["a?"], "answer": 1}'), 0, "not in the form"),
        (script(pair(), '{"entities": []}'), 0, "found no entity"),
        (script(lambda _: Failure("candidate", "filtered", "by the endpoint")), 0, "by the endpoint"),
        (script(lambda _: Unfilled("budget", "spent")), 1, ""),
    ],
)
def test_a_reply_that_cannot_be_used_is_a_draft_less(reply: Any, open_: int, shown: str) -> None:
    questions, kills = made(FakeRuntime(reply), chosen("leave.md"))
    assert (questions, kills.open) == ([], open_)
    assert kills.killed["readable"] == 1 - open_
    assert shown in kills.examples.get("readable", "")


def test_without_ragas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ragscout\[ragas\]"):
        worst_case(chosen("leave.md"), MODEL, "ragas")


def test_the_verb_over_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("documents").mkdir()
    Path("documents/leave.md").write_text(f"# Leave\n\n{LEAVE}\n", encoding="utf-8")

    def answer(body: Mapping[str, Any]) -> str:
        text = body["messages"][-1]["content"]
        if "named entities" in text:
            return '{"entities": ["paid leave"]}'
        if "single-hop query" in text:
            return json.dumps({"query": ASKED, "answer": ANSWER})
        return ANSWER if LEAVE in text else "I don't know."

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ragscout", "generate-questions", "documents", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out = capsys.readouterr()
        return int(str(stopped.value.code)), out.out, out.err

    with FakeServer() as server:
        server.script = answer
        Path("s.yaml").write_text(
            f'sweep: s\neval_set: documents\nmodels: {{w: {{provider: openai, base_url: "{server.base_url}", model: w, '
            "price: {input: 1, output: 1, per: 1M, currency: USD}}}\n"
            "pipeline: {chunk: {use: characters, size: 400}, retriever: bm25, generate: extractive}\n"
            "network: offline\n",
            encoding="utf-8",
        )
        words = ("--sweep", "s.yaml", "--model", "w", "--with", "ragas", "--accept-all")
        assert call(*words, "--dry-run")[0] == 0 and server.stats.total == 0
        status, out, errors = call(*words, "--yes", "--json")
        assert status == 0, errors
        shown = json.loads(out)
        assert [row["question"] for row in shown["questions"]] == [ASKED] and shown["taken"] == 1
        assert server.stats.total == 4
        assert call(*words, "--yes")[0] == 0 and server.stats.total == 4, "nothing is asked twice"
    status, _, errors = call("--model", "qwen2.5-coder-0.5b", "--with", "rags")
    assert status == 2 and "Did you mean 'ragas'?" in errors

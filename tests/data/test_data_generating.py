"""Generated questions: where they start, what each filter drops, that nothing is asked twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from ragscout.curate.generating import FILTERS, FilterCounts, agrees, generate, worst_case
from ragscout.curate.seeding import Seed, seeds
from ragscout.model.evalset import Document, Question
from ragscout.model.outcome import Unfilled
from ragscout.model.runtime import ChatModel, ChatRequest
from ragscout.model.values import Corpus
from ragscout.testing.steps import FakeRuntime

MODEL = ChatModel("openai", "writer")
LEAVE = "Every employee of the company gets 25 days of paid leave in a calendar year."
CARS = "The car park of the company opens at seven in the morning, and visitors use level two."
KO = "연차는 입사하고 1년이 지난 뒤에 15일이 생기며 남은 연차는 다음 해 3월 말에 사라집니다."
CORPUS = Corpus(
    (
        Document("leave.md", f"# Leave\n\n{LEAVE}\n", "Leave"),
        Document("cars.md", f"# Cars\n\n| a | b |\n| - | - |\n\n{CARS}\n", "Cars"),
        Document("ko.md", f"# 휴가\n\n{KO}\n", "휴가"),
    )
)
QUESTION, ANSWER = "How much holiday may I take?", "25 days of paid leave."


def kept(
    reply: Callable[[str, ChatRequest], str], *, chosen: str = "leave.md", existing: tuple[Question, ...] = ()
) -> tuple[list[Question], FilterCounts, FakeRuntime]:
    """Generate from one span; ``reply`` gets what is asked for: draft, answer, unaided."""

    def script(request: ChatRequest) -> str:
        system = request.messages[0].content
        kind = "draft" if "JSON" in system else "answer" if "<" in request.messages[-1].content else "unaided"
        return reply(kind, request)

    runtime = FakeRuntime(script)
    start = [seed for seed in seeds(CORPUS, 10, 0, 0.0) if seed.places[0].document == chosen]
    made, kills = asyncio.run(generate(start, existing, CORPUS.by_id(), MODEL, runtime))
    return made, kills, runtime


def written(question: str, answer: str, aided: str, unaided: str) -> Callable[[str, ChatRequest], str]:
    draft = json.dumps({"question": question, "answer": answer}, ensure_ascii=False)
    return lambda kind, _: {"draft": draft, "answer": aided, "unaided": unaided}[kind]


def test_seeds_are_prose_spans_of_every_document_and_repeat_themselves() -> None:
    found = seeds(CORPUS, 10, 7, 0.0)
    assert [seed.places[0].text for seed in sorted(found, key=lambda seed: seed.places[0].document)] == [
        CARS,
        KO,
        LEAVE,
    ]
    for seed in found:
        (place,) = seed.places
        assert CORPUS.by_id()[place.document].text[place.start : place.end] == place.text
        assert seed.language == ("ko" if place.document == "ko.md" else "en")
    assert seeds(CORPUS, 10, 7, 0.0) == found
    assert seeds(CORPUS, 1, 7, 0.0) == found[:1]


def test_pairs_come_from_two_documents_that_share_words() -> None:
    texts = [
        "The warehouse robot is charged in hall one by the people of the night shift.",
        "A broken warehouse robot goes to the workshop before the weekend starts.",
        "The coffee machine on the second floor is cleaned every morning at eight.",
        "Beans for the coffee machine are bought by the assistant of the manager.",
    ]
    corpus = Corpus(tuple(Document(f"{n}.md", text) for n, text in enumerate(texts)))
    found = seeds(corpus, 4, 0, 0.5)
    assert sum(seed.hops == 2 for seed in found) == 2
    assert all(len({place.document for place in seed.places}) == seed.hops for seed in found)


def test_a_good_question_is_kept_with_its_span_and_labels() -> None:
    made, kills, _ = kept(written(QUESTION, ANSWER, "You get 25 days of paid leave.", "I don't know."))
    (question,) = made
    assert (question.text, question.references) == (QUESTION, (ANSWER,))
    assert (question.slice, question.meta["origin"], question.type) == ("synthetic", "synthetic", "single-span")
    assert [(span.document, span.quote, span.label) for span in question.evidence] == [("leave.md", LEAVE, "suggested")]
    assert sum(kills.killed.values()) == 0
    assert list(kills.seen) == list(FILTERS)


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("readable", lambda *_: "no JSON at all"),
        ("language", written("휴가가 며칠입니까?", ANSWER, ANSWER, "I don't know.")),
        ("self_contained", written("What does the text say about holidays?", ANSWER, ANSWER, "I don't know.")),
        ("own_words", written(f"{LEAVE[:-1]}?", ANSWER, ANSWER, "I don't know.")),
        ("placed", written(QUESTION, "Ask the janitor on Friday.", ANSWER, "I don't know.")),
        ("answerable", written(QUESTION, ANSWER, "I don't know.", "I don't know.")),
        ("needs_documents", written(QUESTION, ANSWER, ANSWER, "25 days of paid leave.")),
    ],
)
def test_every_filter_drops_what_it_is_for(name: str, reply: Callable[[str, ChatRequest], str]) -> None:
    made, kills, _ = kept(reply)
    assert made == []
    assert {filter_: count for filter_, count in kills.killed.items() if count} == {name: 1}


def test_a_near_copy_of_an_existing_question_is_dropped() -> None:
    there = (Question("old", "How much holiday may I take?!"),)
    made, kills, _ = kept(written(QUESTION, ANSWER, ANSWER, "I don't know."), existing=there)
    assert made == []
    assert kills.killed["not_duplicate"] == 1


def test_a_pair_that_one_span_answers_is_dropped() -> None:
    places = tuple(seed.places[0] for seed in seeds(CORPUS, 10, 0, 0.0) if seed.language == "en")
    pair = [Seed(places, "a colleague", "en")]
    draft = json.dumps({"question": "How much leave, and when does parking open?", "answer": "25 days of paid leave"})

    def script(request: ChatRequest) -> str:
        if "JSON" in request.messages[0].content:
            return draft
        return "25 days of paid leave" if LEAVE in request.messages[-1].content else "I don't know."

    _, kills = asyncio.run(generate(pair, (), CORPUS.by_id(), MODEL, FakeRuntime(script)))
    assert kills.killed["needs_both"] == 1


def test_korean_prompts_ask_korean_questions() -> None:
    made, _, runtime = kept(
        written(
            "휴가는 며칠이나 쓸 수 있나요?",
            "1년이 지난 뒤에 15일이 생긴다",
            "1년이 지난 뒤 15일이 생깁니다.",
            "모르겠습니다.",
        ),
        chosen="ko.md",
    )
    assert [question.meta["lang"] for question in made] == ["ko"]
    assert all(
        "발췌문" in request.messages[0].content or "질문" in request.messages[0].content
        for request, _ in runtime.requests
    )


def test_what_could_not_be_asked_is_open_and_not_killed() -> None:
    start = seeds(CORPUS, 1, 0, 0.0)
    runtime = FakeRuntime(lambda _: Unfilled("budget", "spent"))
    made, kills = asyncio.run(generate(start, (), CORPUS.by_id(), MODEL, runtime))
    assert (made, kills.open, sum(kills.killed.values())) == ([], 1, 0)


def test_a_second_run_asks_nothing_and_the_price_covers_what_was_asked() -> None:
    reply = written(QUESTION, ANSWER, ANSWER, "I don't know.")
    _, _, runtime = kept(reply)
    asked = len(runtime.requests)
    start = [seed for seed in seeds(CORPUS, 10, 0, 0.0) if seed.places[0].document == "leave.md"]
    asyncio.run(generate(start, (), CORPUS.by_id(), MODEL, runtime))
    assert len(runtime.requests) == asked == len(worst_case(start, MODEL))


@pytest.mark.parametrize(
    ("reply", "answer", "same"),
    [
        ("25 days of paid leave", "25 days", True),
        ("There are 30 days of paid leave", "25 days of paid leave", False),
        ("I don't know.", "25 days", False),
        ("15일이 생깁니다", "15일", True),
        ("모르겠습니다.", "15일", False),
    ],
)
def test_answers_agree_by_words_and_numbers(reply: str, answer: str, same: bool) -> None:
    assert agrees(reply, answer) is same

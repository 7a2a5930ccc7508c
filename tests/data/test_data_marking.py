"""Suggested evidence: what is pooled, what is marked, what the judge changes, what a sheet brings back."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import openpyxl
import pytest
from tests_data_store import Store

from ragscout.curate.marking import LEAST, judge_request, judged, mark, suggest, with_spans
from ragscout.curate.pooling import PooledPassage, packaged_retrievers, pool
from ragscout.curate.reviewing import read_sheet, write_sheet
from ragscout.curate.unaided import unaided
from ragscout.data import upload
from ragscout.data.versions import derive, made_notes, suggested
from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import Document, Question
from ragscout.model.runtime import ChatModel
from ragscout.model.values import Corpus
from ragscout.steps.embed.hashing import Hashing
from ragscout.steps.lexicon.bm25 import BM25
from ragscout.testing.steps import FakeRuntime

ENGLISH = Document(
    "leave.md",
    "# Leave\n\nEvery employee gets 25 days of paid leave a year. Ask your manager two weeks ahead.\n\n"
    "Unused days expire on 31 March of the next year.\n",
    "Leave",
    {"area": "people"},
)
OTHER = Document(
    "cars.md", "# Cars\n\nThe car park opens at seven. Visitors park on level two.\n", "Cars", {"area": "house"}
)
KOREAN = Document(
    "ko.md",
    "# 휴가\n\n연차는 입사 후 1년이 지나면 15일이 생깁니다. 남은 연차는 다음 해 3월 말에 사라집니다.\n\n"
    "경조 휴가는 인사팀에 따로 신청합니다.\n",
    "휴가",
)
CORPUS = Corpus((ENGLISH, OTHER, KOREAN))
MODEL = ChatModel("openai", "judge")


def pooled(question: Question, *, depth: int = 5) -> list[PooledPassage]:
    (found,) = asyncio.run(pool([question], CORPUS, [BM25(), Hashing()], FakeRuntime(), depth))
    return found


@pytest.mark.parametrize(
    ("text", "reference", "document", "quote"),
    [
        ("How much holiday do we get?", "25 days of paid leave", "leave.md", "Every employee gets 25 days"),
        ("When do my leftover days expire?", "They expire on 31 March.", "leave.md", "Unused days expire on 31 March"),
        ("연차가 며칠 생기나요?", "1년이 지나면 15일이 생깁니다.", "ko.md", "연차는 입사 후 1년이 지나면 15일이"),
        ("못 쓴 연차는 언제 사라져요?", "다음 해 3월 말", "ko.md", "남은 연차는 다음 해 3월 말에"),
    ],
)
def test_the_sentence_that_holds_the_reference_is_marked(text: str, reference: str, document: str, quote: str) -> None:
    question = Question("q", text, (reference,))
    found = suggest(question, pooled(question), CORPUS)
    assert [span.document for span in found.spans] == [document]
    assert found.spans[0].quote.startswith(quote)
    assert found.spans[0].label == "suggested"
    held = CORPUS.by_id()[document].text[found.spans[0].start : found.spans[0].end]
    assert held == found.spans[0].quote
    assert LEAST <= found.coverage <= 1.0


def test_nothing_is_marked_when_no_passage_supports_the_reference() -> None:
    question = Question("q", "Who repairs the coffee machine?", ("The janitor Mr Brown on Fridays",))
    found = suggest(question, pooled(question), CORPUS)
    assert found.spans == ()
    assert found.how == ""


def test_the_pool_joins_retrievers_and_obeys_the_filter() -> None:
    question = Question("q", "When do unused days of leave expire?", ("31 March",))
    found = pooled(question)
    assert {len(passage.by) for passage in found} & {2}, "both retrievers found one passage, which stands once"
    assert len({(passage.document, passage.start) for passage in found}) == len(found)
    only = Question("q", question.text, question.references, filter={"area": ("house",)})
    assert {passage.document for passage in pooled(only)} == {"cars.md"}


def test_packaged_retrievers_are_those_that_are_here() -> None:
    assert [step.name for step in packaged_retrievers(FakeRuntime().models)] == ["bm25"]


def test_the_judge_moves_an_unsure_suggestion_and_garbage_changes_nothing() -> None:
    question = Question("q", "How early must I ask for leave?", ("A fortnight before, from the boss.",))
    passages = pooled(question)
    before = suggest(question, passages, CORPUS)
    request = judge_request(question, passages, MODEL)
    lines = request.messages[-1].content.splitlines()
    number = next(line[1 : line.index("]")] for line in lines if "two weeks ahead" in line)
    good = FakeRuntime(lambda _: f'{{"sentences": [{number}]}}')
    after = asyncio.run(judged(question, passages, CORPUS, before, MODEL, good))
    assert [span.quote for span in after.spans] == ["Ask your manager two weeks ahead."]
    assert after.how == "judge"
    for reply in ("none of them", '{"sentences": [99]}', '{"sentences": []}'):
        runtime = FakeRuntime(lambda _, reply=reply: reply)
        assert asyncio.run(judged(question, passages, CORPUS, before, MODEL, runtime)) == before


def test_the_judge_is_asked_in_the_language_of_the_question() -> None:
    question = Question("q", "연차가 며칠 생기나요?", ("15일",))
    assert "정답을 뒷받침하는" in judge_request(question, pooled(question), MODEL).messages[-1].content


def test_a_derived_version_keeps_its_parent_and_says_what_was_suggested(store: Store, tmp_path: Path) -> None:
    (tmp_path / "leave.md").write_text(ENGLISH.text, encoding="utf-8")
    (tmp_path / "q.csv").write_text("question,reference\nHow many days?,25 days\nBoss?,manager\n", encoding="utf-8")
    first = upload([tmp_path], blobs=store.blobs, registry=store.registry, name="s").eval_set
    one, two = first.development
    start = ENGLISH.text.index("Every")
    marked = with_spans(one, (mark(CORPUS, "leave.md", start, start + 20),), "accepted")
    second = derive(first, [marked, two], "test", blobs=store.blobs, registry=store.registry)
    row = store.registry.evalset("s", second.version)
    assert row is not None
    assert (second.version, row.parent, row.info["with_evidence"]) == (2, first.digest, 1)
    assert second.files == first.files
    assert suggested(second.development) == 1
    assert made_notes(second.development)[0].text("en").startswith("1 of 2 questions have suggested evidence")
    assert made_notes(first.development) == []
    again = derive(first, [marked, two], "test", blobs=store.blobs, registry=store.registry)
    assert again.version == 2


def test_a_sheet_brings_decisions_back_and_holds_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    rows = [
        {"key": name, "question": text, "quote": "=1+1", "decision": ""}
        for name, text in (("a", '=HYPERLINK("http://x")'), ("b", "질문?"), ("c", "@x"))
    ]
    assert write_sheet(path, "evidence", rows) == 3
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    for number, (said, quote) in enumerate((("Accept", ""), ("수정", "새 인용"), ("", "")), 2):
        sheet.cell(number, 4).value = said
        sheet.cell(number, 3).value = quote
    book.save(path)
    found, left = read_sheet(path, ["a", "b", "c"], ["quote"])
    assert [(item.key, item.verdict) for item in found] == [("a", "accept"), ("b", "change")]
    assert found[1].value == {"quote": "새 인용"}
    assert left == 1
    with pytest.raises(EvalSetError, match="already"):
        write_sheet(path, "evidence", rows)


def test_a_sheet_with_unknown_words_names_every_row(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    row = {"question": "q", "quote": "x"}
    write_sheet(path, "e", [{"key": "a", **row, "decision": "maybe"}, {"key": "zz", **row, "decision": "drop"}])
    with pytest.raises(EvalSetError, match=r"2 rows cannot be used.*maybe.*zz"):
        read_sheet(path, ["a"], ["quote"])
    with pytest.raises(EvalSetError, match="cannot be read"):
        read_sheet(tmp_path / "absent.xlsx", ["a"], ["quote"])


def test_questions_answered_without_documents_are_listed() -> None:
    known = Question("k", "What is the capital of France?", ("Paris",))
    private = Question("p", "How many days of leave do we get?", ("25 days",))
    runtime = FakeRuntime({"France": "It is Paris.", "leave": "I don't know."})
    (found,) = asyncio.run(unaided([known, private, Question("u", "?", answerable=False)], MODEL, runtime))
    assert (found.severity, found.rows) == ("warning", ("k",))
    assert "1 of 2 questions are answered by judge" in found.message

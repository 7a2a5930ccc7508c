"""The board by groups of questions."""

from __future__ import annotations

import json

import pytest
from search_worlds import configuration

from ragscout.board.build import Facts, build_board
from ragscout.board.slices import GROUPINGS, group_name, group_of, slices, table
from ragscout.model.evalset import Question, Span
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Goal
from ragscout.model.results.measured import Measured

pytestmark = pytest.mark.numeric

FIGURES = [Figure("token_f1"), Figure("meteor")]
GOAL = Goal.of(FIGURES[0])
QUESTIONS = [
    *(Question(f"k{i}", f"휴가는 며칠인가요 {i}?", ("15일입니다.",), slice="휴가", type="fact") for i in range(6)),
    *(Question(f"e{i}", f"How many days {i}?", ("Fifteen days.",), slice="leave") for i in range(4)),
    *(
        Question(f"x{i}", f"근무 시간은 {i}?", ("십 시",), evidence=(Span("d", "Core hours are ten."),))
        for i in range(3)
    ),
    Question("u", "설립자는 누구인가요?", answerable=False),
]


def test_groups():
    assert [group_of(item, "language") for item in (QUESTIONS[0], QUESTIONS[6], QUESTIONS[10])] == ["ko", "en", "ko>en"]
    assert group_of(Question("r", "How long?", ("이틀",)), "language") == "en>ko"
    assert group_of(Question("n", "How long?", ("25",)), "language") == "en"
    both = Question("b", "며칠?", evidence=(Span("d", "Two days."), Span("d", "이틀입니다.")))
    assert group_of(both, "language") == "ko"
    assert group_of(QUESTIONS[-1], "answerable") == "unanswerable"
    assert (group_of(QUESTIONS[0], "slice"), group_of(QUESTIONS[0], "type"), group_of(QUESTIONS[6], "type")) == (
        "휴가",
        "fact",
        "–",
    )
    assert group_name("ko>en", "en") == "Korean question, English text"
    assert group_name("ko>en", "ko") == "한국어 질문, 영어 자료"


def found(by):
    def measured(name, korean, english):
        scores = {}
        for question in QUESTIONS:
            value = english if question.id[0] == "e" else korean
            scores[question.id] = {"token_f1": Score(value), "meteor": Score(value / 2)}
        scores["x0"]["token_f1"] = Failure("measurement", "metric_failed", "x")
        scores["k0"]["token_f1"] = Failure("candidate", "refused", "x")
        return Measured(configuration({"generate": name}), scores)

    items = [measured("seoul", 0.9, 0.3), measured("london", 0.2, 0.8)]
    board = build_board(items, QUESTIONS, FIGURES, GOAL, Facts("s", "e@1"))
    return slices(board, items, QUESTIONS, FIGURES, by)


def test_by_language():
    made = found("language")
    assert dict(made.groups) == {"ko": 7, "en": 4, "ko>en": 3}
    assert dict(made.best) == {"ko": "seoul", "en": "london", "ko>en": "seoul"}
    seoul = next(row for row in made.rows if row.name == "seoul")
    assert seoul.groups["ko"]["token_f1"].mean == pytest.approx(0.9 * 6 / 7), "a refusal counts as the floor"
    assert (seoul.groups["ko>en"]["token_f1"].scored, seoul.groups["ko>en"]["token_f1"].asked) == (2, 3)
    assert "corpus" not in seoul.groups["ko"]
    heads, lines = table(made, "ko")
    assert heads[2:] == ["한국어 (n 7)", "영어 (n 4)", "한국어 질문, 영어 자료 (n 3)"]
    assert sum(cell.startswith("★") for line in lines for cell in line) == 3
    assert any("(2/3)" in cell for line in lines for cell in line)
    assert not any("★" in cell for line in table(made, "en", "meteor")[1] for cell in line)


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_question_is_in_one_group(by):
    made = found(by)
    assert sum(made.groups.values()) == len(QUESTIONS)
    plain = json.loads(made.to_json())
    assert plain["by"] == by and len(plain["rows"]) == 2

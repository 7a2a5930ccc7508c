"""Nothing is recommended at the floor, and the board says what holds the rows back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from search_worlds import configuration

from ragscout.board.build import Facts, build_board
from ragscout.board.limits import meets
from ragscout.board.words.headline import headline
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Score, Usage
from ragscout.model.results.board import Board, Goal
from ragscout.model.results.measured import Measured

FACT = Figure("fact.correctness", pass_level=1.0)
HIT, RECALL = Figure("hit@1"), Figure("recall@5")
N = 40


def row(name: str, right: int, found: int, passages: str = "1") -> Measured:
    """A row that answers the first ``right`` questions rightly and finds the evidence of the last ``found``."""
    item = configuration({"generate": name, "passages": passages})
    scores = {
        f"q{place:02d}": {
            "fact.correctness": Score(float(place < right)),
            "hit@1": Score(float(place >= N - found)),
            "recall@5": Score(float(place >= N - found)),
        }
        for place in range(N)
    }
    return Measured(item, scores, {question: Usage(100, 10, 0.5, 0.001, 1) for question in scores})


def bare(right: int) -> Measured:
    """The baseline that is given no passages."""
    item = row("no retrieval", right, 0)
    steps = {stage: step for stage, step in item.configuration.steps.items() if stage == "generate"}
    made = replace(item.configuration, steps=steps, roles=("baseline",))
    assert made.generates and not made.retrieves
    scores = {name: {"fact.correctness": found["fact.correctness"]} for name, found in item.scores.items()}
    return Measured(made, scores, item.usage)


def board(*rows: Measured, goal: Figure = FACT) -> Board:
    questions = [Question(f"q{place:02d}", f"Question {place}", ("answer",)) for place in range(N)]
    return build_board(rows, questions, [FACT], Goal.of(goal), Facts("s", "set@1"), [HIT, RECALL])


def note(found: Board, language: str = "en") -> str:
    texts = [note.text(language) for note in found.notes if note.kind.startswith("floor")]  # type: ignore[arg-type]
    assert len(texts) <= 1
    return texts[0] if texts else ""


def test_below_a_quarter_right_nothing_is_recommended_and_the_writer_is_named() -> None:
    found = board(row("a", 9, 30), row("b", 4, 12))
    assert found.recommended() is None and found.leader() is not None
    assert not meets(found)
    assert "9 of 40" in note(found) and "30 of its 31 wrong answers" in note(found) and "writer" in note(found)
    assert "Best retrieval: a" in note(found)
    assert headline(found, "en") == note(found)
    assert headline(found, "ko") == note(found, "ko")


def test_at_a_quarter_right_the_row_is_recommended() -> None:
    found = board(row("a", 10, 30), row("b", 4, 12))
    assert found.recommended() is not None
    assert note(found) == ""
    assert meets(found)


def test_evidence_that_is_not_retrieved_is_named_as_what_holds_back() -> None:
    found = board(row("a", 3, 8), row("b", 1, 12))
    assert "was not among the retrieved chunks" in note(found)
    assert "Best retrieval: b" in note(found)


@pytest.mark.parametrize("right", [20, 25])
def test_no_more_right_than_without_passages_is_no_recommendation(right: int) -> None:
    found = board(row("a", 20, 30), bare(right))
    assert found.recommended() is None
    assert "given no passages" in note(found)


def test_more_right_than_without_passages_is_recommended() -> None:
    found = board(row("a", 20, 30), bare(12))
    assert found.recommended() is not None and found.recommended().name.startswith("a")  # type: ignore[union-attr]


def test_the_evidence_figure_is_that_of_the_prompts_depth() -> None:
    assert "hit@1" in note(board(row("a", 5, 30, "1"), row("b", 4, 12, "1")))
    assert "recall@5" in note(board(row("a", 5, 30, "4"), row("b", 4, 12, "4")))


def test_a_goal_that_is_no_share_of_right_answers_has_no_floor() -> None:
    plain = Figure("fact.correctness")
    found = board(row("a", 5, 30), row("b", 4, 12), goal=plain)
    assert found.recommended() is not None
    assert note(found) == ""

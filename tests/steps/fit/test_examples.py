"""Few-shot examples: which are chosen, and how values that were learnt are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ragscout.model.errors import ParameterError, StepError, StoreError
from ragscout.model.evalset import Question
from ragscout.model.fitted import PerFold, evaluated, served
from ragscout.model.outcome import Message
from ragscout.model.step import make
from ragscout.model.training import SEEN, Split, TrainingSplit
from ragscout.model.values import codec
from ragscout.steps.fit import Examples
from ragscout.steps.fit.worked import WorkedExample, WorkedExamples
from ragscout.testing.fits import FitKit
from ragscout.testing.steps import FakeRuntime, run

SPLIT = {"digest": "0" * 64, "name": "first"}


class TestExamples(FitKit):
    cases = (
        ("examples", {"training": SPLIT}),
        ("examples", {"training": SPLIT, "n": 5, "folds": 2, "draw": 3}),
        ("examples", {"training": {"digest": "1" * 64}}),
    )


def learnt(step: Examples, questions: Sequence[Question]) -> tuple[WorkedExample, ...]:
    return asyncio.run(step.learn(FakeRuntime(), questions)).examples


def test_only_questions_with_an_answer_are_examples() -> None:
    plain = Question("a", "What is leave?", (" ", "Time off. "))
    told = replace(plain, text="And then?", history=(Message("user", "What is leave?"),))
    others = [Question("b", "Who?"), Question("c", "Which?", ("None.",), answerable=False), told]
    assert learnt(Examples(training=Split("0")), [plain, *others]) == (WorkedExample("What is leave?", "Time off."),)


def test_the_choice_depends_on_nothing_but_the_questions() -> None:
    questions = [Question(str(number), f"Case {number}?", ("Yes.",)) for number in range(30)]
    step = Examples(training=Split("0"), n=4)
    chosen = learnt(step, questions)
    assert len(chosen) == 4 and learnt(step, questions[::-1]) == chosen
    assert learnt(replace(step, draw=1), questions) != chosen
    without = [item for item in questions if item.text != chosen[0].question]
    assert learnt(step, without)[:3] == chosen[1:], "a fold differs by what it must not see and by nothing else"


def test_the_name_of_a_split_is_in_no_key() -> None:
    one, other = (Examples(training=Split("0" * 64, name)) for name in ("first", "second"))
    assert one.key({}) == other.key({}) != Examples(training=Split("1" * 64, "first")).key({})
    assert one.label() == "examples(training=first)"
    with pytest.raises(ParameterError, match="Add training"):
        make("fit", "examples")


def test_one_fold_alone_is_refused() -> None:
    together = TrainingSplit.of(Question(str(number), f"Case {number}?", documents=("d",)) for number in range(9))
    with pytest.raises(StepError, match="all 9 questions of training split first lie in one fold"):
        run(Examples(training=Split("0", "first")), training=together)


def test_plain_values_need_no_codec_of_their_own(tmp_path: Path) -> None:
    folds = TrainingSplit.of([Question("a", "Case?", documents=("d",))]).folds(2)
    value = PerFold(folds, (0.25, {"threshold": [1, 2]}), "한글")
    codec("fit").save(value, tmp_path)
    assert codec("fit").load(tmp_path) == value
    (tmp_path / "folds.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match=r"fit: the stored value cannot be read; got KeyError in folds.json"):
        codec("fit").load(tmp_path)
    (tmp_path / "bad").mkdir()
    with pytest.raises(StoreError, match="cannot be read; got FileNotFoundError"):
        codec("fit").load(tmp_path / "bad")


def test_who_is_served_by_which_value() -> None:
    questions = [Question(str(number), f"Case {number}?", documents=(f"d{number}",)) for number in range(20)]
    folds = TrainingSplit.of(questions).folds(2)
    value = PerFold(folds, (WorkedExamples(()), 1), 2)
    assert value.every() == (WorkedExamples(()), 1, 2)
    assert served({"fit": value, "chunk": "c"}) == {"fit": 2, "chunk": "c"}
    held = next(item for item in questions if folds.of(item) == 1)
    other = next(item for item in questions if folds.of(item) == 0)
    assert evaluated({"fit": value, "chunk": "c"}, held) == {"fit": 1, "chunk": "c"}
    both = Question("both", "Both?", documents=(*held.documents, *other.documents))
    assert evaluated({"fit": value}, both) == {"fit": SEEN}

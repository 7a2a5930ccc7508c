"""Training splits: what identifies them, and that the fold of a question never saw its group."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import Question, Span
from ragscout.model.outcome import Message
from ragscout.model.training import TrainingSplit, read_file, write_file


def drawn(rng: random.Random, count: int) -> list[Question]:
    """Questions about up to three of many documents, named by evidence or as documents; texts may repeat."""
    found = []
    for number in range(count):
        names = [f"d{at}" for at in rng.sample(range(40), rng.choice((0, 1, 1, 1, 2, 3)))]
        cut = rng.randint(0, len(names))
        text = f"Case {rng.randrange(count * 4)}?"
        found.append(Question(f"q{number}", text, documents=tuple(names[:cut]), evidence=tuple(map(Span, names[cut:]))))
    return found


def tied(first: Question, second: Question) -> bool:
    return bool(first.named_documents & second.named_documents) or first.text == second.text


@pytest.mark.parametrize("seed", range(20))
def test_a_fold_holds_out_whole_groups(seed: int) -> None:
    rng = random.Random(seed)
    training, later = drawn(rng, 25), drawn(rng, 60)
    count = rng.randint(2, 7)
    folds = TrainingSplit.of(training).folds(count)
    for question in [*training, *later]:
        fold = folds.of(question)
        touched = {folds.of(other) for other in training if tied(question, other)}
        assert None not in touched, "a training question always has a fold"
        if len(touched) > 1:
            assert fold is None and question in later
        else:
            assert fold in (touched or set(range(count)))
    shuffled = rng.sample(training, len(training))
    assert TrainingSplit.of(shuffled).folds(count) == folds, "the order of questions moves nothing"


def test_questions_of_one_text_are_one_group_in_one_conversation() -> None:
    first, second = Question("a", "And then?", documents=("a",)), Question("b", "and  THEN?", documents=("b",))
    told = [replace(first, history=(Message("user", "Leave?"),)), replace(second, history=(Message("user", "Pay?"),))]
    folds = [TrainingSplit.of([first, second]).folds(50), TrainingSplit.of(told).folds(50)]
    assert folds[0].of(first) == folds[0].of(second)
    assert folds[1].of(told[0]) != folds[1].of(told[1]), "the same words in another conversation are another question"


def test_questions_that_touch_no_group_use_all_values_alike() -> None:
    folds = TrainingSplit.of([Question("a", "Case?", documents=("a",))]).folds(4)
    new = [folds.of(Question(str(number), f"Other {number}?")) for number in range(400)]
    assert all(60 < new.count(fold) < 140 for fold in range(4))
    assert folds.of(Question("x", "One?", documents=("n",))) == folds.of(Question("y", "Two?", documents=("n",)))


def test_the_digest_is_that_of_what_is_learnt_from() -> None:
    question = Question("q1", "Is it?", ("Yes.",), evidence=(Span("a.md", "quote", 3, 8),), documents=("b.md",))
    split = TrainingSplit.of([question, Question("q2", "맞나요?")])
    named = replace(question, id="other", weight=3.0, must_pass=True, meta={"a": "b"}, slice="s", type="t")
    assert TrainingSplit.of([Question("9", "맞나요?"), named, question]).digest == split.digest
    for changed in (
        replace(question, text="Was it?"),
        replace(question, references=("No.",)),
        replace(question, documents=()),
        replace(question, evidence=()),
        replace(question, answerable=False),
        replace(question, history=(Message("user", "Hm."),)),
        replace(question, filter={"lang": ("ko",)}),
    ):
        assert TrainingSplit.of([changed, Question("q2", "맞나요?")]).digest != split.digest
    again = TrainingSplit.read(split.data, "here")
    assert again == split and again.digest == split.digest
    assert TrainingSplit.read(split.data.replace(b"\n", b"\r\n"), "here").digest == split.digest, "as Windows saves it"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write_file(tmp_path, "first", TrainingSplit.of([Question("a", "Case?")]))
    assert read_file(tmp_path, "first", "here").questions == (Question("", "Case?"),)
    path.write_text('{"text": "Case?"}\n{"text": 1}\n', encoding="utf-8")
    with pytest.raises(EvalSetError, match=r"first.training.jsonl:2: the training question cannot be read"):
        read_file(tmp_path, "first", "here")


def test_a_learnt_key_depends_on_the_documents() -> None:
    plain = Question("a", "Case?", documents=("a", "b"))
    assert replace(plain, documents=("b",), evidence=(Span("a"),), references=("x",)).learnt_key == plain.learnt_key
    assert len({replace(plain, documents=names).learnt_key for names in ((), ("a",), ("a", "b"))}) == 3
    assert replace(plain, text="Other?").learnt_key != plain.learnt_key

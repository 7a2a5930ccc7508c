"""Metrics over texts: Korean, several references, the memo, bad input, languages."""

from __future__ import annotations

import time
import unicodedata

import pytest
from measure_fakes import Runtime, minilm, run

from ragscout.model.errors import ParameterError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Score
from ragscout.model.step import make
from ragscout.steps.measure.answer.rouge import lcs_length

OVERLAP = ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "meteor", "token_f1", "exact_match", "answer_in_text")
KOREAN = "연차휴가는 근속 기간과 관계없이 최대 25일을 넘지 않습니다."


def score(name, answer, *references, parameters=None, runtime=None):
    question = Question("q", "?", references)
    (found,) = run(make("measure", name, parameters), runtime or Runtime(), [question], generate=[Answer(answer)])
    outcome = found[name]
    return outcome.value if isinstance(outcome, Score) else outcome


@pytest.mark.parametrize("name", OVERLAP)
@pytest.mark.parametrize("text", [KOREAN, "Annual leave never exceeds 25 days.", "25일", "25", "휴가 leave 休暇"])
def test_identity_scores_one(name, text):
    assert score(name, text, text) == pytest.approx(1.0, abs=1e-9)
    assert score(name, unicodedata.normalize("NFD", text), text) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", OVERLAP)
def test_the_best_reference_counts(name):
    alone = score(name, "25 days", "25 days")
    assert score(name, "25 days", "something else entirely here", "25 days") == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("name", ["rouge1", "meteor", "token_f1"])
def test_particles_do_not_separate_korean_words(name):
    assert score(name, "최대 25일입니다", "최대 25일을 넘지 않는다") > score(
        name, "매주 두 번입니다", "최대 25일을 넘지 않는다"
    )
    assert score(name, "휴가를 신청한다", "휴가는 신청한다") == pytest.approx(1.0)


def test_exact_match_rules():
    assert score("exact_match", "The 25 days.", "25 Days") == 1.0
    assert score("exact_match", "25 일입니다.", "25일") == 1.0
    assert score("exact_match", "“25 days”", "25 days") == 1.0
    assert score("exact_match", "26일", "25일") == 0.0
    assert score("exact_match", "?!", "...") == 0.0
    assert score("exact_match", "🙂", "🙂") == 1.0


def test_answer_in_text_respects_numbers():
    assert score("answer_in_text", "It is 25 days.", "25 days") == 1.0
    assert score("answer_in_text", "It is 125 days.", "25 days") == 0.0
    assert score("answer_in_text", "최대 25일까지입니다", "25일") == 1.0
    assert score("answer_in_text", "최대 125일까지입니다", "25일") == 0.0


def test_a_pair_is_scored_once():
    runtime = Runtime()
    questions = [Question(str(row), "?", ("25 days",)) for row in range(30)]
    answers = [Answer(("25 days", "26 days", "27 days")[row % 3]) for row in range(30)]
    first = run(make("measure", "bleu"), runtime, questions, generate=answers)
    assert runtime.memo.computed == {"measure.bleu": 3}
    assert run(make("measure", "bleu"), runtime, questions, generate=answers) == first
    assert runtime.memo.computed == {"measure.bleu": 3}
    run(make("measure", "chrf"), runtime, questions, generate=answers)
    assert runtime.memo.computed["measure.chrf"] == 3


def test_long_answers_are_cut_and_take_bounded_time():
    long = "The limit is 25 days and " * 4000
    for name in OVERLAP:
        started = time.process_time()
        (found,) = run(
            make("measure", name), Runtime(), [Question("q", "?", (long[:50_000],))], generate=[Answer(long)]
        )
        assert found[name].detail["truncated"].startswith("first 20000 of 100000")
        assert time.process_time() - started < 20


def test_failures_before_scoring():
    assert score("bleu", "", "25 days").kind == "empty"
    assert score("bleu", "25 days").kind == "no_reference"
    assert score("bleu", "25 days", "", "  ").kind == "no_reference"
    assert score("bleu", "I do not know.", "25 days").kind == "refused"
    assert run(make("measure", "bleu"), Runtime(), [Question("q", "?", ("a",))])[0]["bleu"].kind == "unsuitable"


def test_lcs_is_the_textbook_one():
    assert lcs_length("ABCBDAB", "BDCABA") == 4
    assert lcs_length([], ["a"]) == 0 and lcs_length(["a"], []) == 0


def test_meteor_says_when_it_runs_without_wordnet():
    question, answer = [Question("q", "?", ("The car is quick.",))], [Answer("The automobile is fast.")]
    (found,) = run(make("measure", "meteor"), Runtime(), question, generate=answer)
    assert found["meteor"].detail == {"synonyms": "none"}
    (missing,) = run(make("measure", "meteor", {"synonyms": "wordnet"}), Runtime(), question, generate=answer)
    assert missing["meteor"].kind == "no_model" and "WordNet is absent" in missing["meteor"].detail
    assert "without WordNet" in make("measure", "meteor", {"synonyms": "none"}).signature()


def test_correct_language():
    def found(question, answer, *references):
        step = make("measure", "correct_language")
        (scores,) = run(step, Runtime(), [Question("q", question, references)], generate=[Answer(answer)])
        return scores["correct_language"]

    assert found("연차는 며칠인가요?", "25일입니다") == Score(1.0)
    assert found("연차는 며칠인가요?", "It is 25 days.") == Score(0.0)
    assert found("연차는 며칠인가요?", "25") == Score(1.0)
    assert found("어떤 도구로 접속하나요?", "VPN", "VPN") == Score(1.0)
    assert found("어떤 도구로 접속하나요?", "Use the VPN client please", "Use the VPN client now") == Score(0.0)
    assert found("How many days?", "25일입니다") == Score(0.0)


@pytest.mark.models
def test_bertscore_refuses_what_its_model_cannot_read():
    if not minilm():
        pytest.skip("the packaged MiniLM is not installed")
    questions = [Question("k", "?", (KOREAN,)), Question("e", "?", ("25 days of leave",)), Question("n", "?", ("25",))]
    answers = [Answer("최대 25일입니다"), Answer("It is 25 days"), Answer("25")]
    korean, english, number = run(make("measure", "bertscore"), Runtime(folders=minilm()), questions, generate=answers)
    assert korean["bertscore"].kind == "unsuitable" and "multilingual" in korean["bertscore"].detail
    assert english["bertscore"].value > 0.5 and number["bertscore"].value == pytest.approx(1.0, abs=1e-6)


def test_bertscore_without_its_model_names_the_remedy():
    (found,) = run(make("measure", "bertscore"), Runtime(), [Question("e", "?", ("a b",))], generate=[Answer("a")])
    assert {item.kind for item in found.values()} == {"no_model"}
    assert all(isinstance(item, Failure) and "minilm" in item.detail for item in found.values())


def test_an_unknown_bertscore_model_must_be_described():
    with pytest.raises(ParameterError, match="num_layers"):
        make("measure", "bertscore", {"model": "some/encoder"})
    with pytest.raises(ParameterError, match="languages"):
        make("measure", "bertscore", {"model": "some/encoder", "num_layers": 9})

"""How texts are filled: formats, lists, plurals, phrases inside phrases, particles, and what is missing."""

from __future__ import annotations

import contextvars

import pytest

from ragscout.words import Words, WordsError, lookup, particle, phrase, strictly


@pytest.mark.parametrize(
    "word, topic, subject, object_, with_, by",
    [
        ("구성", "은", "이", "을", "과", "으로"),
        ("지표", "는", "가", "를", "와", "로"),
        ("모델", "은", "이", "을", "과", "로"),  # ㄹ takes 로
        ("3", "은", "이", "을", "과", "으로"),  # 삼
        ("1", "은", "이", "을", "과", "로"),  # 일
        ("2", "는", "가", "를", "와", "로"),
        ("10", "은", "이", "을", "과", "으로"),  # 십
        ("0.41", "은", "이", "을", "과", "로"),
        ("81 %", "는", "가", "를", "와", "로"),  # 퍼센트
        ("model", "은", "이", "을", "과", "로"),
        ("chain", "은", "이", "을", "과", "으로"),
        ("chunking", "은", "이", "을", "과", "으로"),
        ("baseline", "은", "이", "을", "과", "으로"),
        ("table", "은", "이", "을", "과", "로"),
        ("chat", "은", "이", "을", "과", "으로"),
        ("dense", "는", "가", "를", "와", "로"),
        ("LLM", "은", "이", "을", "과", "으로"),  # 엠
        ("URL", "은", "이", "을", "과", "로"),  # 엘
        ("GPU", "는", "가", "를", "와", "로"),
        ("gpt-4o", "는", "가", "를", "와", "로"),
    ],
)
def test_particles_go_by_the_last_sound(word: str, topic: str, subject: str, object_: str, with_: str, by: str):
    pairs = ("은/는", "이/가", "을/를", "와/과", "으로/로")
    assert tuple(particle(word, pair) for pair in pairs) == (topic, subject, object_, with_, by)


def test_particles_pass_by_brackets_and_marks():
    assert particle("81 % (70–91)", "을/를") == "를" and particle("bm25 (k 3)", "은/는") == "는"
    assert particle("`구성`", "은/는") == "은" and particle("모델.", "이/가") == "이"
    assert particle("(삼)", "이/가") == "이", "only brackets: what they hold"


def test_particles_of_unknown_sounds_are_given_in_both_forms():
    assert [particle(word, "은/는") for word in ("", "–", "日本")] == ["은(는)"] * 3
    assert particle("–", "으로/로") == "(으)로"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """A catalogue of its own for each language."""
    made: dict[str, dict[str, str]] = {"en": {"list.more": "{names} and {more} more"}, "ko": {}}
    made["ko"]["list.more"] = "{names} 외 {more}개"
    monkeypatch.setattr(lookup, "_catalogue", lambda language: made[language])
    return made


def test_plurals(texts):
    texts["en"]["x"] = "{n:,} {n:row is|rows are} there"
    words = Words("en")
    assert words("x", n=1) == "1 row is there" and words("x", n=0) == "0 rows are there"
    assert words("x", n=1200) == "1,200 rows are there"
    texts["en"]["x"] = "{n:the other row|all {n} rows}"
    assert words("x", n=1) == "the other row" and words("x", n=4) == "all 4 rows"
    texts["en"]["x"] = "{names:model|models} {names}"
    assert words("x", names=["a"]) == "model a" and words("x", names=["a", "b"]) == "models a, b"


def test_formats_nothing_and_particles_after_a_format(texts):
    texts["ko"]["x"] = "{value:.2f을/를} 봅니다"
    assert Words("ko")("x", value=0.123) == "0.12를 봅니다"
    assert Words("ko")("x", value=None) == "–을(를) 봅니다"
    texts["en"]["x"] = "{share:.0%} {value:+.1f}"
    assert Words("en")("x", share=0.5, value=-2) == "50% -2.0"


def test_lists_show_some_and_count_the_rest(texts):
    texts["en"]["x"] = texts["ko"]["x"] = "{names:2}"
    assert Words("en")("x", names=["a", "b"]) == "a, b"
    assert Words("en")("x", names=["a", "b", "c", "d"]) == "a, b and 2 more"
    assert Words("ko")("x", names=("가", "나", "다")) == "가, 나 외 1개"


def test_phrases_are_shown_in_the_language_of_the_text_around_them(texts):
    texts["en"] |= {"x": "because {why}.", "why": "{n} are missing"}
    texts["ko"] |= {"x": "이유: {why}.", "why": "{n}개 없음"}
    nested = phrase("why", n=3)
    assert Words("en")("x", why=nested) == "because 3 are missing."
    assert Words("ko")("x", why=nested) == "이유: 3개 없음."
    assert Words("en")("x", why=[nested, nested]) == "because 3 are missing; 3 are missing."


def test_a_value_is_never_taken_for_a_template(texts):
    texts["en"]["x"] = "{name}"
    assert Words("en")("x", name="{n} {0} {name.__class__}") == "{n} {0} {name.__class__}"


def test_what_is_missing_raises_in_tests_and_is_shown_to_users(texts):
    texts["en"]["x"] = "{n} of {all:.1f}"
    words = Words("en")
    with strictly():
        with pytest.raises(WordsError, match="there is no kind 'y'"):
            words("y")
        with pytest.raises(WordsError, match="x: the value 'n' is missing"):
            words("x", all=1)
        with pytest.raises(WordsError, match=r"'many' cannot be shown as '\.1f'"):
            words("x", n=1, all="many")
    shown = contextvars.Context().run(lambda: [words("y"), words("y", n=1, what="b"), words("x", n=1)])
    assert shown == ["y", "y: n 1, what b", "1 of –"]
    assert contextvars.Context().run(lambda: words("x", n=1, all="many")) == "1 of many"


def test_catalogues_are_read_once_and_only_when_asked():
    lookup._catalogue.cache_clear()
    Words("en"), Words("ko")
    assert lookup._catalogue.cache_info().misses == 0
    Words("en")("amount.points", value=1), Words("en")("amount.points", value=2)
    assert lookup._catalogue.cache_info().misses == 1

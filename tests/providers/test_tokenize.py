from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragscout.model.errors import MissingExtraError
from ragscout.providers import tokenize
from ragscout.providers.tokenize import kiwi_available, library, morphemes, sentences, words

needs_kiwi = pytest.mark.skipif(not kiwi_available(), reason="the extra 'korean' is not installed")
MIXED = st.text(st.sampled_from("가나다연차는 API test 3.14,1\n\n- #다.요?!。漢字かな😀é\u0301'"), max_size=80)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("연차는 언제 생기나요?", ["연차", "차는", "언제", "생기", "기나", "나요"]),
        ("API로 5일 전", ["api", "로", "5", "일", "전"]),
        ("The runners' running shoes", ["the", "runner", "run", "shoe"]),
        ("1,000.50 and 3.14; 15.2.1, 10,20", ["1000.50", "and", "3.14", "15.2.1", "10", "20"]),
        ("shared_buffers=128MB", ["share", "buffer", "128", "mb"]),
        ("漢字テスト", ["漢字", "字テ", "テス", "スト"]),
        ("", []),
        ("?!… — «»", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_options() -> None:
    assert words("연차 Running", korean="characters", stem=False, lowercase=False) == ["연", "차", "Running"]
    assert words("STRASSE straße") == words("strasse STRASSE")


def test_decomposed_text_gives_the_same_tokens() -> None:
    text = "연차 휴가는 café에서"
    assert words(unicodedata.normalize("NFD", text)) == words(text)


def test_combining_marks_stay_with_their_letter() -> None:
    assert words("हिन्दी भाषा", stem=False) == ["हिन्दी", "भाषा"]


@needs_kiwi
def test_kiwi_finds_the_noun_in_every_form() -> None:
    assert "연차" in words("연차는 언제", korean="kiwi")
    assert "연차" in words("연차를", korean="kiwi")
    assert morphemes("REST API를 호출했다")[:2] == ["rest", "api"]
    assert "호출" in morphemes("REST API를 호출했다")
    assert "kiwipiepy" in library("kiwi")


def test_kiwi_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenize, "kiwi_available", lambda: False)
    tokenize._kiwi.cache_clear()
    with pytest.raises(MissingExtraError, match=r"ragscout\[korean\]"):
        words("연차", korean="kiwi")
    with pytest.raises(MissingExtraError):
        library("kiwi")
    assert words("plain", korean="kiwi") == ["plain"]


def split(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        (
            "Dr. Kim met J. Smith, e.g. at 3.5 km. Then he left.",
            ["Dr. Kim met J. Smith, e.g. at 3.5 km.", "Then he left."],
        ),
        ("연차는 15일이다. 언제 생기나요? 다음 달부터요!", ["연차는 15일이다.", "언제 생기나요?", "다음 달부터요!"]),
        ("끝났다.그러나 남았다.", ["끝났다.", "그러나 남았다."]),
        ("버전 3.14를 씁니다. 끝.", ["버전 3.14를 씁니다.", "끝."]),
        ('He said "no." She left.', ['He said "no."', "She left."]),
        ("# Title\nBody of the text\ngoes on.", ["# Title", "Body of the text\ngoes on."]),
        ("- one\n- two\n1. three\n2. four", ["- one", "- two", "1. three", "2. four"]),
        ("A paragraph\n\nanother", ["A paragraph", "another"]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("a file called conf.d is read", ["a file called conf.d is read"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@settings(deadline=None)
@given(MIXED)
def test_sentences_cover_the_text(text: str) -> None:
    spans = sentences(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(text[start:end].strip() or len(spans) == 1 for start, end in spans)


@settings(deadline=None)
@given(MIXED)
def test_words_do_not_depend_on_the_normal_form(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))
    assert all(token.strip() for token in words(text))

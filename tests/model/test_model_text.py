"""Text in normal form: what every offset of the project counts in."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragscout.model.text import display_width, hangul_share, language, normalise, script, script_runs

ANY = st.text(st.characters(codec=None), max_size=60)  # lone surrogates included


@given(ANY)
def test_normal_form_is_a_fixed_point(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once == unicodedata.normalize("NFC", once)
    assert "\r" not in once and "\x00" not in once
    once.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
        ("e\u0301", "é"),
        ("a\x00b", "ab"),
        ("\ud800x", "\ufffdx"),
        ("\r\r\n", "\n\n"),
        ("", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("chars", "kind"),
    [
        ("한ㄱᄒꥠ", "hangul"),
        ("漢㐀豈", "han"),
        ("ひカ", "kana"),
        ("azÉßДα", "latin"),
        ("07٣", "digit"),
        (" .!—€", "other"),
    ],
)
def test_scripts(chars: str, kind: str) -> None:
    assert {script(char) for char in chars} == {kind}


@given(ANY)
def test_runs_cover_the_text_and_neighbours_differ(text: str) -> None:
    runs = list(script_runs(text))
    assert "".join(text[start:end] for _, start, end in runs) == text
    assert all(one[0] != two[0] and one[2] == two[1] for one, two in itertools.pairwise(runs))
    assert all(start < end and {script(char) for char in text[start:end]} == {kind} for kind, start, end in runs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("연차는 며칠인가요?", "ko"),
        ("VACUUM 명령은 무엇인가요", "ko"),
        ("How many days of leave?", "en"),
        ("Kubernetes pod autoscaling 값", "en"),
        ("有給休暇は何日ですか", "other"),
        ("12 + 34 = ?", "other"),
        ("", "other"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert language(text) == expected


@given(ANY)
def test_the_share_of_hangul_is_a_share(text: str) -> None:
    assert 0.0 <= hangul_share(text) <= 1.0
    if hangul_share(text) >= 0.2:
        assert language(text) == "ko"


def test_hangul_share() -> None:
    assert hangul_share("휴가 ab") == 0.5
    assert hangul_share("1, 2!") == 0.0


def test_wide_characters_take_two_columns() -> None:
    assert display_width("휴가 ab") == 7
    assert display_width("e\u0301") == 1
    assert display_width("") == 0

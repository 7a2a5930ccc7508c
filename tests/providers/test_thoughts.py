"""What a model thinks aloud is no part of its answer."""

from __future__ import annotations

import pytest

from ragscout.providers.thoughts import without_thoughts


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("25 days.", "25 days."),
        ("<think>15 or 25?</think>25 days.", "25 days."),
        ("<think>\n15 or 25?\n</think>\n\n25일입니다.", "25일입니다."),
        ("\n<THINKING>hm</THINKING> 25", "25"),
        ("<reasoning>a</reasoning><think>b</think>c", "c"),
        ("15 or 25?\n</think>\n\n25 days.", "25 days."),
        ("[THINK]hm[/THINK]25", "25"),
        ("◁think▷hm◁/think▷25", "25"),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>25<|return|>", "25"),
        ("<think>15 or", ""),
        ("<think></think>25", "25"),
        ("<|channel|>analysis<|message|>hm", ""),
        ("Write <think> before and </think> behind.", "Write <think> before and </think> behind."),
        ("", ""),
    ],
)
def test_the_answer_stands_behind_the_thoughts(text: str, answer: str) -> None:
    assert without_thoughts(text) == answer


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<think></think>", "<|channel|>", "[THINK", " "])
def test_many_marks_take_no_time(piece: str) -> None:
    assert len(without_thoughts(piece * 30_000)) <= len(piece) * 30_000

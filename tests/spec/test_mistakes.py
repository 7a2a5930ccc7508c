"""Mistakes in YAML are named with place and fix."""

from __future__ import annotations

import pytest

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.spec.document import read

HEAD = "sweep: a\npipeline:\n  chunk: characters\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("\tretriever: bm25", "f:4:1: a tab in the indentation"),
        ("  \tretriever: bm25", "f:4:3: a tab in the indentation"),
        ("  retriever： bm25", "f:4:12: a full-width sign; got '：'. Write ':', with a blank after it."),
        ("  retriever: [bm25，dense", "f:4:19: a full-width sign; got '，'"),
        ("  retriever:bm25", "f:4:12: no blank after the colon; got 'retriever:bm25'. Write retriever: bm25"),
        ("  검색기: [bm25, dense", "f:4:8: a bracket is not closed; got '['. Add ']'"),
        ("  prompt: {use: template, passages: [1, 2]", "f:4:11: a bracket is not closed; got '{'. Add '}'"),
        ('  retriever: "bm25', 'f:4:14: a quote is not closed; got "'),
        ("  retriever: 'bm25", "f:4:14: a quote is not closed; got '"),
        ("    retriever: bm25", "f:4:5: the indentation fits no line above; got 4 blanks after a line with 2"),
        (" retriever: bm25", "f:4:2: the indentation fits no line above; got 1 blanks after a line with 2"),
        ("  retriever: @mine", "f:4:14: a text that begins with '@' needs quotes"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_fix(line: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        read(f"{HEAD}{line}\n", "f")
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a comment\n"])
def test_an_empty_file_says_how_to_write_one(text: str) -> None:
    with pytest.raises(SpecError, match=r"f: the file is empty.*ragscout init"):
        read(text, "f")


def test_full_width_signs_in_text_are_text() -> None:
    assert read('a: "질문：답"\nb: 질문：답\n', "f").data == {"a": "질문：답", "b": "질문：답"}


def test_names_with_commas_ask_for_brackets() -> None:
    said = str(UnknownNameError("f:1:1", "step", "bm25, dense", ("bm25", "dense", "hybrid")))
    assert "Put a list into brackets: [bm25, dense]." in said
    assert "brackets" not in str(UnknownNameError("f:1:1", "step", "bm25, x", ("bm25", "dense")))

"""Maps of offsets: where a character of the source lies after edits, and after several in a row."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragscout.model.offsets import Origin, Piece, compose, edited, identity, joined, shifted

Edits = list[tuple[int, int, str]]


@st.composite
def edits(draw: st.DrawFn, text: str) -> Edits:
    """Spans of a text with replacements, in order, not overlapping."""
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = zip(ends[::2], ends[1::2], strict=False)
    return [(start, end, draw(st.text("xyz", max_size=3))) for start, end in spans]


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, Edits, Edits]:
    """A text, edits of it and edits of what comes out."""
    text = draw(st.text("abcdefgh휴가", max_size=30))
    first = draw(edits(text))
    return text, first, draw(edits(edited(text, first)[0]))


def holds(source: str, target: str, pieces: tuple[Piece, ...]) -> bool:
    """Whether a map is in order, without overlaps, and shows equal characters."""
    ordered = all(one[0] + one[2] <= two[0] and one[1] + one[2] <= two[1] for one, two in itertools.pairwise(pieces))
    return ordered and all(size > 0 and source[a : a + size] == target[b : b + size] for a, b, size in pieces)


@given(changes())
def test_maps_show_equal_characters_alone_and_composed(change: tuple[str, Edits, Edits]) -> None:
    text, first, second = change
    middle, one = edited(text, first)
    last, two = edited(middle, second)
    assert holds(text, middle, one) and holds(middle, last, two)
    both = compose(one, two)
    assert holds(text, last, both)
    wanted = {
        b + i: a + j
        for a, m, size in one
        for j in range(size)
        for n, b, more in two
        for i in range(more)
        if n + i == m + j
    }
    assert {b + i: a + i for a, b, size in both for i in range(size)} == wanted


@given(changes())
def test_identity_changes_nothing(change: tuple[str, Edits, Edits]) -> None:
    text, first, _ = change
    result, pieces = edited(text, first)
    assert compose(identity(len(text)), pieces) == pieces == compose(pieces, identity(len(result)))
    assert edited(text, []) == (text, identity(len(text)))


def test_a_span_is_placed_from_its_first_to_its_last_kept_character() -> None:
    text = "keep DROP keep more"
    result, pieces = edited(text, [(5, 9, "")])
    origin = Origin("d", "0" * 64, pieces)
    assert result == "keep  keep more"
    assert origin.place(0, 14) == (0, 10) and origin.kept(0, 14) == 10
    assert origin.place(5, 9) is None and origin.kept(5, 9) == 0
    assert origin.place(7, 12) == (5, 8) and result[5:8] == " ke"
    assert origin.place(3, 3) is None


@given(changes(), st.integers(0, 30), st.integers(0, 30))
def test_a_place_holds_all_that_was_kept(change: tuple[str, Edits, Edits], start: int, length: int) -> None:
    text, first, _ = change
    result, pieces = edited(text, first)
    origin = Origin("d", "", pieces)
    placed = origin.place(start, start + length)
    inside = range(start, start + length)
    kept = [at + b - a for a, b, size in pieces for at in range(a, a + size) if at in inside]
    assert origin.kept(start, start + length) == len(kept)
    assert placed == ((min(kept), max(kept) + 1) if kept else None)
    assert placed is None or placed[1] <= len(result)


@pytest.mark.parametrize(("at", "lands"), [(0, 0), (4, 4), (5, 5), (7, 5), (9, 5), (10, 6), (19, 15), (99, 15)])
def test_a_position_lands_on_the_next_kept_character(at: int, lands: int) -> None:
    _, pieces = edited("keep DROP keep more", [(5, 9, "")])
    assert shifted(pieces, at) == lands


def test_neighbours_are_joined_and_nothing_is_left_out() -> None:
    assert joined([(0, 0, 2), (2, 2, 3), (6, 5, 1)]) == ((0, 0, 5), (6, 5, 1))
    assert joined([(0, 0, 0)]) == () == identity(0)

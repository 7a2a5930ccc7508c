"""The rounds before a search begins, and that a replay of them leaves the same state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragscout.model.config import Configuration
from ragscout.model.prefixes import distinct_prefixes
from ragscout.search.contract import Block, Request
from ragscout.search.known import KNOWN
from ragscout.search.opening_moves import FLOOR, Asked, OpeningMoves, answers_of
from ragscout.testing.search import World, small_space

SPACE = small_space()
WORLD = World(SPACE, questions=30)
ROWS = SPACE.configurations
PREFIXES = list(distinct_prefixes(ROWS).values())[:3]


class Inner:
    """A proposer that notes what it hears, and asks one more row each time."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.allowed: list[int] = []

    def ask(self, n: int) -> Sequence[Request]:
        return [Request(ROWS[len(self.heard)], WORLD.questions[:2], "search")][:n]

    def tell(self, blocks: Sequence[Block]) -> None:
        self.heard.append(f"told {len(blocks)}")

    def restore(self, requests: Sequence[Request], blocks: Sequence[Block]) -> None:
        self.heard.append(f"told {len(blocks)}")

    def know(self, blocks: Sequence[Block], free: bool = True) -> None:
        self.heard.append(f"knows {len(blocks)}{'' if free else ' at a price'}")

    def notes(self) -> Sequence[object]:
        return ("a note",)

    def allow(self, answers: int) -> None:
        self.allowed.append(answers)

    def finals(self) -> Sequence[Request]:
        return [Request(ROWS[0], WORLD.questions[2:4], "final")]


def known(rows: Sequence[Configuration]) -> object:
    def found(asked: Asked) -> list[Request]:
        return [Request(row, WORLD.questions[:5], KNOWN) for row in rows if row.key not in asked]

    return found


def played(moves: OpeningMoves, rounds: int) -> list[tuple[Request, ...]]:
    seen = []
    for _ in range(rounds):
        requests = tuple(moves.ask(20))
        assert tuple(moves.ask(20)) == requests, "asking twice gives the same"
        moves.tell([WORLD.block(request) for request in requests])
        seen.append(requests)
    return seen


def made(inner: Inner, **more: object) -> OpeningMoves:
    groups = (PREFIXES[:1], PREFIXES[1:])
    given = {"floor": ROWS[-1:], "known": known(ROWS[:2]), "free": True, **more}
    return OpeningMoves(inner, WORLD.questions, groups, **given)  # type: ignore[arg-type]


def test_prefixes_then_what_is_known_then_the_search() -> None:
    inner = Inner()
    first, second, third, fourth = played(made(inner), 4)
    assert [request.configuration.key for request in first] == [PREFIXES[0].key, ROWS[-1].key]
    assert [request.reason for request in first] == ["retrieval", "floor"]
    assert first[0].questions == WORLD.questions and first[1].questions == WORLD.questions[:FLOOR]
    assert [request.reason for request in second] == ["retrieval"] * 2, "the floor is asked once"
    assert [request.reason for request in third] == [KNOWN] * 2
    assert [request.reason for request in fourth] == ["search"]
    assert inner.heard == ["told 2", "told 2", "knows 2", "told 1"]


def test_prefixes_on_a_sample_are_called_sampled() -> None:
    source = replace(PREFIXES[0].source, stage="corpus")
    sampled = replace(PREFIXES[0], source=source)
    (first,) = played(OpeningMoves(Inner(), WORLD.questions, [[sampled]]), 1)  # type: ignore[arg-type]
    assert [request.reason for request in first] == ["sampled"]


def test_a_replay_goes_on_as_if_nothing_had_happened() -> None:
    whole = played(made(Inner()), 6)
    for kept in range(7):
        inner = Inner()
        # the second process finds its groups in another order, and the floor answered by now
        moves = OpeningMoves(
            inner,  # type: ignore[arg-type]
            WORLD.questions,
            (PREFIXES[:1], PREFIXES[1:]) if kept < 1 else (PREFIXES[1:], PREFIXES[:1]),
            floor=ROWS[-1:] if kept < 1 else (),
            known=known(ROWS[:2]),  # type: ignore[arg-type]
        )
        for requests in whole[:kept]:
            moves.restore(requests, [WORLD.block(request) for request in requests])
        assert played(moves, 6 - kept) == whole[kept:]


def test_nothing_to_open_with_is_the_search_itself() -> None:
    inner = Inner()
    ((request,),) = played(OpeningMoves(inner, WORLD.questions), 1)  # type: ignore[arg-type]
    assert request.reason == "search"
    moves = OpeningMoves(inner, WORLD.questions, known=lambda _: [])  # type: ignore[arg-type]
    moves.allow(7)
    assert inner.allowed == [7] and moves.finals() == inner.finals() and moves.notes() == ("a note",)


def test_known_answers_count_only_when_they_are_not_free() -> None:
    inner = Inner()
    played(made(inner, free=False), 3)
    assert inner.heard[-1] == "knows 2 at a price"
    known_round = [Request(ROWS[0], WORLD.questions[:5], KNOWN)]
    assert answers_of(known_round, free=True) == 0 and answers_of(known_round, free=False) == 5
    mixed = [Request(PREFIXES[0], WORLD.questions, "retrieval"), Request(ROWS[0], WORLD.questions[:3], "floor")]
    assert answers_of(mixed, free=True) == 3, "rankings are no answers"

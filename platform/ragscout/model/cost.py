"""What steps declare of their price before anything runs: the work they would be given, what it takes, what they need.

An estimate follows a configuration from the files to the answer: each step says what the work at hand takes (``cost``)
and what the steps after it are given (``after``). Figures are expectations; who uses them puts a range around them.
"""

from __future__ import annotations

from dataclasses import dataclass

TEMPLATE = 60
"""Tokens of a prompt's own words."""
REPLY, LONGEST = 60, 256
"""Tokens of a reply, expected and at most, where a step says nothing else."""


@dataclass(frozen=True)
class Workload:
    """What a step would be given, on average.

    ``characters``: of all documents, of ``per_character`` bytes each. ``per_token``: characters of a token in the
    language of the questions. ``question``: characters of a question. ``chunks``: their number, of ``chunk`` characters
    each, 0 before they are cut. ``parent``: characters of the larger chunks they were cut from, 0 without any.
    ``passages``: how many an answer is given, of ``passage`` characters each. ``depth``: chunks that a ranking holds.
    """

    characters: float = 0.0
    per_character: float = 1.0
    per_token: float = 4.0
    question: float = 0.0
    chunks: float = 0.0
    chunk: float = 0.0
    parent: float = 0.0
    depth: float = 20.0
    passages: float = 0.0
    passage: float = 0.0

    @property
    def repeated(self) -> float:
        """How often a character of the documents stands in a chunk: more than once where chunks overlap."""
        return self.chunks * self.chunk / self.characters if self.characters and self.chunks else 1.0

    @property
    def text(self) -> float:
        """Bytes of all chunks."""
        return self.chunks * self.chunk * self.per_character

    @property
    def asked(self) -> float:
        """Tokens of a prompt that holds the question and its passages."""
        return (self.passages * self.passage + self.question) / self.per_token + TEMPLATE


@dataclass(frozen=True)
class Cost:
    """What the work takes: of the whole corpus for a whole stage, of one question for the others.

    ``seconds``: of this machine, the time of endpoints left out. ``requests``: to models that a connection serves.
    ``prompt``, ``reply`` and ``longest``: tokens of one request, of the reply expected and of the reply at most.
    ``money``: what is paid elsewhere, in the currency of the connections; the price of requests is not in it.
    ``disk``: bytes that are kept. ``basis``: what the seconds rest on, in words.
    """

    seconds: float = 0.0
    requests: float = 0.0
    prompt: float = 0.0
    reply: float = float(REPLY)
    longest: float = float(LONGEST)
    money: float = 0.0
    disk: float = 0.0
    basis: str = ""

    @property
    def tokens(self) -> float:
        """Tokens that go in and come out, expected."""
        return self.requests * (self.prompt + self.reply)


@dataclass(frozen=True)
class Resources:
    """What a step needs of a machine while it runs: cores, graphics processors, bytes of memory (0: little)."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0

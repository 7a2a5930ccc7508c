"""The conformance kit of chunkers: offsets, coverage, sizes, overlap, on English, Korean and awkward text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragscout.model.errors import ParameterError
from ragscout.model.evalset import Document
from ragscout.model.step import Step, make
from ragscout.model.text import normalise
from ragscout.model.values import Chunks, Corpus
from ragscout.testing.steps import FakeRuntime, WholeKit, run

KOREAN = (
    "# 연차 휴가\n\n정규직 직원은 입사 1년이 지나면 매년 15일의 연차휴가를 받는다. "
    "근속 3년부터는 2년마다 1일이 더해지나요? 네, 최대 25일까지요!\n\n"
    "## 신청\n\n- 3일 이하: 3일 전까지\n- 4일 이상: 2주 전까지\n\n"
    "```sh\n# 제목이 아님\nharu request --days 5\n```\n팀장이 48시간 안에 답하지 않으면 자동으로 승인된다.\n"
)
ENGLISH = (
    "# Vacuum\n\nPlain VACUUM reclaims space, e.g. for dead rows, in version 15.2 and later. "
    'It does not lock the table. Dr. Lane said: "Use it daily." Then he left.\n\n'
    "| option | meaning |\n| FULL | rewrites |\n\nLast words without a stop"
)
AWKWARD = (
    "👩‍👩‍👧 가족 e\u0301cole \u1112\u1161\u11ab글 " + "가" * 90 + "\n\n\t " + "x" * 70 + " नमस्ते 漢字とかな。終わり"
)

_ALPHABET = "가나다요.?! abc\n\n#-`1,é😀\u0301\u200d漢。\t"
TEXTS = st.one_of(
    st.text(st.sampled_from(_ALPHABET), max_size=200),
    st.lists(
        st.sampled_from([KOREAN[:60], ENGLISH[:70], "```\n# x\n```\n", "\n\n", "# 제목\n", "끝났다. "]), max_size=8
    ).map("".join),
)


class ChunkerKit(WholeKit):
    """What every chunker is held to. Set ``name``, ``cases``, and ``measure(text)`` if a size is not characters."""

    stage = "chunk"
    name: str = ""

    def measure(self, text: str) -> int:
        """Length of a chunk in the unit of ``size``."""
        return len(text)

    def inputs(self) -> dict[str, Any]:
        """Three documents and an empty one."""
        return {"corpus": corpus(KOREAN, ENGLISH, AWKWARD, "")}

    def step(self, **parameters: Any) -> Step:
        """Return the chunker under test."""
        return make("chunk", self.name, parameters)

    @pytest.mark.parametrize("text", [KOREAN, ENGLISH, AWKWARD], ids=["korean", "english", "awkward"])
    @pytest.mark.parametrize(("size", "overlap"), [(20, 0), (20, 19), (64, "25%"), (10_000, 100), (1, 0), (7, 3)])
    def test_offsets_and_coverage(self, text: str, size: int, overlap: int | str) -> None:
        """Offsets reproduce the text, chunks cover it, none is blank or too long."""
        self.check(text, size, overlap)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(text=TEXTS, size=st.integers(1, 60), share=st.floats(0, 0.95))
    def test_offsets_and_coverage_of_any_text(self, text: str, size: int, share: float) -> None:
        """The same for random text, sizes and overlaps."""
        self.check(text, size, int(size * share))

    def check(self, text: str, size: int, overlap: int | str) -> None:
        """Assert the contract of ``ChunkStep`` for one text."""
        text = normalise(text)
        step = self.step(size=size, overlap=overlap)
        runtime = FakeRuntime()
        chunks: Chunks = run(step, runtime, corpus=corpus(text))
        covered = bytearray(len(text))
        previous = (-1, -1)
        for start, end, piece in zip(chunks.start, chunks.end, chunks.text, strict=True):
            assert piece == text[start:end] and piece == piece.strip() and piece
            assert self.measure(piece) <= size
            assert start > previous[0] and end > previous[1]
            previous = (start, end)
            covered[start:end] = b"\x01" * (end - start)
        assert all(covered[at] or char.isspace() for at, char in enumerate(text))
        assert 0.0 <= runtime.reports["realised_overlap"] < 1.0
        if overlap == 0:
            assert runtime.reports["realised_overlap"] == 0.0

    def test_empty_documents_give_no_chunks(self) -> None:
        """Neither an empty nor a blank document gives a chunk."""
        assert len(run(self.step(), corpus=corpus("", " \n\t"))) == 0

    def test_documents_keep_their_ids_and_titles(self) -> None:
        """Chunks name their documents, in the corpus's order."""
        chunks = run(self.step(), corpus=corpus(KOREAN, ENGLISH))
        assert list(dict.fromkeys(chunks.document)) == ["문서 0", "문서 1"]
        assert chunks.titles == {"문서 0": "제목 0", "문서 1": "제목 1"}

    def test_documents_do_not_influence_each_other(self) -> None:
        """A document's chunks are the same whatever stands beside it."""
        alone = run(self.step(size=40, overlap="20%"), corpus=corpus(KOREAN))
        beside = run(self.step(size=40, overlap="20%"), corpus=corpus(KOREAN, ENGLISH))
        assert beside.text[: len(alone)] == alone.text

    @pytest.mark.parametrize(
        ("overlap", "says"),
        [(10, "smaller than size"), ("100%", "smaller than size"), ("ten", "neither"), (-1, "at least 0")],
    )
    def test_refuses_an_overlap_that_is_not_below_the_size(self, overlap: int | str, says: str) -> None:
        """The message says what is wrong."""
        with pytest.raises(ParameterError, match=says):
            self.step(size=10, overlap=overlap)

    def test_equal_overlaps_have_one_key(self) -> None:
        """10 and "10", 0 and "0%", "10%" and "10.0 %" are the same parameter."""
        for one, other in ((10, "10"), (0, "0%"), ("10%", "10.0 %")):
            assert self.step(size=100, overlap=one).key({}) == self.step(size=100, overlap=other).key({})

    def test_more_overlap_repeats_more(self) -> None:
        """The report tells a larger overlap from none."""
        shares = []
        for overlap in (0, 25):
            runtime = FakeRuntime()
            run(self.step(size=50, overlap=overlap), runtime, corpus=corpus("짧은 문장이다. 또 있다. " * 40))
            shares.append(runtime.reports["realised_overlap"])
        assert shares[0] == 0.0 < shares[1] < 0.8


def corpus(*texts: str) -> Corpus:
    """Return a corpus of these texts."""
    documents: Sequence[Document] = [
        Document(f"문서 {number}", normalise(text), f"제목 {number}") for number, text in enumerate(texts)
    ]
    return Corpus(tuple(documents))

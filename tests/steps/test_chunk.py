from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import StepError, StoreError
from ragscout.model.step import make
from ragscout.model.values import codec
from ragscout.steps.chunk.tokens import _WORDS
from ragscout.testing.chunkers import ENGLISH, KOREAN, ChunkerKit, corpus
from ragscout.testing.steps import FakeRuntime, run


def texts(name: str, text: str, **parameters: Any) -> list[str]:
    return list(run(make("chunk", name, parameters), corpus=corpus(text)).text)


class TestCharacters(ChunkerKit):
    name = "characters"
    cases = (
        ("characters", {}),
        ("characters", {"size": 60, "overlap": "10%"}),
        ("characters", {"size": 60, "overlap": 6}),
    )

    def test_ends_at_sentences_where_one_is_near(self) -> None:
        text = "첫 문장은 이만큼 길다. 둘째 문장도 제법 길다. 셋째다."
        assert texts(self.name, text, size=30)[0] == "첫 문장은 이만큼 길다. 둘째 문장도 제법 길다."

    def test_starts_and_ends_at_words(self) -> None:
        text = " ".join(f"word{number}" for number in range(200))
        for piece in texts(self.name, text, size=100, overlap=20):
            assert re.fullmatch(r"(word\d+ )*word\d+", piece)
            assert set(piece.split()) <= set(text.split())

    def test_never_splits_a_combined_character(self) -> None:
        family, accented = "👩‍👩‍👧", "e\u0323\u0301"
        for piece in texts(self.name, (family + accented) * 30, size=16):
            assert not piece.startswith(("\u200d", "\u0323", "\u0301")) and not piece.endswith("\u200d")

    def test_realised_overlap_is_near_the_one_asked_for(self) -> None:
        runtime = FakeRuntime()
        run(make("chunk", self.name, {"size": 500, "overlap": "20%"}), runtime, corpus=corpus(ENGLISH * 40))
        assert 0.12 < runtime.reports["realised_overlap"] < 0.25


class TestSentences(ChunkerKit):
    name = "sentences"
    cases = (("sentences", {}), ("sentences", {"size": 60, "overlap": "40%"}))

    def test_keeps_sentences_whole(self) -> None:
        assert texts(self.name, "하나다. 둘이다. 셋이다.", size=10) == ["하나다. 둘이다.", "셋이다."]

    def test_overlap_is_whole_sentences(self) -> None:
        found = texts(self.name, "하나다. 둘이다. 셋이다. 넷이다.", size=15, overlap=6)
        assert found == ["하나다. 둘이다. 셋이다.", "셋이다. 넷이다."]


class TestMarkdown(ChunkerKit):
    name = "markdown"
    cases = (("markdown", {}), ("markdown", {"size": 60, "overlap": "10%"}))

    def test_begins_at_headings_and_keeps_fences(self) -> None:
        text = f"# One\n\n{'alpha beta. ' * 8}\n\n```py\n# not a heading\nx = 1\n\ny = 2\n```\n\n## Two\n\nEnd."
        found = texts(self.name, text, size=120)
        assert found[0].startswith("# One")
        assert any(piece.endswith("y = 2\n```") and "# not a heading" in piece for piece in found)
        assert found[-1] == "## Two\n\nEnd."

    def test_a_heading_stays_with_its_text(self) -> None:
        for size in range(60, 200, 7):
            for piece in texts(self.name, KOREAN * 3, size=size):
                assert not re.search(r"(^|\n)## 신청$", piece)

    def test_overlap_stays_inside_a_section(self) -> None:
        text = "".join(f"# S{number}\n\n{'Some words here. ' * 6}\n\n" for number in range(5))
        for piece in texts(self.name, text, size=80, overlap=30):
            assert piece.count("# S") <= 1 and not re.search(r"\S.*# S", piece, re.DOTALL)


class TestTokens(ChunkerKit):
    name = "tokens"
    cases = (("tokens", {}), ("tokens", {"size": 20, "overlap": "10%"}))

    def measure(self, text: str) -> int:
        return len(_WORDS.findall(text))

    def test_counts_words_in_both_languages(self) -> None:
        assert _WORDS.findall("연차휴가는 API 15일!") == ["연차", "휴가", "는", "API", "15", "일", "!"]

    def test_ends_at_words(self) -> None:
        for piece in texts(self.name, "연차휴가는 최대한 길게 쓴다 " * 20, size=20, overlap=4):
            assert set(piece.split()) == {"연차휴가는", "최대한", "길게", "쓴다"}

    def test_takes_a_models_tokenizer(self, tmp_path: Path) -> None:
        tokenizers = pytest.importorskip("tokenizers")
        model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        model.save(str(tmp_path / "tokenizer.json"))
        step = make("chunk", "tokens", {"size": 3, "tokenizer": "mine"})
        chunks = run(step, FakeRuntime(folders={"mine": tmp_path}), corpus=corpus("하나 둘 셋 넷 다섯"))
        assert chunks.text == ("하나 둘 셋", "넷 다섯")
        with pytest.raises(StepError, match=r"no tokenizer\.json"):
            run(step, FakeRuntime(folders={"mine": Path(__file__).parent}), corpus=corpus("하나"))


@pytest.mark.parametrize("stage", ["corpus", "chunk", "embed", "index", "lexicon"])
def test_an_empty_or_damaged_folder_is_a_store_error(stage: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        codec(stage).load(tmp_path)
    for name in ("value.arrow", "index.json", "lexicon.json"):
        (tmp_path / name).write_bytes(b"\x00damaged")
    with pytest.raises(StoreError, match="cannot be read"):
        codec(stage).load(tmp_path)

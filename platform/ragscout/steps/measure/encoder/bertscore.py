"""BERTScore (Zhang et al. 2020, https://arxiv.org/abs/1904.09675) over bert-score's own functions."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from ragscout.model.errors import StepError
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.text import language
from ragscout.steps.measure.base import AnswerPair, TextMetric, same_for_all, share

_LAYERS = {"minilm": 6}
_LANGUAGES: dict[str, tuple[str, ...]] = {"minilm": ("en",)}
_BATCH = 64
_MOST_TOKENS = 512
_CACHED_BYTES = 256 * 1024 * 1024
_BETTER = "Name a multilingual model (field model) with its layer (num_layers) and languages, or use semscore or chrf."


@step("measure", "bertscore", version=1, libraries=("bert-score", "transformers", "tokenizers"), extra="local")
class BertScore(TextMetric):
    """BERTScore F1 as ``bertscore``, with ``bertscore.precision`` and ``bertscore.recall``; best reference by F1.

    No idf weights and no baseline rescaling: both change with the data set, so that scores could not be compared.
    Values are cosines; below 0 (rare, and only far from any match) they count as 0. Equal to
    ``bert_score.BERTScorer(model_type=folder, num_layers=n).score``. Each distinct text is embedded once per process,
    in batches sorted by length; a text longer than the model's window is cut there, as bert-score does, and the score
    says so. A text in a language that the model was not trained for is ``unsuitable``, never a number.
    """

    model: str = field(
        default="minilm", metadata={"help": "alias, hub name or folder of an encoder", "model": "revision"}
    )
    revision: str = field(default="", metadata={"help": "revision of the model"})
    num_layers: int = field(
        default=0,
        metadata={"help": "layer whose output is compared; 0 = the known best of the model", "ge": 0, "le": 48},
    )
    languages: tuple[str, ...] = field(
        default=(), metadata={"help": "languages the model was trained for (en, ko); empty = as known for the model"}
    )

    def __post_init__(self) -> None:
        """Refuses a model of which nothing is known."""
        if not self.num_layers and self.model not in _LAYERS:
            raise ValueError(f"num_layers is missing for this model; got {self.model!r}. Set it, for example 9.")
        if not self.languages and self.model not in _LANGUAGES:
            raise ValueError(f"languages is missing for this model; got {self.model!r}. Set it, for example [en, ko].")

    def known_languages(self) -> tuple[str, ...]:
        """Return what the encoder was trained for."""
        return self._fit

    def figures(self) -> tuple[Figure, ...]:
        """F1, precision and recall, 0..1."""
        return (Figure("bertscore"), Figure("bertscore.precision"), Figure("bertscore.recall"))

    def signature(self) -> str:
        """Model, layer, library versions (the distribution's, since the package misreports its own)."""
        revision = f"@{self.revision[:12]}" if self.revision else ""
        return (
            f"bertscore|f1|nrefs:best|model:{self.model}{revision}|L{self._layer}|idf:no|rescaled:no"
            f"|languages:{'+'.join(self._fit)}|bert-score:{_version('bert-score')}|transformers:{_version('transformers')}"
        )

    @property
    def _layer(self) -> int:
        return self.num_layers or _LAYERS[self.model]

    @property
    def _fit(self) -> tuple[str, ...]:
        return self.languages or _LANGUAGES[self.model]

    async def score_all(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[dict[str, Score | Failure]]:
        """BERTScore of distinct pairs."""
        missing = _missing(runtime, self.model, self.revision)
        if isinstance(missing, Failure):
            return [same_for_all(self.figures(), missing) for _ in pairs]
        unfit = [self._unsuitable(pair) for pair in pairs]
        fit = [pair for pair, failure in zip(pairs, unfit, strict=True) if failure is None]
        scored = iter(await asyncio.to_thread(score_pairs, missing, self._layer, fit, runtime.threads) if fit else ())
        return [next(scored) if failure is None else same_for_all(self.figures(), failure) for failure in unfit]

    def _unsuitable(self, pair: AnswerPair) -> Failure | None:
        found = {language(text) for text in (pair.answer, *pair.references) if any(char.isalpha() for char in text)}
        strange = sorted(found - set(self._fit))
        if not strange:
            return None
        what = {"ko": "Korean"}.get(strange[0], strange[0])
        return Failure("measurement", "unsuitable", f"{self.model} was not trained for {what} text. {_BETTER}")


def score_pairs(
    folder: Path, layer: int, pairs: Sequence[AnswerPair], threads: int
) -> list[dict[str, Score | Failure]]:
    """P, R and F1 of each pair's best reference, 0..1."""
    encoder = _encoder(folder, layer)
    texts = sorted(
        {text for pair in pairs for text in (pair.answer, *pair.references)}, key=lambda text: (len(text), text)
    )
    with encoder.lock:
        embedded = encoder.embed(texts, threads)
        flat = [(reference, pair.answer) for pair in pairs for reference in pair.references]
        triples = iter(encoder.match(flat, embedded))
    scored: list[dict[str, Score | Failure]] = []
    for pair in pairs:
        best = max((next(triples) for _ in pair.references), key=lambda triple: triple[2])
        note = {"truncated": f"at {encoder.window} tokens"} if embedded[pair.answer].cut else {}
        figures = ("bertscore.precision", "bertscore.recall", "bertscore")
        scored.append({name: Score(share(value).value, note) for name, value in zip(figures, best, strict=True)})
    return scored


class _Embedded:
    """A text's token embeddings, float32 of shape (tokens, dim), marks of begin and end included."""

    def __init__(self, tokens: Any, cut: bool) -> None:
        self.tokens = tokens
        self.cut = cut


class _Encoder:
    """One model in memory with its cache of embedded texts. Callers hold ``lock``."""

    def __init__(self, folder: Path, layer: int) -> None:
        from bert_score.utils import get_model, get_tokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.lock = threading.Lock()
        self._tokenizer = get_tokenizer(str(folder), use_fast=True)
        self._model = get_model(str(folder), layer)
        positions = int(getattr(self._model.config, "max_position_embeddings", _MOST_TOKENS))
        self.window = min(int(self._tokenizer.model_max_length), positions, _MOST_TOKENS)
        self._tokenizer.model_max_length = self.window
        self._cache: OrderedDict[str, _Embedded] = OrderedDict()
        self._bytes = 0

    def embed(self, texts: Sequence[str], threads: int) -> dict[str, _Embedded]:
        """Embeddings by text; new ones are computed in the given order, which is by length."""
        import torch
        from bert_score.utils import get_bert_embedding

        torch.set_num_threads(max(1, threads))
        found: dict[str, _Embedded] = {}
        for text in texts:
            if text in self._cache:
                self._cache.move_to_end(text)
                found[text] = self._cache[text]
        new = [text for text in texts if text not in found]
        for begin in range(0, len(new), _BATCH):
            batch = new[begin : begin + _BATCH]
            tokens, mask, _ = get_bert_embedding(batch, self._model, self._tokenizer, self._weights(), device="cpu")
            for text, row, length in zip(batch, tokens, mask.sum(dim=1).tolist(), strict=True):
                vectors = row[:length].clone()
                vectors.div_(torch.linalg.vector_norm(vectors, dim=-1, keepdim=True))
                found[text] = _Embedded(vectors, length >= self.window)
                self._remember(text, found[text])
        return found

    def match(
        self, pairs: Sequence[tuple[str, str]], embedded: Mapping[str, _Embedded]
    ) -> list[tuple[float, float, float]]:
        """Greedy matching of (reference, answer) pairs: precision, recall, F1.

        The first and last token (begin and end marks) may be matched but carry no weight, as without idf in bert-score.
        """
        results = []
        for reference, answer in pairs:
            similar = embedded[answer].tokens @ embedded[reference].tokens.T
            precision = _mean(similar.max(dim=1)[0])
            recall = _mean(similar.max(dim=0)[0])
            total = precision + recall
            f1 = 2 * precision * recall / total if precision > 0 and recall > 0 else 0.0
            results.append((precision, recall, f1))
        return results

    def _weights(self) -> dict[int, float]:
        return _Ones({self._tokenizer.sep_token_id: 0.0, self._tokenizer.cls_token_id: 0.0})

    def _remember(self, text: str, item: _Embedded) -> None:
        self._cache[text] = item
        self._bytes += item.tokens.numel() * 4
        while self._bytes > _CACHED_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._bytes -= dropped.tokens.numel() * 4


class _Ones(dict[int, float]):
    """Weight 1 for every token that is not listed."""

    def __missing__(self, key: int) -> float:
        return 1.0


def _mean(values: Any) -> float:
    """Mean without the first and last token; 0 when nothing else is there."""
    inner = values[1:-1]
    return float(inner.mean()) if inner.numel() else 0.0


_ENCODERS: dict[tuple[Path, int], _Encoder] = {}
_LOADING = threading.Lock()


def _encoder(folder: Path, layer: int) -> _Encoder:
    with _LOADING:
        if (folder, layer) not in _ENCODERS:
            _ENCODERS[folder, layer] = _Encoder(folder, layer)
        return _ENCODERS[folder, layer]


def _missing(runtime: Runtime, model: str, revision: str) -> Path | Failure:
    """Return the model's folder, or the failure with its remedy."""
    if importlib.util.find_spec("bert_score") is None:
        remedy = "BERTScore needs the extra 'local'. Run: pip install 'ragscout[local]'"
        return Failure("measurement", "no_model", remedy)
    try:
        return runtime.models.folder(model, revision)
    except StepError as error:
        return Failure("measurement", "no_model", f"BERTScore's model is absent. {error}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"

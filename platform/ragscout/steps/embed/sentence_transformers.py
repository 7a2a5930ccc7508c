"""``sentence-transformers``: a packaged alias, a local folder or a hub name, on the CPU."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from ragscout.model.errors import MissingExtraError, StepError
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.steps.embed.base import EmbedStep, Side
from ragscout.steps.embed.windows import find_window, share_beyond

if TYPE_CHECKING:
    import numpy as np

_BATCH = 8  # small batches were up to 30 % faster than 32 on a CPU: less padding, and they fit the cache
_LOCK = threading.Lock()


@step(
    "embed",
    "sentence-transformers",
    version=1,
    libraries=("sentence-transformers", "transformers", "torch"),
    extra="local",
)
class SentenceTransformers(EmbedStep):
    """A sentence-transformers model; queries and documents get the prompts the model declares for them."""

    stands_for: ClassVar[tuple[str, ...]] = ("parameters", "embedder", "hub name")

    model: str = field(default="minilm", metadata={"help": "alias, local folder or hub name", "model": "revision"})
    revision: str = field(default="", metadata={"help": "revision of the model"})

    def encode(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """Encode with the side's own prompt.

        Raises:
            MissingExtraError: when the extra ``local`` is not installed.
            StepError: when the folder holds no such model.
        """
        import numpy as np

        loaded = _load(str(runtime.models.folder(self.model, self.revision)), runtime.threads)
        encode = loaded.encode_query if side == "query" else loaded.encode_document
        with _LOCK:
            found = encode(list(texts), batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, dtype=np.float32)

    def beyond_window(self, runtime: Runtime, texts: Sequence[str]) -> float | None:
        """Return counted with the model's tokenizer file, without loading the model."""
        folder = runtime.models.folder(self.model, self.revision)
        window, file = find_window(folder), next(iter(sorted(folder.rglob("tokenizer.json"))), None)
        if window is None or file is None:
            return None
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return share_beyond(tokenizer, texts, window)


@functools.lru_cache(maxsize=4)
def _load(folder: str, threads: int) -> Any:
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError:
        raise MissingExtraError("The embedder 'sentence-transformers'", "local") from None
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(threads)
    try:
        return SentenceTransformer(folder, device="cpu", local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise StepError(
            f"embed.sentence-transformers: the model cannot be loaded; got {type(error).__name__} from {folder}. "
            "Give an alias of `ragscout models`, or the folder of a sentence-transformers model."
        ) from error

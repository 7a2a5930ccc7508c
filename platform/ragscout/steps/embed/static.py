"""``static``: one vector per token, averaged. Very fast, no torch."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ragscout.model.errors import MissingExtraError, StepError
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.steps.embed.base import EmbedStep, Side

if TYPE_CHECKING:
    import numpy as np


@step("embed", "static", version=1, libraries=("tokenizers",), extra="local")
class Static(EmbedStep):
    """Mean of the token vectors of a static model: wordllama, model2vec or a StaticEmbedding folder.

    The folder holds one safetensors file with the token matrix (and, for model2vec, weights and a mapping) and one
    tokenizer file. No window: the whole text counts.
    """

    stands_for: ClassVar[tuple[str, ...]] = ("static embedder",)

    model: str = field(default="wordllama", metadata={"help": "alias, local folder or hub name", "model": "revision"})
    revision: str = field(default="", metadata={"help": "revision of the model"})

    def encode(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """Mean of the rows of each text's tokens, no special tokens.

        Raises:
            MissingExtraError: when the extra ``local`` is not installed.
            StepError: when the folder holds no static model.
        """
        import numpy as np

        loaded = _load(str(runtime.models.folder(self.model, self.revision)))
        rows = np.zeros((len(texts), loaded.table.shape[1]), dtype=np.float64)
        for row, encoded in zip(
            rows, loaded.tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True
        ):
            ids = np.asarray(encoded.ids, dtype=np.int64)
            if not len(ids):
                continue
            vectors = loaded.table[ids if loaded.mapping is None else loaded.mapping[ids]].astype(np.float64)
            if loaded.weights is not None:
                vectors *= loaded.weights[ids, None]
            row[:] = vectors.mean(axis=0)
        return rows


@dataclass(frozen=True)
class _Loaded:
    table: np.ndarray
    tokenizer: Any
    weights: np.ndarray | None = None
    mapping: np.ndarray | None = None


@functools.lru_cache(maxsize=4)
def _load(folder: str) -> _Loaded:
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("The embedder 'static'", "local") from None
    root = Path(folder)
    root = root.parent if root.is_file() else root
    weights = sorted(root.rglob("*.safetensors"))
    tokenizers = sorted(root.rglob("*tokenizer*.json"), key=lambda file: (file.name != "tokenizer.json", str(file)))
    tokenizer = next((found for file in tokenizers if (found := _tokenizer(Tokenizer, file)) is not None), None)
    if not weights or tokenizer is None:
        raise StepError(
            "embed.static: a static model is one safetensors file and one tokenizer file; "
            f"got {len(weights)} and {len(tokenizers)} in {root.name}. Give the folder of such a model."
        )
    tensors = load_file(str(weights[0]))
    table = next((tensors[name] for name in ("embeddings", "embedding.weight") if name in tensors), None)
    if table is None:
        matrices = [tensor for tensor in tensors.values() if tensor.ndim == 2]
        if len(matrices) != 1:
            raise StepError(f"embed.static: no token matrix; got the tensors {', '.join(tensors)}. Use another model.")
        table = matrices[0]
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _Loaded(table, tokenizer, tensors.get("weights"), tensors.get("mapping"))


def _tokenizer(loader: Any, file: Path) -> Any:
    """Return the tokenizer of a file, ``None`` for a file that only configures one."""
    if '"model"' not in file.read_text(encoding="utf-8")[:2_000_000]:
        return None
    return loader.from_file(str(file))

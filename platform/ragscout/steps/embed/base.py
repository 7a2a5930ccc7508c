"""What all encoders share: the memo in front of them, queries one by one, unit vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic_core import to_jsonable_python

from ragscout.model.cost import Cost, Workload
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, model_files
from ragscout.model.values import Chunks, Embedded
from ragscout.steps.embed import speed

if TYPE_CHECKING:
    import numpy as np

Side = Literal["document", "query"]


@dataclass(frozen=True, kw_only=True)
class EmbedStep(Step):
    """Base of encoders. A subclass gives ``encode`` (in this process) or overrides ``vectors``.

    Vectors are kept in the memo under the step's own key, so configurations, sweeps and evaluation sets share them.
    """

    def encode(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """Vectors of texts, float32 of shape (len(texts), dim); they need not be normalised yet."""
        raise NotImplementedError

    async def vectors(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """Vectors of norm 1, computed outside the event loop."""
        return unit(await asyncio.to_thread(self.encode, runtime, texts, side))

    def beyond_window(self, runtime: Runtime, texts: Sequence[str]) -> float | None:
        """Share of the texts' tokens that the model never sees, 0..1; ``None`` when it has no known window."""
        return None

    async def run(self, runtime: Runtime, chunk: Chunks) -> Embedded:
        """Vectors of all chunks; reports ``truncated_share`` where the model has a window."""

        async def compute(texts: Sequence[str]) -> np.ndarray:
            return await self.vectors(runtime, texts, "document")

        refs = await runtime.memo.vectors(self.key({}), chunk.indexed, compute)
        beyond = await asyncio.to_thread(self.beyond_window, runtime, chunk.indexed)
        if beyond is not None:
            runtime.report(self.stage, "truncated_share", beyond)
        dim = int(runtime.memo.matrix(refs[:1]).shape[1]) if refs else 0
        return Embedded(self.name, to_jsonable_python(self.parameters()), tuple(refs), dim)

    async def queries(self, runtime: Runtime, texts: Sequence[str]) -> np.ndarray:
        """See ``model.values.Encoder``."""

        async def compute(missing: Sequence[str]) -> np.ndarray:
            import numpy as np

            return np.concatenate([await self.vectors(runtime, [text], "query") for text in missing])

        return runtime.memo.matrix(await runtime.memo.vectors(f"{self.key({})}:query", texts, compute))

    async def passages(self, runtime: Runtime, texts: Sequence[str]) -> np.ndarray:
        """See ``model.values.Encoder``."""

        async def compute(missing: Sequence[str]) -> np.ndarray:
            import numpy as np

            return np.concatenate([await self.vectors(runtime, [text], "document") for text in missing])

        return runtime.memo.matrix(await runtime.memo.vectors(f"{self.key({})}:passage", texts, compute))

    def cost(self, material: Workload) -> Cost:
        """Seconds of encoding every chunk, and the vectors on disk."""
        name = next((item.name for item in model_files(self)), self.name)
        rate = speed.TEXTS_PER_SECOND.get(name, speed.UNKNOWN_ENCODER)
        known = speed.MEASURED if name in speed.TEXTS_PER_SECOND else "assumed"
        size = speed.DIMENSIONS.get(name, speed.UNKNOWN_DIMENSION)
        return Cost(
            seconds=material.chunks * max(0.2, material.chunk / material.per_token / speed.TOKENS) / rate,
            disk=material.chunks * size * 4 * 2,
            basis=f"{name}: {rate:g} texts of {speed.TOKENS} tokens per second ({known}).",
        )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their L2 norm, float32; a row of zeros becomes the vector of equal components."""
    import numpy as np

    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    wide = np.where(norms[:, None] > 0, wide, 1.0)
    norms = np.where(norms > 0, norms, np.sqrt(wide.shape[1]))
    return np.asarray(wide / norms[:, None], dtype=np.float32)

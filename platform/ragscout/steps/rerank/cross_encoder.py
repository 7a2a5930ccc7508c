"""``cross-encoder``: a sentence-transformers model that reads the question and a passage together."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any, ClassVar

from ragscout.model.cost import Cost, Resources, Workload
from ragscout.model.errors import MissingExtraError, StepError
from ragscout.model.evalset import Question
from ragscout.model.key import digest
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, make, step
from ragscout.model.values import Chunks
from ragscout.steps.rankings import ranked

TOKENS_PER_SECOND = 6_000.0
"""What a small model is assumed to read on one core."""
_LOCK = threading.Lock()


@step(
    "rerank",
    "cross-encoder",
    version=1,
    libraries=("sentence-transformers", "transformers", "torch"),
    extra="local",
)
class CrossEncoder(Step):
    """The first ``depth`` chunks, ordered by what a cross-encoder says of each beside the question; others are dropped.

    A pair is scored alone, on the CPU, and kept in the memo, so that every configuration that retrieves a chunk for a
    question shares its score.
    """

    stands_for: ClassVar[tuple[str, ...]] = ("parameters", "reranker", "hub name")
    resources: ClassVar[Resources] = Resources(cpus=2.0, memory=1 << 30)

    model: str = field(metadata={"help": "local folder or hub name of a cross-encoder", "model": "revision"})
    revision: str = field(default="", metadata={"help": "revision of the model"})
    depth: int = field(default=20, metadata={"help": "chunks read and kept", "ge": 1, "le": 1000})

    def cost(self, material: Workload) -> Cost:
        """Seconds of reading question and chunk ``depth`` times."""
        tokens = (material.question + material.chunk) / material.per_token
        seconds = min(float(self.depth), material.depth) * tokens / TOKENS_PER_SECOND
        return Cost(seconds=seconds, basis=f"{self.model}: {TOKENS_PER_SECOND:g} tokens per second (assumed).")

    def after(self, material: Workload) -> Workload:
        """So many chunks are left."""
        return replace(material, depth=min(float(self.depth), material.depth))

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, fuse: Sequence[Ranking]
    ) -> list[Ranking]:
        """Score what the memo does not know.

        Raises:
            AbsentError: the model is not on this machine.
            MissingExtraError: the extra ``local`` is not installed.
            StepError: the folder holds no cross-encoder.
        """
        rows = [[hit.chunk for hit in ranking.hits[: self.depth]] for ranking in fuse]
        pairs = [(asked.text, chunk.text[row]) for asked, found in zip(questions, rows, strict=True) for row in found]
        identity = make(self.stage, self.name, self.parameters() | {"depth": 20}).key(
            {}
        )  # how many are read does not change what is said of one
        keys = [digest("cross-encoder", identity, *pair) for pair in pairs]

        async def compute(missing: Sequence[int]) -> list[float]:
            return await asyncio.to_thread(self._scores, runtime, [pairs[place] for place in missing])

        scores = iter(await runtime.memo.items("rerank.cross-encoder", keys, compute))
        return [ranked([(row, next(scores)) for row in found], self.depth) for found in rows]

    def _scores(self, runtime: Runtime, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One score per pair; a pair's score must not depend on the others, so each is a batch of its own."""
        loaded = _load(str(runtime.models.folder(self.model, self.revision)), runtime.threads)
        with _LOCK:
            return [float(loaded.predict([pair], batch_size=1, show_progress_bar=False)[0]) for pair in pairs]


@functools.lru_cache(maxsize=2)
def _load(folder: str, threads: int) -> Any:
    try:
        import torch
        from sentence_transformers import CrossEncoder as Model
        from transformers.utils import logging
    except ImportError:
        raise MissingExtraError("The reranker 'cross-encoder'", "local") from None
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(threads)
    try:
        loaded = Model(folder, device="cpu", local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise StepError(
            f"rerank.cross-encoder: the model cannot be loaded; got {type(error).__name__} from {folder}. "
            "Give the folder of a sentence-transformers cross-encoder."
        ) from error
    if loaded.num_labels != 1:
        raise StepError(
            f"rerank.cross-encoder: the model gives {loaded.num_labels} scores for a pair, not one. Use one that was "
            "trained to rank."
        )
    return loaded

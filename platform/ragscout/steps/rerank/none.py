"""``none``: the order stays."""

from __future__ import annotations

from collections.abc import Sequence

from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks


@step("rerank", "none", version=1)
class NoReranking(Step):
    """The fused ranking as it is."""

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        chunk: Chunks,
        fuse: Sequence[Ranking],
    ) -> list[Ranking]:
        """Pass it on."""
        return list(fuse)

"""``none``: the order stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step


@step("rerank", "none", version=1)
class NoReranking(Step):
    """The fused ranking as it is."""

    identity: ClassVar[bool] = True
    uses: ClassVar[tuple[str, ...]] = ("fuse",)

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        fuse: Sequence[Ranking],
    ) -> list[Ranking]:
        """Pass it on."""
        return list(fuse)

"""``as-retrieved``: the chunks of the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks, Passages


@step("context", "as-retrieved", version=1)
class AsRetrieved(Step):
    """Each chunk of the ranking as it is, in its order."""

    identity: ClassVar[bool] = True

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, rerank: Sequence[Ranking]
    ) -> list[Passages]:
        """One passage per hit."""
        return [Passages.of(chunk, [hit.chunk for hit in ranking.hits]) for ranking in rerank]

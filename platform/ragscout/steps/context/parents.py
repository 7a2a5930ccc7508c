"""``parents``: the larger chunks that the chunks of the ranking were cut from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from ragscout.model.cost import Workload
from ragscout.model.errors import StepError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks, Passages


@step("context", "parents", version=1)
class Parents(Step):
    """Each parent once, at the place of its best chunk. Where the chunks have no parents it changes nothing."""

    limit: int = field(default=10, metadata={"help": "passages kept", "ge": 1, "le": 100})

    def idle(self, steps: Mapping[str, Step]) -> bool:
        """Whether the chunker gives no parents."""
        return "chunk" in steps and "parents" not in steps["chunk"].gives

    def after(self, material: Workload) -> Workload:
        """Passages are as long as parents."""
        return replace(material, passage=material.parent or material.passage)

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, rerank: Sequence[Ranking]
    ) -> list[Passages]:
        """Passages of at most ``limit`` parents.

        Raises:
            StepError: the chunks have no parents.
        """
        if chunk.parents is None:
            raise StepError("context.parents: the chunks have no parents. Use chunk: parent-child.")
        return await asyncio.to_thread(lambda: [self._of(chunk, ranking) for ranking in rerank])

    def _of(self, chunk: Chunks, ranking: Ranking) -> Passages:
        assert chunk.parents is not None
        found: dict[int, list[int]] = {}
        for hit in ranking.hits:
            found.setdefault(int(chunk.parent[hit.chunk]), []).append(hit.chunk)
        rows = list(found)[: self.limit]
        made = Passages.of(chunk.parents, rows)
        return replace(made, text=tuple(made.text), rows=tuple(tuple(found[row]) for row in rows))

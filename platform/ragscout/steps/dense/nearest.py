"""``nearest``: the chunks whose vectors are nearest to the query's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from ragscout.model.evalset import Question
from ragscout.model.outcome import Query, Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import DenseIndex
from ragscout.steps.rankings import merged

if TYPE_CHECKING:
    import numpy as np


@step("dense", "nearest", version=1)
class Nearest(Step):
    """Exact nearest neighbours; the texts of one query are merged by reciprocal rank fusion."""

    depth: int = field(default=20, metadata={"help": "chunks ranked", "ge": 1, "le": 1000})

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        query: Sequence[Query],
        index: DenseIndex,
    ) -> list[Ranking]:
        """All texts of all questions are searched at once; each text's vector is made from it alone."""
        texts = [text for item in query for text in item.texts]
        if not texts:
            return [Ranking(()) for _ in questions]
        vectors = await index.encoder.queries(runtime, texts)
        found = iter(await asyncio.to_thread(self._all, runtime, questions, query, index, vectors))
        return [merged([next(found) for _ in item.texts], self.depth) for item in query]

    def _all(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        query: Sequence[Query],
        index: DenseIndex,
        vectors: np.ndarray,
    ) -> list[Ranking]:
        """One ranking per text; texts of questions with the same filter are searched together."""
        groups: dict[tuple[object, ...], list[int]] = {}
        asked = [question for question, item in zip(questions, query, strict=True) for _ in item.texts]
        for row, question in enumerate(asked):
            groups.setdefault(tuple(sorted(question.filter.items())), []).append(row)
        found: dict[int, Ranking] = {}
        for rows in groups.values():
            keep = index.allowed(asked[rows[0]])
            found |= dict(zip(rows, index.search(runtime, vectors[rows], self.depth, keep), strict=True))
        return [found[row] for row in range(len(asked))]

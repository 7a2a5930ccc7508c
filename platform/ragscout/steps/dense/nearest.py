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
from ragscout.model.values import DenseIndex, Encoder
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
        sent = [item.of("dense") for item in query]
        asked = [question for question, texts in zip(questions, sent, strict=True) for _ in texts]
        if not asked:
            return [Ranking(()) for _ in questions]
        vectors = await _vectors(runtime, index.encoder, [text for texts in sent for text in texts])
        found = iter(await asyncio.to_thread(self._all, runtime, asked, index, vectors))
        return [merged([next(found) for _ in texts], self.depth) if texts else Ranking(()) for texts in sent]

    def _all(
        self,
        runtime: Runtime,
        asked: Sequence[Question],
        index: DenseIndex,
        vectors: np.ndarray,
    ) -> list[Ranking]:
        """One ranking per text, given the question of each; those with the same filter are searched together."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for row, question in enumerate(asked):
            groups.setdefault(tuple(sorted(question.filter.items())), []).append(row)
        found: dict[int, Ranking] = {}
        for rows in groups.values():
            keep = index.allowed(asked[rows[0]])
            found |= dict(zip(rows, index.search(runtime, vectors[rows], self.depth, keep), strict=True))
        return [found[row] for row in range(len(asked))]


async def _vectors(runtime: Runtime, encoder: Encoder, texts: Sequence[tuple[str, bool]]) -> np.ndarray:
    """One row per text: encoded as a question, or as a passage where it reads like one."""
    import numpy as np

    found: dict[int, np.ndarray] = {}
    for like, encode in ((False, encoder.queries), (True, encoder.passages)):
        rows = [row for row, (_, passage) in enumerate(texts) if passage is like]
        if rows:
            found |= dict(zip(rows, await encode(runtime, [texts[row][0] for row in rows]), strict=True))
    return np.stack([found[row] for row in range(len(texts))])

"""``bm25``: the best chunks of the lexicon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field

from ragscout.model.evalset import Question
from ragscout.model.outcome import Query, Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Lexicon
from ragscout.steps.rankings import merged


@step("lexical", "bm25", version=1)
class BM25Search(Step):
    """Chunks with a score above 0; the texts of one query are merged by reciprocal rank fusion."""

    depth: int = field(default=20, metadata={"help": "chunks ranked", "ge": 1, "le": 1000})

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        query: Sequence[Query],
        lexicon: Lexicon,
    ) -> list[Ranking]:
        """One search per text."""
        return await asyncio.to_thread(self._all, questions, query, lexicon)

    def _all(self, questions: Sequence[Question], query: Sequence[Query], lexicon: Lexicon) -> list[Ranking]:
        found = []
        for question, item in zip(questions, query, strict=True):
            keep = lexicon.allowed(question)
            rankings = [lexicon.search(text, self.depth, keep) for text, _ in item.of("lexical")]
            found.append(merged(rankings, self.depth) if rankings else Ranking(()))
        return found

"""``dense`` and ``lexical``: one retriever's ranking as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragscout.model.errors import StepError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step


@step("fuse", "dense", version=1)
class DenseOnly(Step):
    """The dense ranking."""

    uses: ClassVar[tuple[str, ...]] = ("dense",)

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        dense: Sequence[Ranking] | None = None,
    ) -> list[Ranking]:
        """Pass it on."""
        if dense is None:
            raise StepError("fuse.dense: there is no dense ranking; got none. Add the embed and dense stages.")
        return list(dense)


@step("fuse", "lexical", version=1)
class LexicalOnly(Step):
    """The lexical ranking."""

    uses: ClassVar[tuple[str, ...]] = ("lexical",)

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        lexical: Sequence[Ranking] | None = None,
    ) -> list[Ranking]:
        """Pass it on."""
        if lexical is None:
            raise StepError("fuse.lexical: there is no lexical ranking; got none. Add the lexicon and lexical stages.")
        return list(lexical)

"""Base of what needs both rankings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ragscout.model.errors import StepError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step


@dataclass(frozen=True, kw_only=True)
class FuseBoth(Step):
    """A subclass gives ``fuse(dense, lexical)`` for one question."""

    depth: int = field(default=20, metadata={"help": "chunks kept", "ge": 1, "le": 1000})

    def fuse(self, dense: Ranking, lexical: Ranking) -> Ranking:
        """One ranking of at most ``depth`` chunks."""
        raise NotImplementedError

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        dense: Sequence[Ranking] | None = None,
        lexical: Sequence[Ranking] | None = None,
    ) -> list[Ranking]:
        """Fuse question by question."""
        if dense is None or lexical is None:
            missing = "dense" if dense is None else "lexical"
            raise StepError(f"fuse.{self.name}: it needs both rankings; got no {missing} one. Add that stage.")
        return [self.fuse(a, b) for a, b in zip(dense, lexical, strict=True)]

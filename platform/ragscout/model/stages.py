"""The stage graph: one table. A stage is a place, a step fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragscout.model.errors import UnknownNameError

Grain = Literal["whole", "question"]
Reads = Literal["", "text", "evidence", "full"]


@dataclass(frozen=True)
class Stage:
    """One place of the graph.

    ``inputs``: names of the stages whose values a step receives as keyword arguments (an absent one as ``None``).
    ``grain``: one value per node, or one cell per question. ``reads``: which fields of the question a cell depends on,
    and so which question key addresses it.
    """

    name: str
    inputs: tuple[str, ...]
    grain: Grain
    reads: Reads = ""


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("source", (), "whole"),
        Stage("corpus", ("source", "corpus"), "whole"),
        Stage("chunk", ("corpus",), "whole"),
        Stage("embed", ("chunk",), "whole"),
        Stage("index", ("chunk", "embed"), "whole"),
        Stage("lexicon", ("chunk",), "whole"),
        Stage("query", (), "question", "text"),
        Stage("dense", ("query", "index"), "question", "text"),
        Stage("lexical", ("query", "lexicon"), "question", "text"),
        Stage("fuse", ("dense", "lexical"), "question", "text"),
        Stage("rerank", ("chunk", "fuse"), "question", "text"),
        Stage("prompt", ("chunk", "rerank"), "question", "text"),
        Stage("generate", ("chunk", "prompt"), "question", "text"),
        Stage("evidence", ("corpus",), "question", "evidence"),
        Stage("measure", ("chunk", "evidence", "rerank", "prompt", "generate"), "question", "full"),
    )
}
ORDER: tuple[str, ...] = tuple(STAGES)


def stage(name: str) -> Stage:
    """Look a stage up.

    Raises:
        UnknownNameError: when there is no such stage.
    """
    try:
        return STAGES[name]
    except KeyError:
        raise UnknownNameError("stage", "stage", name, STAGES) from None

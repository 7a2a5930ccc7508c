"""MoverScore: a name that explains why it is not offered."""

from __future__ import annotations

from ragscout.model.metric import MeasureStep
from ragscout.model.step import step

WHY = (
    "MoverScore is not offered: it compares the same token embeddings as BERTScore, but solves a transport problem for "
    "every pair, and has no Korean. Use bertscore for the same evidence, or semscore, which also knows Korean."
)


@step("measure", "moverscore", version=1)
class MoverScore(MeasureStep):
    """Not offered: naming it says what replaces it (``bertscore``, ``semscore``) before anything runs."""

    def __post_init__(self) -> None:
        """Refuses to be made."""
        raise ValueError(WHY)

"""MoverScore: a name that explains why it is not offered."""

from __future__ import annotations

from ragscout.model.metric import MeasureStep
from ragscout.model.step import step

WHY = (
    "MoverScore is not offered: on 200 English pairs it ranks as BERTScore does (Spearman 0.996, with SemScore 0.950), "
    "gives unrelated texts 0.32 on average and costs a transport problem for every pair (benchmarks/moverscore.py). "
    "Use bertscore, or semscore, which also knows Korean."
)


@step("measure", "moverscore", version=1)
class MoverScore(MeasureStep):
    """Not offered: naming it says what replaces it (``bertscore``, ``semscore``) before anything runs."""

    def __post_init__(self) -> None:
        """Refuses to be made."""
        raise ValueError(WHY)

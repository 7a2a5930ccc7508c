"""``search: tpe``: Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

from ragscout.search.optuna_adapter import Sampler
from ragscout.search.sampled import OptunaProposer


class TPEProposer(OptunaProposer):
    """TPE over the knobs, matched to the round policy."""

    sampler = Sampler("tpe")

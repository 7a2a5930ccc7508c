"""``search: tpe``: Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

from ragscout.search.methods.sampled import OptunaProposer
from ragscout.search.samplers.adapter import Sampler


class TPEProposer(OptunaProposer):
    """TPE over the knobs, matched to the round policy."""

    sampler = Sampler("tpe")

"""``search: gp``: Optuna's Gaussian-process sampler (needs torch)."""

from __future__ import annotations

from ragscout.search.optuna_adapter import Sampler
from ragscout.search.sampled import OptunaProposer


class GPProposer(OptunaProposer):
    """Gaussian process with expected improvement over the knobs, matched to the round policy."""

    sampler = Sampler("gp")

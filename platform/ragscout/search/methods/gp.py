"""``search: gp``: Optuna's Gaussian-process sampler (needs torch)."""

from __future__ import annotations

from ragscout.search.methods.sampled import OptunaProposer
from ragscout.search.samplers.adapter import Sampler


class GPProposer(OptunaProposer):
    """Gaussian process with expected improvement over the knobs, matched to the round policy."""

    sampler = Sampler("gp")

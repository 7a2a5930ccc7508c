"""Every search keeps the promises of the kit."""

from __future__ import annotations

from ragscout.testing.search import ProposerConformance


class TestGrid(ProposerConformance):
    search = "grid"


class TestRandom(ProposerConformance):
    search = "random"


class TestTPE(ProposerConformance):
    search = "tpe"
    limits = (0, 17, 133)


class TestGP(ProposerConformance):
    search = "gp"
    limits = (0, 17, 133)
    options = {"trials": 16}
    worlds = 1


class TestFactor(ProposerConformance):
    search = "factor"


class TestGreedy(ProposerConformance):
    search = "greedy"


class TestGAM(ProposerConformance):
    search = "gam"


class TestHalving(ProposerConformance):
    search = "halving"


class TestNSGA2(ProposerConformance):
    search = "nsga2"
    limits = (0, 17, 133)


class TestMultiTPE(ProposerConformance):
    search = "motpe"
    limits = (0, 17, 133)
    worlds = 1


class TestSamplerByImportPath(ProposerConformance):
    search = "optuna"
    options = {"sampler": "optuna.samplers.QMCSampler", "scramble": True}
    limits = (0, 17, 133)


class TestWithoutStopping(ProposerConformance):
    search = "random"
    options = {"stop": "none"}


class TestWilcoxonStopping(ProposerConformance):
    search = "random"
    options = {"stop": "wilcoxon"}

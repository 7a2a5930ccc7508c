"""What the answers themselves allow: the choice of a Bayes predictor that sees the whole grid.

    python benchmarks/search/bound.py --scenario model --questions 1000 --seeds 60000:60040

The predictor is told every answer of the grid and what no search can know: how the world was made, that is the variance
that each knob, each pair of knobs, three-way terms and single configurations have in the means, and the variance of
everything that questions do. It names the configuration with the highest posterior mean (best linear unbiased
prediction: Robinson 1991, "That BLUP is a good thing"). How often that one is within 1 % of the true best is about the
most that any search can reach with these questions, whatever it asks; scores are clipped at 0 and 1, which the linear
predictor leaves aside. Regret as in ``worlds.py``; the complete grid's own choice (highest mean) stands beside it.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from worlds import load

CLIPPED = 0.72
"""Share of a latent difference that is left of it after clipping (the worlds' own constant)."""
ANY_MEAN = 1.0
"""Prior variance of the common mean: nothing is known of it."""


def same(module, knobs) -> np.ndarray:
    """Whether two configurations share the values of all of some knobs, shape (configurations, configurations); a
    lexical one shares no embedder with anybody."""
    grid = module.GRID
    found = np.ones((module.NARM, module.NARM), dtype=np.float32)
    for knob in knobs:
        found *= grid[:, knob, None] == grid[:, knob]
        if module.FACTORS[knob] == "emb":
            found *= np.outer(~module.BM25, ~module.BM25)
    return found


def terms(module, order: int, total: float) -> np.ndarray:
    """Covariance of the means by all terms of some order, which share ``total`` of the variance equally."""
    found = np.zeros((module.NARM, module.NARM), dtype=np.float32)
    chosen = list(itertools.combinations(range(len(module.LEVELS)), order))
    for knobs in chosen:
        levels = np.prod([module.LEVELS[knob] for knob in knobs])
        found += np.float32(total / len(chosen) * levels / (levels - 1)) * same(module, knobs)
    return found


def of_means(module, scenario: str) -> np.ndarray:
    """Prior covariance of the configurations' means."""
    shares = module.SCEN[scenario]
    found = terms(module, 2, shares["two"]) + terms(module, 3, shares["res"] / 2)
    for knob, name in enumerate(module.FACTORS):
        levels = module.LEVELS[knob]
        found += np.float32(shares["main"][name] * levels / (levels - 1)) * same(module, [knob])
    found[np.diag_indices(module.NARM)] += shares["res"] / 2
    return found * shares["sd"] ** 2


def of_questions(module) -> np.ndarray:
    """Covariance of two configurations' scores on one question."""
    share = module.QSHARE
    found = np.full((module.NARM, module.NARM), share["q"], dtype=np.float32)
    for knob, name in enumerate(module.FACTORS):
        if name in share:
            found += np.float32(share[name]) * same(module, [knob])
    found += np.float32(share["emb"]) * np.outer(module.BM25, module.BM25)
    found += np.float32(share["pref"]) * (module.PREFIX[:, None] == module.PREFIX)
    found[np.diag_indices(module.NARM)] += share["cell"]
    return found * (CLIPPED * module.SIG) ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="model")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--seeds", default="60000:60010")
    given = parser.parse_args()
    module, _ = load(given.questions)
    prior = of_means(module, given.scenario).astype(np.float64)
    factor = cho_factor(prior + of_questions(module) / module.NQ + ANY_MEAN)
    regrets = []
    for seed in range(*map(int, given.seeds.split(":"))):
        world = module.World(given.scenario, seed)
        posterior = (prior + ANY_MEAN) @ cho_solve(factor, world.t200 - 0.5)
        regrets.append([100 * (1 - world.pop[row] / world.pop.max()) for row in (int(posterior.argmax()), world.ex)])
    for name, regret in zip(
        ("Bayes predictor, whole grid", "whole grid, highest mean"), np.array(regrets).T, strict=True
    ):
        error = regret.std(ddof=1) / len(regret) ** 0.5 if len(regret) > 1 else 0.0
        print(
            f"| {given.scenario} | {given.questions:,} | {name} | {regret.mean():.2f} ± {error:.2f} / "
            f"{np.quantile(regret, 0.95):.1f} ({np.mean(regret <= 1):.0%}, {len(regret)}) |"
        )


if __name__ == "__main__":
    main()

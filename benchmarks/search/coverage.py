"""How often what is claimed is true: hold-out intervals, winner sets, "beats" claims, separation of equals.

    OMP_NUM_THREADS=1 python benchmarks/search/coverage.py [--seeds 40000:40300]

Three kinds of simulated tables, 200 development and 100 sealed questions, scores correlated over questions as on real
RAG logs (variance shares of ``world.py``): 30 identical configurations; 8 finalists that differ by about a point; one
configuration against a fixed reference with no difference. The cross-fitted interval, which is shown where there is no
hold-out, is measured on sets of 30 and 90 questions, with 12 equal rows and with 12 rows an sd of 3 points apart. Every
figure comes from the functions the board uses.
"""

from __future__ import annotations

import argparse

import numpy as np

from ragscout.stats.crossfit import crossfit
from ragscout.stats.paired import compare_paired, holm, mean_interval, simultaneous

QUESTION, CELL = 0.45 * 0.45**2, 0.55 * 0.45**2
DEVELOPMENT, SEALED, RIGHT = 200, 100, 0.5


def table(means, rng, binary: bool):
    """Scores in 0..1 and the population mean of each row (from 200,000 fresh questions)."""

    def draw(count):
        latent = np.asarray(means)[:, None] + rng.normal(0, QUESTION**0.5, count)
        latent = np.clip(latent + rng.normal(0, CELL**0.5, (len(means), count)), 0, 1)
        return (latent >= RIGHT).astype(float) if binary else latent

    return draw(DEVELOPMENT + SEALED)


def truth(means, rng, binary: bool):
    grid = np.clip(np.asarray(means)[:, None] + rng.normal(0, (QUESTION + CELL) ** 0.5, 200_000), 0, 1)
    return (grid >= RIGHT).mean(1) if binary else grid.mean(1)


def share(hits) -> str:
    hits = np.asarray(hits, dtype=float)
    return f"{hits.mean():.1%} (n {len(hits)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="40000:40300")
    first, last = map(int, parser.parse_args().seeds.split(":"))
    print("| scores | claim | true or kept in |\n|---|---|---|")
    for binary in (False, True):
        found: dict[str, list[bool]] = {name: [] for name in CLAIMS}
        for seed in range(first, last):
            for name, hit in one(seed, binary):
                found[name].append(hit)
        for name, hits in found.items():
            print(f"| {'right or wrong' if binary else 'continuous'} | {name} | {share(hits)} |")


CLAIMS = (
    "hold-out interval of the winner covers",
    "development interval of the winner covers (shown with a warning)",
    "winner set holds the best finalist",
    "no false claim that the leader beats a finalist (Holm over all pairs)",
    "30 identical configurations: no winner separated from all others",
    "30 identical configurations: nobody separated from anybody",
    "no false difference to a fixed reference",
)
SMALL = [(n, apart) for n in (30, 90) for apart in (0.0, 0.03)]
CLAIMS += tuple(
    f"{n} questions, 12 rows {'an sd of 3 points apart' if apart else 'all equal'}: cross-fitted interval covers"
    for n, apart in SMALL
)


def one(seed: int, binary: bool):
    """Return the claims of one world."""
    rng = np.random.default_rng([seed, int(binary)])
    means = 0.55 + rng.normal(0, 0.015, 8)
    real, scores = truth(means, np.random.default_rng(7), binary), table(means, rng, binary)
    development, sealed = scores[:, :DEVELOPMENT], scores[:, DEVELOPMENT:]
    best = int(development.mean(1).argmax())
    interval = mean_interval(sealed[best].tolist(), bounds=(0.0, 1.0))
    yield CLAIMS[0], interval.low <= real[best] <= interval.high
    naive = mean_interval(development[best].tolist(), bounds=(0.0, 1.0))
    yield CLAIMS[1], naive.low <= real[best] <= naive.high
    winners = simultaneous(development, best).winner_set()
    yield CLAIMS[2], int(real.argmax()) in winners
    rivals = [row for row in range(len(means)) if row != best]
    p = [compare_paired(development[best].tolist(), development[row].tolist()).p for row in rivals]
    adjusted = holm(p, len(means) * (len(means) - 1) // 2)
    yield CLAIMS[3], not any(a < 0.05 and real[best] <= real[row] for a, row in zip(adjusted, rivals, strict=True))
    equal = table(np.full(30, 0.55), rng, binary)[:, :DEVELOPMENT]
    left = len(simultaneous(equal, int(equal.mean(1).argmax())).winner_set())
    yield CLAIMS[4], left > 1
    yield CLAIMS[5], left == 30
    pair = table([0.55, 0.55], rng, binary)[:, :DEVELOPMENT]
    yield CLAIMS[6], compare_paired(pair[0].tolist(), pair[1].tolist()).p >= 0.05
    for claim, (n, apart) in zip(CLAIMS[7:], SMALL, strict=True):
        means = 0.55 + rng.normal(0, apart, 12)
        scores = table(means, rng, binary)[:, :n]
        found = crossfit(scores, (0.0, 1.0), seed)
        real = truth(means, np.random.default_rng(7), binary)[int(scores.mean(1).argmax())]
        yield claim, found.low <= real <= found.high


if __name__ == "__main__":
    main()

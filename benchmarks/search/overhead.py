"""CPU time of one model update and choice at 4,320 configurations, by calls so far.

    OMP_NUM_THREADS=1 python benchmarks/search/overhead.py

A full grid of 5 x 3 x 4 x 3 x 3 x 4 x 2 configurations and 1,000 questions with random scores; the goal is under 50 ms
per batch. The last column is one exact posterior, which a sweep makes once, before its finals.
"""

from __future__ import annotations

import itertools
import time
from types import SimpleNamespace

import numpy as np

from ragscout.search.factor.exact import ExactPosterior
from ragscout.search.factor.model import FactorModel, choose, make_design

LEVELS = (5, 3, 4, 3, 3, 4, 2)
KINDS = ("retrieval",) * 5 + ("model", "prompt")
KNOBS = ("chunk.size", "chunk.overlap", "embed", "retriever", "prompt.passages", "generate.model", "prompt.file")
QUESTIONS, BLOCK = 1000, 10


def main() -> None:
    rng = np.random.default_rng(0)
    codes = np.array(list(itertools.product(*[range(n) for n in LEVELS])))
    effects = [rng.normal(0, 0.03, n) for n in LEVELS]
    truth = 0.55 + sum(effect[codes[:, k]] for k, effect in enumerate(effects))
    model = FactorModel(
        make_design(codes, np.ones(codes.shape, dtype=bool), KINDS, rng.normal(size=len(codes))), QUESTIONS
    )
    asked = np.zeros(len(codes), dtype=np.int64)

    def pull(rows) -> None:
        for row in rows:
            columns = rng.choice(QUESTIONS, BLOCK, replace=False)
            model.add([row] * BLOCK, columns, np.clip(truth[row] + rng.normal(0, 0.34, BLOCK), 0, 1))
            asked[row] += BLOCK

    pull(rng.choice(len(codes), 64, replace=False))
    print("| calls | configurations touched | median ms per batch | largest ms | exact ms |\n|---|---|---|---|---|")
    calls = 640
    for limit in (2_000, 6_480, 16_200, 32_400, 64_800):
        times = []
        while calls < limit:
            start = time.process_time()
            model.update()
            rows = choose(model, max(20, int(0.03 * calls / BLOCK)), BLOCK, QUESTIONS - asked, rng)
            times.append(1000 * (time.process_time() - start))
            pull(rows)
            calls += BLOCK * len(rows)
        model.update()
        start = time.process_time()
        ExactPosterior(model, SimpleNamespace(codes=codes, active=np.ones(codes.shape, dtype=bool), knobs=KNOBS))
        exact = 1000 * (time.process_time() - start)
        print(f"| {limit:,} | {int((asked > 0).sum())} | {np.median(times):.1f} | {max(times):.1f} | {exact:.0f} |")


if __name__ == "__main__":
    main()

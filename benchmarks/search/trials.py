"""Overhead of the engine's side of a search per trial, from 100 to 5,000 trials.

    OMP_NUM_THREADS=1 python benchmarks/search/trials.py

Random search over a made-up space of 5,184 configurations, one block of ten questions each, every round told to the
proposer and mirrored to an Optuna study in memory (``--study FILE`` for a journal file). CPU time without the made-up
scores; goal: the last hundred trials cost at most 1.2 times the first hundred.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np

from ragscout.search import make_proposer
from ragscout.testing.search import GOAL, MadeSpace, World, configuration

LEVELS = {"chunk.size": 6, "chunk.overlap": 4, "embed": 6, "retriever": 3, "prompt.passages": 3, "generate.model": 4}
TRIALS, HUNDRED = 5_000, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--search", default="random")
    parser.add_argument("--study", default="")
    parser.add_argument("--trials", type=int, default=TRIALS)
    given = parser.parse_args()
    rows = itertools.product(*[[str(level) for level in range(count)] for count in LEVELS.values()])
    space = MadeSpace(tuple(configuration(dict(zip(LEVELS, row, strict=True))) for row in rows))
    world = World(space, questions=10)
    options = {"start": HUNDRED, "round": 20, "stop": "none"}
    proposer = make_proposer(given.search, space, world.questions, GOAL, 0, None, options, storage=given.study)
    warm = make_proposer(given.search, space, world.questions, GOAL, 0, None, options, storage="")
    warm.tell([world.block(request) for request in warm.ask(20)])  # libraries are loaded before the clock starts
    world.asked.clear()
    spent, trials, marks = 0.0, 0, [(0, 0.0)]
    while trials < given.trials:
        start = time.process_time()
        requests = list(proposer.ask(20))
        spent += time.process_time() - start
        if not requests:
            break
        blocks = [world.block(request) for request in requests]
        start = time.process_time()
        proposer.tell(blocks)
        spent += time.process_time() - start
        trials = len(world.asked)
        if trials - marks[-1][0] >= HUNDRED:
            marks.append((trials, spent))
    each = [1000 * (b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(marks)]
    print("| trials | ms per trial |\n|---|---|")
    for (count, _), ms in zip(marks[1:], each, strict=True):
        if count % 1000 < HUNDRED or count <= 2 * HUNDRED:
            print(f"| {count} | {ms:.2f} |")
    print(f"\nlast hundred / first hundred: {each[-1] / each[0]:.2f}; median {np.median(each):.2f} ms per trial")


if __name__ == "__main__":
    main()

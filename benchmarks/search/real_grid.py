"""One complete real grid, then every search replayed on it: calls and regret on the same questions.

    OMP_NUM_THREADS=1 python benchmarks/search/real_grid.py --store grid-store [--eval-set eval_sets/handbook-ko]

Every configuration is measured (504: chunking, vectors, retriever, passages, length of an extractive answer) on
every question; nothing is sent anywhere. The searches then see the same table through the same requests and blocks,
with several seeds and limits. Regret: relative loss of the recommended row's mean against the grid's best, on these
questions. The recommended row is the best mean among the rows that answered most, as on the board.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import numpy as np

from ragscout.engine.executors import InProcess
from ragscout.engine.fill import Engine, Want
from ragscout.engine.session import open_runtime
from ragscout.engine.worker import Worker
from ragscout.model.outcome import Usage
from ragscout.model.prefixes import distinct_prefixes
from ragscout.model.results.measured import goal_value
from ragscout.search import make_proposer
from ragscout.search.contract import Block, Request
from ragscout.search.opening_moves import OpeningMoves
from ragscout.sweep import Sweep

SPEC = """
sweep: real-grid
eval_set: {eval_set}
pipeline:
  chunk:
    - {{use: characters, size: [150, 300, 600], overlap: [0, 15%]}}
    - {{use: sentences, size: [150, 300, 600]}}
  embed: {{use: hashing, dim: [256, 1024]}}
  retriever: [bm25, dense, {{use: hybrid, fusion: rrf}}, {{use: hybrid, fusion: weighted}}]
  prompt: {{use: template, passages: [1, 2, 3, 5]}}
  generate: {{use: extractive, max_chars: [150, 300]}}
measure: {{retrieval: [recall@5, ndcg@10], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: grid
holdout: 0
probe: off
"""


class Grid:
    """Every configuration on every question, filled in one go, and blocks of it."""

    def __init__(self, sweep: Sweep) -> None:
        self.prepared, self.view = sweep.prepared, sweep.view
        self.names = tuple(question.id for question in self.prepared.questions)
        asyncio.run(self._fill(sweep))
        rows = self.prepared.space.configurations
        self.scores = {item.key: sweep.view.block(Request(item, self.names, "grid"), {}).scores for item in rows}

    async def _fill(self, sweep: Sweep) -> None:
        prepared = sweep.prepared
        runtime = open_runtime(sweep.store, sweep.id, prepared.opening)
        worker = Worker(sweep.store, runtime, prepared.eval_set, prepared.questions)
        engine = Engine(sweep.store, InProcess(worker), sweep.id)
        wants = [
            Want(node, prepared.questions) for item in prepared.space.configurations for node in prepared.wanted(item)
        ]
        try:
            await engine.fill(wants)
        finally:
            await engine.close()
            await runtime.close()

    def block(self, request: Request) -> Block:
        if not request.configuration.generates:
            return self.view.block(request, {})
        scores = self.scores[request.configuration.key]
        return Block(request.configuration, {name: scores[name] for name in request.questions}, Usage())

    def mean(self, key: str) -> float:
        goal = self.prepared.goal
        values = [goal_value(outcomes.get(goal.metric), goal) for outcomes in self.scores[key].values()]
        return float(np.mean([value for value in values if value is not None]))


def replay(name, sweep, recorded, limit, seed):
    """Return (calls, row) of one search."""
    prepared = sweep.prepared
    questions = [question.id for question in prepared.questions]
    order = np.random.default_rng(seed).permutation(len(questions))
    names = [questions[i] for i in order]
    proposer = make_proposer(name, prepared.space, names, prepared.goal, seed, limit, storage=None)
    moves = OpeningMoves(proposer, names, [tuple(distinct_prefixes(prepared.space.configurations).values())])
    calls = 0
    while requests := list(moves.ask(200)) or list(moves.finals()):
        moves.restore(requests, [recorded.block(request) for request in requests])
        calls += sum(len(request.questions) for request in requests if request.configuration.generates)
    answered = proposer.outcomes.answered()
    rows = [
        row for row in proposer.space.candidates if answered[row] == answered[list(proposer.space.candidates)].max()
    ]
    return calls, max(rows, key=lambda row: (proposer.outcomes.mean(row) or 0.0, -row)), proposer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--eval-set", type=Path, default=Path(__file__).parents[2] / "eval_sets" / "handbook-ko")
    parser.add_argument("--searches", default="factor,halving,gam,greedy,random,tpe")
    parser.add_argument("--shares", default="0.05,0.1,0.2")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    given.store.mkdir(parents=True, exist_ok=True)
    path = given.store / "real-grid.yaml"
    path.write_text(SPEC.format(eval_set=given.eval_set.resolve()), encoding="utf-8")
    start, sweep = time.perf_counter(), Sweep.load(path, given.store / "store")
    recorded, goal = Grid(sweep), sweep.prepared.goal
    means = {key: recorded.mean(key) for key in recorded.scores}
    candidates = {item.key for item in sweep.prepared.space.configurations if not item.roles}
    best = max(means[key] for key in candidates)
    grid = len(candidates) * len(recorded.names)
    seconds = time.perf_counter() - start
    print(f"{len(candidates)} configurations x {len(recorded.names)} questions = {grid:,} answers in {seconds:.0f} s;")
    print(f"{goal.metric}: best {best:.3f}, median {np.median([means[key] for key in candidates]):.3f}.\n")
    print("| search | limit | answers asked | mean regret | 95th percentile | within 1 % |\n|---|---|---|---|---|---|")
    for name in given.searches.split(","):
        for share in map(float, given.shares.split(",")):
            found = [replay(name, sweep, recorded, int(share * grid), seed) for seed in range(given.seeds)]
            loss = np.array([1 - means[proposer.space.keys[row]] / best for _, row, proposer in found])
            asked = np.mean([calls for calls, _, _ in found])
            print(
                f"| {name} | {share:.0%} | {asked:,.0f} | {loss.mean():.2%} | {np.quantile(loss, 0.95):.2%} | "
                f"{np.mean(loss <= 0.01):.0%} (n {len(loss)}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Search strategies on simulated worlds: mean and 95th percentile of regret by share of the grid's calls.

    python benchmarks/search/worlds.py --scenario model --seeds 0:12 --strategies factor,reference

The worlds (``world.py``: 4,320 configurations, known population means) lie outside the repository; give their folder
with RAGSCOUT_SEARCH_WORLDS or put it at ``../shared/bench/search_world``. One JSON line per world, strategy and share
goes to ``--out``; a table of all lines is printed. Regret: relative loss of the recommended configuration's population
mean. A call is one (distinct configuration, question) pair.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from ragscout.search.factor_model import FactorModel, choose, make_design

HOME = Path(os.environ.get("RAGSCOUT_SEARCH_WORLDS", Path(__file__).parents[3] / "shared" / "bench" / "search_world"))
KINDS = ("retrieval",) * 5 + ("model", "prompt")
BLOCK = 10


def load(questions: int):
    """The world and reference-strategy modules for a number of questions."""
    os.environ["SIM_NQ"] = str(questions)
    sys.path.insert(0, str(HOME))
    return importlib.import_module("world"), importlib.import_module("strategies")


def factor(world, module, rng, checkpoints, finals: int = 0):
    """The production model and chooser, as ``search.factor`` drives them. Gives (calls, row, seconds per batch)."""
    active = np.ones(module.GRID.shape, dtype=bool)
    active[:, 2] = ~module.BM25
    model = FactorModel(make_design(module.GRID, active, KINDS, world.metric), module.NQ)
    order = np.array([rng.permutation(module.NQ) for _ in range(module.NARM)])
    asked = np.zeros(module.NARM, dtype=np.int64)
    calls, spent, found, batches = 0, 0.0, [], 0

    def pull(rows) -> None:
        nonlocal calls
        for row in rows:
            questions = order[row, asked[row] : asked[row] + BLOCK]
            model.add([row] * len(questions), questions, world.Y[row, questions])
            asked[row] += len(questions)
            calls += len(questions)

    weight = np.exp(0.7 * world.metric)
    pull(rng.choice(module.NARM, 64, replace=False, p=weight / weight.sum()).tolist())
    left = sorted(checkpoints)
    while left:
        start = time.process_time()
        model.update()
        while left and calls >= left[0]:
            seen = np.flatnonzero(asked)
            found.append((left.pop(0), int(seen[model.mean[seen].argmax()]), 1000 * spent / max(1, batches)))
        if left:
            room = module.NQ - asked
            rows = choose(model, max(20, int(0.03 * calls / BLOCK)), BLOCK, room, rng)
            spent += time.process_time() - start
            batches += 1
            pull(rows)
    return found


def run(name, world, module, strategies, seed, checkpoints):
    """(calls, row) per checkpoint of one strategy."""
    rng = np.random.default_rng([seed, 30])
    if name == "factor":
        return [(calls, row, extra) for calls, row, extra in factor(world, module, rng, checkpoints)]
    if name == "reference":
        trace = strategies.fact(world, rng, checkpoints[-1] * 1.2, list(checkpoints), lq=True, floor=0.006)
        return [(limit, row, 0.0) for limit, (_, row, _) in zip(checkpoints, trace, strict=False)]
    if name == "exhaustive":
        return [(module.GRID_CALLS, world.ex, 0.0)]
    full = {
        "random": strategies.random_full,
        "gam": strategies.additive_gam,
        "greedy": strategies.greedy,
        "gp": lambda w, r, b: strategies.optuna_full(w, r, b, "gp"),
        "tpe": lambda w, r, b: strategies.optuna_full(w, r, b, "tpe"),
    }
    if name == "halving":
        return [(limit, strategies.seq_halving(world, rng, limit)[0][1], 0.0) for limit in checkpoints]
    trace = full[name](world, rng, checkpoints[-1])
    found = []
    for limit in checkpoints:
        within = [row for calls, row, _ in trace if calls <= limit]
        if within:
            found.append((limit, within[-1], 0.0))
    return found


def table(lines) -> str:
    """Markdown: one row per scenario and strategy, one column per share of the grid's calls."""
    cells = defaultdict(list)
    for line in lines:
        cells[line["scenario"], line["questions"], line["strategy"], line["share"]].append(line["regret"])
    shares = sorted({key[3] for key in cells})
    out = ["| scenario | questions | strategy | n | " + " | ".join(f"{share:.2%}" for share in shares) + " |"]
    out.append("|" + "---|" * (4 + len(shares)))
    for key in sorted({key[:3] for key in cells}):
        row, worlds = [], 0
        for share in shares:
            regrets = cells.get((*key, share), [])
            worlds = max(worlds, len(regrets))
            if regrets:
                near = np.mean(np.array(regrets) <= 0.01)
                row.append(f"{np.mean(regrets):.2%} / {np.quantile(regrets, 0.95):.2%} ({near:.0%})")
            else:
                row.append("")
        out.append(f"| {key[0]} | {key[1]} | {key[2]} | {worlds} | " + " | ".join(row) + " |")
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="model")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seeds", default="0:4")
    parser.add_argument("--shares", default="0.0025,0.005,0.01,0.02")
    parser.add_argument("--strategies", default="factor,reference")
    parser.add_argument("--out", type=Path, default=Path("worlds.jsonl"))
    given = parser.parse_args()
    module, strategies = load(given.questions)
    checkpoints = [int(float(share) * module.GRID_CALLS) for share in given.shares.split(",")]
    first, last = map(int, given.seeds.split(":"))
    with given.out.open("a", encoding="utf-8") as out:
        for seed in range(first, last):
            world = module.World(given.scenario, seed)
            for name in given.strategies.split(","):
                for calls, row, extra in run(name, world, module, strategies, seed, checkpoints):
                    line = {
                        "scenario": given.scenario,
                        "questions": given.questions,
                        "seed": seed,
                        "strategy": name,
                        "share": round(calls / module.GRID_CALLS, 5),
                        "regret": float(1 - world.pop[row] / world.pop.max()),
                        "batch_ms": round(extra, 2),
                    }
                    out.write(json.dumps(line) + "\n")
            out.flush()
    print(table([json.loads(line) for line in given.out.read_text(encoding="utf-8").splitlines()]))


if __name__ == "__main__":
    main()

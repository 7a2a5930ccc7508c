"""Search strategies on simulated worlds: regret by share of the grid's calls.

    python benchmarks/search/worlds.py --scenario model --questions 1000 --seeds 30000:30100 --shares 0.01 \
        --strategies factor,exhaustive --out model.jsonl
    python benchmarks/search/worlds.py --table model.jsonl

The worlds (``world.py``: 4,320 configurations, 3,240 of them distinct, known population means) lie outside the
repository; give their folder with RAGSCOUT_SEARCH_WORLDS or put it at ``../shared/bench/search_world``. One JSON line
per world, strategy and share goes to ``--out``; lines that are there are not computed again. Regret: relative loss of
the recommended configuration's population mean. A call is one (distinct configuration, question) pair.

``factor``: the proposer of ``search: factor`` as a sweep drives it, under a far limit, judged when it has spent the
share: finals outside the count. ``factor+finals``: the same with the share as its limit on answers, finals inside;
what it names is the best mean among the complete rows, as on the board. ``model``: the factor model and its chooser
without the proposer around them, named by the fast posterior. ``reference``: the factor search that came with the
worlds (``FACT2``). The others are the strategies of the worlds' own harness, which measure every configuration they
touch on all questions (``gp``, ``tpe``: Optuna's samplers as they come).
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from ragscout.model.outcome import Score, Usage
from ragscout.model.prefixes import distinct_prefixes
from ragscout.model.results.board import Goal
from ragscout.search import make_proposer
from ragscout.search.contract import Block
from ragscout.search.factor.model import FactorModel, choose, make_design
from ragscout.search.opening_moves import OpeningMoves
from ragscout.testing.search import MadeSpace, configuration

HOME = Path(os.environ.get("RAGSCOUT_SEARCH_WORLDS", Path(__file__).parents[3] / "shared" / "bench" / "search_world"))
KINDS = ("retrieval",) * 5 + ("model", "prompt")
KNOBS = ("chunk.size", "chunk.overlap", "embed", "retriever", "prompt.passages", "generate.model", "prompt.file")
GOAL = Goal("quality")
BLOCK = 10


def load(questions: int):
    """Load the world and reference-strategy modules for a number of questions."""
    os.environ["SIM_NQ"] = str(questions)
    sys.path.insert(0, str(HOME))
    return importlib.import_module("world"), importlib.import_module("strategies")


@functools.cache
def made_space(module):
    """Return the worlds' configurations as the product knows them; a lexical one has no embedder."""
    rows = []
    for levels in module.GRID:
        knobs = {name: str(level) for name, level in zip(KNOBS, levels, strict=True)}
        if levels[3] == 1:
            del knobs["embed"]
        rows.append(configuration(knobs))
    assert len({row.key for row in rows}) == module.NARM
    return MadeSpace(tuple(rows)), {row.key: arm for arm, row in enumerate(rows)}


class Driver:
    """Plays the engine for the factor search on one world."""

    def __init__(self, world, module, limit, seed):
        space, self.arm = made_space(module)
        self.world, self.names = world, [f"q{number}" for number in range(module.NQ)]
        self.column = {name: number for number, name in enumerate(self.names)}
        self.search = make_proposer("factor", space, self.names, GOAL, seed, limit, storage=None)
        prefixes = distinct_prefixes(space.configurations)
        self.proposer = OpeningMoves(self.search, self.names, [tuple(prefixes.values())])
        self.calls, self.seconds, self.rounds = 0, 0.0, 0
        self.prefix = {row.retrieval().key: world.metric[self.arm[row.key]] for row in space.configurations}

    def step(self, final: bool = False) -> bool:
        """One round; false when nothing is asked."""
        start = time.process_time()
        requests = self.proposer.finals() if final else self.proposer.ask(10_000)
        blocks = [self.block(request) for request in requests]
        if blocks:
            self.proposer.restore(requests, blocks)
        self.seconds += time.process_time() - start
        self.rounds += 1
        return bool(blocks)

    def block(self, request) -> Block:
        key = request.configuration.key
        if key not in self.arm:
            value = float(self.prefix[key])
            return Block(request.configuration, {self.names[0]: {"ndcg@10": Score(value)}}, Usage())
        row = self.world.Y[self.arm[key]]
        self.calls += len(request.questions)
        scores = {name: {GOAL.metric: Score(float(row[self.column[name]]))} for name in request.questions}
        return Block(request.configuration, scores, Usage())

    def named(self) -> int:
        """Return the configuration with the highest posterior mean among those measured."""
        posterior = self.search.posterior(exact=True)
        seen = np.flatnonzero(self.search.outcomes.answered())
        return int(seen[posterior.mean[seen].argmax()])

    def claim(self, row: int) -> tuple[float, bool]:
        """Posterior probability of being within 3 % of the best, and whether the fit check allows to show it."""
        claims = self.search.claims(exact=True)
        return claims[self.search.space.keys[row]].near, self.search.fit().passed


def factor(world, module, seed, checkpoints):
    """Return (calls, row, more) when each share is spent; the limit of the search itself is the whole grid."""
    driver, found = Driver(world, module, module.GRID_CALLS, seed), []
    for limit in sorted(checkpoints):
        going = True
        while going and driver.calls < limit:
            going = driver.step()
        row = driver.named()
        near, passed = driver.claim(row)
        fit = driver.search.fit()
        more = {
            "spent": driver.calls,
            "claim": round(near, 3),
            "fit": passed,
            "spread": round(fit.spread, 3),
            "interaction": round(fit.interaction, 3),
            "round_ms": round(1000 * driver.seconds / driver.rounds, 1),
        }
        found.append((limit, row, more))
    return found


def factor_with_finals(world, module, seed, checkpoints):
    """Return the same with a limit on answers; one whole search per share."""
    found = []
    for limit in checkpoints:
        driver = Driver(world, module, limit, seed)
        while driver.step() or driver.step(final=True):
            pass
        assert driver.calls <= limit
        answered = driver.search.outcomes.answered()
        complete = np.flatnonzero(answered == answered.max())
        means = [driver.search.outcomes.mean(int(row)) for row in complete]
        found.append((limit, int(complete[int(np.argmax(means))]), {"spent": driver.calls, "named": driver.named()}))
    return found


def model_only(world, module, rng, checkpoints):
    """Run the model and the chooser alone, from a start weighted by the retrieval metric."""
    active = np.ones(module.GRID.shape, dtype=bool)
    active[:, 2] = ~module.BM25
    model = FactorModel(make_design(module.GRID, active, KINDS, world.metric), module.NQ)
    order = np.array([rng.permutation(module.NQ) for _ in range(module.NARM)])
    asked = np.zeros(module.NARM, dtype=np.int64)
    calls, found = 0, []

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
        model.update()
        while left and calls >= left[0]:
            seen = np.flatnonzero(asked)
            found.append((left.pop(0), int(seen[model.mean[seen].argmax()]), {}))
        if left:
            pull(choose(model, max(20, int(0.03 * calls / BLOCK)), BLOCK, module.NQ - asked, rng))
    return found


def run(name, world, module, strategies, seed, checkpoints):
    """Return (calls, row, more) per checkpoint of one strategy."""
    rng = np.random.default_rng([seed, 30])
    if name == "exhaustive":
        return [(module.GRID_CALLS, world.ex, {})]
    if name == "factor":
        return factor(world, module, seed, checkpoints)
    if name == "factor+finals":
        return factor_with_finals(world, module, seed, checkpoints)
    if name == "model":
        return model_only(world, module, rng, checkpoints)
    if name == "reference":
        trace = strategies.fact(world, rng, 1.2 * checkpoints[-1], list(checkpoints), lq=True, floor=0.006)
        return [(limit, row, {}) for limit, (_, row, _) in zip(checkpoints, trace, strict=True)]
    if name == "halving":
        return [(limit, strategies.seq_halving(world, rng, limit)[0][1], {}) for limit in checkpoints]
    full = {
        "random": strategies.random_full,
        "gam": strategies.additive_gam,
        "greedy": strategies.greedy,
        "gp": lambda w, r, b: strategies.optuna_full(w, r, b, "gp"),
        "tpe": lambda w, r, b: strategies.optuna_full(w, r, b, "tpe"),
    }
    trace = full[name](world, rng, checkpoints[-1])
    found = []
    for limit in checkpoints:
        within = [row for calls, row, _ in trace if calls <= limit]
        if within:
            found.append((limit, within[-1], {}))
    return found


def table(lines) -> str:
    """Markdown: one row per scenario and strategy, one column per share of the grid's calls; n where it differs."""
    cells = defaultdict(dict)
    for line in lines:
        key = line["scenario"], line["questions"], line["strategy"], line["share"]
        cells[key][line["seed"]] = line["regret"]
    shares = sorted({key[3] for key in cells})
    out = ["| scenario | questions | strategy | " + " | ".join(f"{share:.1%}" for share in shares) + " |"]
    out.append("|" + "---|" * (3 + len(shares)))
    for key in sorted({key[:3] for key in cells}):
        row = []
        for share in shares:
            regrets = np.array(list(cells.get((*key, share), {}).values()))
            if len(regrets):
                near, error = (
                    np.mean(regrets <= 0.01),
                    regrets.std(ddof=1) / len(regrets) ** 0.5 if len(regrets) > 1 else 0,
                )
                row.append(
                    f"{100 * regrets.mean():.2f} ± {100 * error:.2f} / {100 * np.quantile(regrets, 0.95):.2f} "
                    f"({near:.0%}, n {len(regrets)})"
                )
            else:
                row.append("")
        out.append(f"| {key[0]} | {key[1]} | {key[2]} | " + " | ".join(row) + " |")
    return "\n".join(out)


def paired(lines) -> str:
    """Return the factor search against every other strategy on the same worlds, at the same share of calls; against the
    complete grid at every share."""
    regrets = defaultdict(dict)
    for line in lines:
        regrets[line["scenario"], line["questions"], line["share"], line["strategy"]][line["seed"]] = line["regret"]
    out = ["| scenario | questions | share | compared with | worlds | factor | other | difference |", "|" + "---|" * 8]
    for scenario, questions, share, name in sorted(regrets):
        if name != "factor":
            continue
        mine = regrets[scenario, questions, share, name]
        others = {key[3] for key in regrets if key[:2] == (scenario, questions)} - {"factor"}
        for other in sorted(others):
            at = 1.0 if other == "exhaustive" else share
            theirs = regrets.get((scenario, questions, at, other), {})
            both = sorted(mine.keys() & theirs.keys())
            if len(both) < 2:
                continue
            a, b = (100 * np.array([side[seed] for seed in both]) for side in (mine, theirs))
            error = (a - b).std(ddof=1) / len(both) ** 0.5
            shown = " | ".join(f"{side.mean():.2f} ({np.mean(side <= 1):.0%})" for side in (a, b))
            out.append(
                f"| {scenario} | {questions} | {share:.1%} | {other} | {len(both)} | {shown} | "
                f"{(a - b).mean():+.2f} ± {error:.2f} |"
            )
    return "\n".join(out)


def claims(lines) -> str:
    """How often a claim that the board would show (within 3 % of the best, probability at least 97 %, fit check passed)
    was true, per scenario."""
    found = defaultdict(list)
    for line in lines:
        if line.get("claim", 0) >= 0.97:
            kind = "shown" if line["fit"] else "held back by the fit check"
            found[line["scenario"], line["questions"], kind].append(line["regret"] <= 0.03)
    out = ["| scenario | questions | claim | true |", "|---|---|---|---|"]
    for (scenario, questions, kind), hits in sorted(found.items()):
        out.append(f"| {scenario} | {questions} | {kind} | {sum(hits)} of {len(hits)} |")
    return "\n".join(out)


def lines_of(path: Path):
    """Lines written so far; a last line that was cut off is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="model")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seeds", default="0:4")
    parser.add_argument("--shares", default="0.005,0.01,0.02,0.05")
    parser.add_argument("--strategies", default="factor,exhaustive")
    parser.add_argument("--out", type=Path, default=Path("worlds.jsonl"))
    parser.add_argument("--table", type=Path, nargs="*", help="only print the table of these files")
    given = parser.parse_args()
    if given.table:
        lines = [line for path in given.table for line in lines_of(path)]
        print(table(lines), paired(lines), claims(lines), sep="\n\n")
        return
    module, strategies = load(given.questions)
    checkpoints = [int(float(share) * module.GRID_CALLS) for share in given.shares.split(",")]
    first, last = map(int, given.seeds.split(":"))
    done = {(line["scenario"], line["questions"], line["seed"], line["strategy"]) for line in lines_of(given.out)}
    with given.out.open("a", encoding="utf-8") as out:
        for seed in range(first, last):
            wanted = given.strategies.split(",")
            wanted = [name for name in wanted if (given.scenario, given.questions, seed, name) not in done]
            world = module.World(given.scenario, seed) if wanted else None
            for name in wanted:
                start = time.process_time()
                for calls, row, more in run(name, world, module, strategies, seed, checkpoints):
                    line = {
                        "scenario": given.scenario,
                        "questions": given.questions,
                        "seed": seed,
                        "strategy": name,
                        "share": round(calls / module.GRID_CALLS, 5),
                        "regret": float(1 - world.pop[row] / world.pop.max()),
                        "seconds": round(time.process_time() - start, 1),
                        **more,
                    }
                    if "named" in more:
                        line["regret_posterior"] = float(1 - world.pop[more.pop("named")] / world.pop.max())
                        line.pop("named")
                    out.write(json.dumps(line) + "\n")
                    out.flush()


if __name__ == "__main__":
    main()

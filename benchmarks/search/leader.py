"""Which row leads: the highest plain mean, or the highest posterior mean.

    OMP_NUM_THREADS=1 python benchmarks/search/leader.py [--seeds 50000:50060]

Small simulated sweeps of the factor search (216 configurations, 80 questions, 1,500 answers), additive and with
interactions. Regret of the leader among the deepest rows in per cent of the best configuration's true mean; where the
model's check passed, by the factor model's posterior; and how often the posterior's 95 % interval holds a row's true
mean beside the others. Also the time that ordering a board of 62 rows and 80 questions takes.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np

from ragscout.board.effects import Effects
from ragscout.search import make_proposer
from ragscout.stats.shrinkage import believed
from ragscout.testing.search import GOAL, MadeSpace, World, configuration, play

QUESTIONS, ANSWERS = 80, 1500
KNOBS = {"chunk.size": "abcd", "embed": "xyz", "retriever": "uvw", "prompt.passages": "35", "generate.model": "lmn"}


def space() -> MadeSpace:
    return MadeSpace(
        tuple(configuration(dict(zip(KNOBS, values, strict=True))) for values in itertools.product(*KNOBS.values()))
    )


def world(made: MadeSpace, seed: int, interaction: float) -> tuple[World, dict[str, float]]:
    """Scores with an additive part of sd 4 points per knob and an own part of each configuration; true means."""
    found = World(made, QUESTIONS, seed, spread=0.04, noise=0.0)
    rng = np.random.default_rng([seed, 1])
    hard = rng.normal(0, 0.2, QUESTIONS)
    truth = {}
    for row in made.configurations:
        truth[row.key] = found.mean[row.key] + float(rng.normal(0, interaction))
        found.table[row.key] = truth[row.key] + hard + rng.normal(0, 0.3, QUESTIONS)
    return found, truth


def one(made: MadeSpace, seed: int, interaction: float) -> dict[str, float]:
    found, truth = world(made, seed, interaction)
    questions = found.questions
    play(make_proposer("factor", made, questions, GOAL, seed, ANSWERS, storage=None), found)
    asked = {row.key: found.asked[row.key] for row in made.configurations if row.key in found.asked}
    column = {question: place for place, question in enumerate(questions)}
    values, scored = np.zeros((len(asked), QUESTIONS)), np.zeros((len(asked), QUESTIONS), dtype=bool)
    for place, (key, names) in enumerate(asked.items()):
        at = [column[name] for name in names]
        values[place, at], scored[place, at] = found.table[key][at], True
    depth = sorted(scored.sum(1))[-3]
    keys, complete = list(asked), scored.sum(1) >= depth
    means, own = believed(values, scored)
    best = max(truth.values())

    def regret(order) -> float:
        leader = max((order[i], key) for i, key in enumerate(keys) if complete[i])[1]
        return 100 * (1 - truth[leader] / best)

    true = np.array([truth[key] for key in keys])[complete]
    pulled = np.array([item.mean for item in own])[complete]
    sd = np.array([item.sd for item in own])[complete]
    off = (pulled - true) - (pulled - true).mean()
    said = {"plain mean": regret(means), "rows' posterior": regret([item.mean for item in own])}
    said["rows' interval holds"] = float((np.abs(off) < 1.96 * sd).mean())
    scores = {key: block_scores(found, key, names, column) for key, names in asked.items()}
    model = Effects(made.configurations, scores, questions, GOAL).posterior()
    if model:
        said["plain mean, where the check passed"] = said["plain mean"]
        said["factor posterior, where the check passed"] = regret([model[key].mean for key in keys])
        pulled = np.array([model[key].mean for key in keys])[complete]
        off = (pulled - true) - (pulled - true).mean()
        wide = np.maximum(sd, np.array([model[key].sd for key in keys])[complete])
        said["factor model's interval holds"] = float((np.abs(off) < 1.96 * wide).mean())
    return said


def block_scores(found: World, key: str, names, column):
    from ragscout.model.outcome import Score

    return {name: {GOAL.metric: Score(float(found.table[key][column[name]]))} for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="50000:50060")
    first, last = map(int, parser.parse_args().seeds.split(":"))
    made = space()
    print("| worlds | figure | mean | n |\n|---|---|---|---|")
    for name, interaction in (("additive", 0.0), ("own part of sd 2 points", 0.02), ("own part of sd 5 points", 0.05)):
        found: dict[str, list[float]] = {}
        for seed in range(first, last):
            for figure, value in one(made, seed, interaction).items():
                found.setdefault(figure, []).append(value)
        for figure, values in found.items():
            error = np.std(values) / len(values) ** 0.5
            shown = f"{np.mean(values):.1%}" if "holds" in figure else f"{np.mean(values):.2f} ± {error:.2f} %"
            print(f"| {name} | {figure} | {shown} | {len(values)} |", flush=True)
    table = np.random.default_rng(0).random((62, 80))
    started = time.process_time()
    for _ in range(20):
        believed(table, np.ones(table.shape, dtype=bool))
    print(f"\nOrdering 62 rows of 80 questions: {(time.process_time() - started) / 20 * 1000:.1f} ms.")


if __name__ == "__main__":
    main()

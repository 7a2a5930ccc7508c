"""Does a corpus sample rank retrieval as the whole corpus does, and what does it save?

    OMP_NUM_THREADS=1 python benchmarks/search/corpus_sample.py --store sample-store --data ../shared/data \
        --questions squad2-en --others hotpotqa-multihop-en,clapnq-longform-en,pubmedqa-en,covidqa-en --shares 0.125

Questions are one set's, documents that set's and those of the others. Every retrieval prefix (chunk sizes, encoders,
bm25, dense, hybrid) is measured on the whole corpus and, in a store of its own so that nothing is shared, on samples of
the given shares. Shown: seconds of both (wall clock, one process), Spearman's rank correlation of the prefixes, the
figure on the whole corpus that is lost by taking the prefix that is best on the sample, and how many of the best
quarter are the same.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from ragscout.engine.executors import InProcess
from ragscout.engine.fill import Engine, Want
from ragscout.engine.session import open_runtime
from ragscout.engine.worker import Worker
from ragscout.search.contract import Request
from ragscout.sweep import Sweep

SPEC = """
sweep: sampled
eval_set: {eval_set}
pipeline:
  chunk: {{use: characters, size: [{sizes}], overlap: 0}}
  embed: [{encoders}]
  retriever: [bm25, dense, {{use: hybrid, fusion: rrf}}]
  prompt: {{use: template, passages: [1, 3, 5]}}
  generate: {{use: extractive, max_chars: [150, 300]}}
measure: {{retrieval: [recall@5, ndcg@10], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: {{use: factor, screen: {{sample: {sample}}}}}
holdout: 0
probe: off
"""
FIGURES = ("recall@5", "ndcg@10")


def merged(data: Path, questions: str, others: list[str], folder: Path) -> Path:
    """Return an evaluation set of one set's questions over several sets' documents."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [(data / name / "corpus.jsonl").read_text(encoding="utf-8") for name in (questions, *others)]
    (folder / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "questions.jsonl").write_bytes((data / questions / "questions.jsonl").read_bytes())
    return folder


async def fill(sweep: Sweep, wanted: list) -> None:
    prepared = sweep.prepared
    runtime = open_runtime(sweep.store, sweep.id, prepared.opening)
    engine = Engine(
        sweep.store, InProcess(Worker(sweep.store, runtime, prepared.eval_set, prepared.questions)), sweep.id
    )
    try:
        filled = await engine.fill(
            [Want(node, prepared.questions) for item in wanted for node in prepared.wanted(item)]
        )
        assert not filled.failed, filled.failed
    finally:
        await engine.close()
        await runtime.close()


def measured(sweep: Sweep, items: list) -> tuple[float, dict[str, list[float]]]:
    """Seconds of filling, and each figure's mean by prefix."""
    start = time.perf_counter()
    asyncio.run(fill(sweep, items))
    seconds = time.perf_counter() - start
    names = [question.id for question in sweep.prepared.questions]
    found: dict[str, list[float]] = {figure: [] for figure in FIGURES}
    for item in items:
        scores = sweep.view.block(Request(item, tuple(names), "sampled"), {}).scores
        for figure in FIGURES:
            values = [got[figure].value for got in scores.values() if hasattr(got.get(figure), "value")]
            found[figure].append(float(np.mean(values)))
    return seconds, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--questions", default="squad2-en")
    parser.add_argument("--others", default="hotpotqa-multihop-en,clapnq-longform-en,pubmedqa-en,covidqa-en")
    parser.add_argument("--shares", default="0.125")
    parser.add_argument("--sizes", default="300, 600, 1200")
    parser.add_argument("--encoders", default="wordllama, use-multilingual, hashing")
    given = parser.parse_args()
    eval_set = merged(
        given.data, given.questions, [name for name in given.others.split(",") if name], given.store / "set"
    )

    def sweep(sample: str, store: str) -> Sweep:
        path = given.store / f"{store}.yaml"
        text = SPEC.format(eval_set=eval_set.resolve(), sizes=given.sizes, encoders=given.encoders, sample=sample)
        path.write_text(text, encoding="utf-8")
        return Sweep.load(path, given.store / store)

    full = sweep("off", "whole")
    prefixes = [item for group in full.prefixes for item in group]
    seconds, whole = measured(full, prefixes)
    print(
        f"{len(prefixes)} prefixes, {len(full.prepared.questions)} questions; whole corpus: {seconds:.0f} s\n",
        flush=True,
    )
    print("| sample | documents | evidence | seconds | figure | Spearman | lost | best quarter kept |\n|" + "---|" * 8)
    for share in map(float, given.shares.split(",")):
        other = sweep(f"{share:.3%}", f"sample-{share:g}")
        on = [other.prepared.sampled[item.key] for item in prefixes]
        took, found = measured(other, on)
        notes = other.store.ledger.value(on[0].source.key).notes
        for figure in FIGURES:
            rho = spearmanr(found[figure], whole[figure]).statistic
            values = np.array(whole[figure])
            lost = values.max() - values[int(np.argmax(found[figure]))]
            quarter = max(1, len(prefixes) // 4)
            kept = set(np.argsort(-values)[:quarter]) & set(np.argsort(-np.array(found[figure]))[:quarter])
            held = f"{notes['documents']:.0f} of {notes['of']:.0f} | {notes['evidence']:.0f}"
            print(
                f"| {share:.3%} | {held} | {took:.0f} | {figure} | {rho:.2f} | {100 * lost:.1f} points | "
                f"{len(kept)} of {quarter} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Do generated questions rank retrieval configurations as hand-written ones do? No chat model is asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ragscout.steps  # noqa: F401 - fills the registry
from ragscout.curate.pooling import read_corpus
from ragscout.curate.seeding import SeedPlace, seeds
from ragscout.data import open_eval_set
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.evalset import Question, Span
from ragscout.model.outcome import Query, Score
from ragscout.model.step import make
from ragscout.model.values import Corpus
from ragscout.plan.setup import open_store
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.providers.tokenize import sentences
from ragscout.steps.measure.tokens import content_words
from ragscout.store.ledger import SpendLimits

ROOT = Path(__file__).resolve().parents[3]
SETS = ("handbook-en", "handbook-ko", "libreoffice-ko", "postgres-en")
SIZES = (400, 800, 1600)
MOST, WORDS, DRAWS = 150, 4, 1000
METRICS = {"ndcg@10": ("ndcg", 10), "recall@5": ("recall", 5)}


def rare(corpus: Corpus) -> Counter[str]:
    """In how many documents' sentences a word stands."""
    counts: Counter[str] = Counter()
    for document in corpus.documents:
        for start, end in sentences(document.text):
            counts.update(set(content_words(document.text[start:end])))
    return counts


def chosen(place: SeedPlace) -> str:
    """One sentence of a span, by a hash of where it stands; short ones only where there is no other."""
    found = [place.text[start:end].strip() for start, end in sentences(place.text)]
    long = [text for text in found if len(content_words(text)) >= WORDS] or found
    drawn = hashlib.sha256(f"{place.document}\x00{place.start}".encode()).digest()[0]
    return long[drawn % len(long)]


def generated(corpus: Corpus, kind: str) -> list[Question]:
    """Questions by rule, one a span. ``sentence``: a sentence of the span (inverse cloze); ``keywords``: its rarest
    words, the very rarest left out, as somebody searches who lacks the one right term."""
    counts, made = rare(corpus), []
    for number, seed in enumerate(seeds(corpus, MOST, 0, 0.0)):
        (place,) = seed.places
        text = chosen(place)
        if kind == "keywords":
            words = sorted(set(content_words(text)), key=lambda word: (counts[word], word))[1 : WORDS + 1]
            text = " ".join(word for word in content_words(text) if word in words)
        if not text:
            continue
        digest = hashlib.sha256(corpus.by_id()[place.document].text.encode()).hexdigest()
        span = Span(place.document, place.text, place.start, place.end, 0, digest)
        made.append(Question(f"{kind}-{number}", text, evidence=(span,)))
    return made


async def scored(corpus: Corpus, sets: Mapping[str, Sequence[Question]], runtime: Any) -> dict[str, dict[str, Any]]:
    """Set of questions, metric -> scores of shape (configurations, questions)."""
    every = [question for questions in sets.values() for question in questions]
    queries = [Query((question.text,)) for question in every]
    gold = await make("evidence", "place").run(runtime, every, corpus=corpus)  # type: ignore[attr-defined]
    rows: dict[str, list[list[float]]] = {name: [] for name in METRICS}
    names = []
    for size in SIZES:
        chunks = await make("chunk", "characters", {"size": size, "overlap": 0}).run(runtime, corpus=corpus)  # type: ignore[attr-defined]
        found: dict[str, Any] = {}
        for label, parameters in (("bm25", {}), ("bm25 without stems", {"stem": False, "tokenizer": "characters"})):
            lexicon = await make("lexicon", "bm25", parameters).run(runtime, chunk=chunks)  # type: ignore[attr-defined]
            found[label] = await make("lexical", "bm25").run(runtime, every, query=queries, lexicon=lexicon)  # type: ignore[attr-defined]
        for label, step, parameters in (("dense", "use-multilingual", {}), ("static", "static", {})):
            embed = make("embed", step, parameters)
            embedded = await embed.run(runtime, chunk=chunks)  # type: ignore[attr-defined]
            index = await make("index", "lancedb").run(runtime, chunk=chunks, embed=embedded)  # type: ignore[attr-defined]
            found[label] = await make("dense", "nearest").run(runtime, every, query=queries, index=index)  # type: ignore[attr-defined]
        fuse = make("fuse", "rrf")
        found["hybrid"] = await fuse.run(runtime, every, dense=found["dense"], lexical=found["bm25"])  # type: ignore[attr-defined]
        for label, rankings in found.items():
            names.append(f"{label}, {size}")
            for name, (step, k) in METRICS.items():
                metric = make("measure", step, {"k": k})
                cells = await metric.run(runtime, every, chunk=chunks, evidence=gold, rerank=rankings)  # type: ignore[attr-defined]
                values = [cell[name] for cell in cells]
                rows[name].append([item.value if isinstance(item, Score) else -1.0 for item in values])
    made: dict[str, dict[str, Any]] = {"names": {"all": names}}
    at = 0
    for kind, questions in sets.items():
        made[kind] = {}
        for name, values in rows.items():
            part = np.array(values)[:, at : at + len(questions)]
            made[kind][name] = part[:, (part >= 0).all(axis=0)]
        at += len(questions)
    return made


def tau(one: np.ndarray, two: np.ndarray) -> float:
    """Kendall's tau-b of two vectors of means; 0 where one of them ties throughout."""
    upper = np.triu_indices(len(one), 1)
    a, b = (np.sign((values[:, None] - values[None, :]).round(9))[upper] for values in (one, two))
    norm = np.sqrt((a != 0).sum() * (b != 0).sum())
    return float((a * b).sum() / norm) if norm else 0.0


def compared(hand: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """tau and regret with 95 % intervals of a bootstrap over the questions of both sets. Regret: how much worse, on the
    hand-written questions, the configuration is that the generated ones pick."""
    draws = []
    for _ in range(DRAWS):
        one = hand[:, rng.integers(hand.shape[1], size=hand.shape[1])].mean(axis=1)
        two = other[:, rng.integers(other.shape[1], size=other.shape[1])].mean(axis=1)
        draws.append((tau(one, two), one.max() - one[two.argmax()]))
    low, high = np.percentile(np.array(draws), [2.5, 97.5], axis=0)
    one, two = hand.mean(axis=1), other.mean(axis=1)
    return {
        "tau": round(tau(one, two), 2),
        "tau 95 %": [round(float(low[0]), 2), round(float(high[0]), 2)],
        "regret": round(float(one.max() - one[two.argmax()]), 3),
        "regret 95 %": [round(float(low[1]), 3), round(float(high[1]), 3)],
        "mean": round(float(two.mean()), 3),
        "questions": other.shape[1],
    }


def halves(hand: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """tau between two random halves of the hand-written questions: what agreement to expect of the same kind."""
    found = []
    for _ in range(DRAWS):
        order = rng.permutation(hand.shape[1])
        one, two = order[: len(order) // 2], order[len(order) // 2 :]
        found.append(tau(hand[:, one].mean(axis=1), hand[:, two].mean(axis=1)))
    low, high = np.percentile(found, [2.5, 97.5])
    return {"tau": round(float(np.mean(found)), 2), "tau 95 %": [round(float(low), 2), round(float(high), 2)]}


async def measured(name: str, place: Path) -> list[dict[str, Any]]:
    """Rows of one bundled set."""
    store = open_store(place)
    eval_set = open_eval_set(str(ROOT / "eval_sets" / name), blobs=store.blobs, registry=store.ledger, base=ROOT)
    runtime = EngineRuntime(store, f"study:{name}", Resolver(policy=NetworkPolicy()), {}, SpendLimits())
    corpus = await read_corpus(eval_set.files, store.blobs.read, runtime)
    sets = {"hand-written": [item for item in eval_set.questions_ if item.answerable and item.evidence]}
    sets |= {kind: generated(corpus, kind) for kind in ("sentence", "keywords")}
    found = await scored(corpus, sets, runtime)
    await runtime.close()
    rng, rows = np.random.default_rng(0), []
    for metric in METRICS:
        hand = found["hand-written"][metric]
        best = found["names"]["all"][int(hand.mean(axis=1).argmax())]
        base = {"set": name, "metric": metric}
        mean = {"mean": round(float(hand.mean()), 3), "questions": hand.shape[1], "best": best}
        rows.append({**base, "kind": "hand-written, halves", **halves(hand, rng), **mean})
        for kind in ("sentence", "keywords"):
            other = found[kind][metric]
            best = found["names"]["all"][int(other.mean(axis=1).argmax())]
            rows.append({**base, "kind": kind, **compared(hand, other, rng), "best": best})
    examples = {kind: [item.text for item in random.Random(0).sample(sets[kind], 3)] for kind in sets}
    return [*rows, {"set": name, "examples": examples}]


def main() -> None:
    """Print one JSON line per set, metric and kind of question."""
    with tempfile.TemporaryDirectory() as place:
        for name in sys.argv[1:] or SETS:
            for row in asyncio.run(measured(name, Path(place))):
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()

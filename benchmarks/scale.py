"""Growth of time and memory with the corpus: upload, parse, chunk, lexicon, each stage in a process of its own.

    python benchmarks/scale.py 1000 10000 100000 --characters 1000 [--language ko] [--stages upload corpus]
    python benchmarks/scale.py 100000 --characters 10000 --new-words 300 --folder /tmp/gigabyte

Prints one JSON line per size and stage: seconds, peak resident memory (MB), megabytes of text and of it per second.
With ``--folder`` what the stages made stays there, and a stage can run again by itself. ``--from FOLDER`` draws the
sentences of real files instead of words by Zipf's law.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STAGES = ("upload", "corpus", "chunk", "lexicon", "search", "questions")
SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초"


def word(rng: random.Random, language: str) -> str:
    if language == "ko":
        return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4)))
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9)))


def drawn_sentences(file: Path, documents: int, characters: int, source: Path) -> None:
    """Documents of sentences drawn from the files of a folder: real text, whose vocabulary does not grow."""
    from ragscout.providers.tokenize import sentences

    rng, pool = random.Random(1), []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        pool += [" ".join(text[start:end].split()) for start, end in sentences(text)]
    with file.open("w", encoding="utf-8") as out:
        for number in range(documents):
            parts: list[str] = []
            while sum(map(len, parts)) + len(parts) < characters:
                parts.append(rng.choice(pool))
            row = {"doc_id": f"d{number}", "title": f"Document {number}", "text": " ".join(parts)[:characters]}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def make_corpus(file: Path, documents: int, characters: int, language: str, new_words: int) -> None:
    """Documents of words drawn by Zipf's law from 50,000, with a sentence end every twelve words; every
    ``new_words``-th word (0: none) is drawn anew, so that the vocabulary grows with the corpus as in real text."""
    rng = random.Random(1)
    known = [word(rng, language) for _ in range(50_000)]
    weights = [1 / (rank + 1) for rank in range(len(known))]
    pool = rng.choices(known, weights, k=1_000_000)
    with file.open("w", encoding="utf-8") as out:
        for number in range(documents):
            parts: list[str] = []
            size = 0
            at = rng.randrange(len(pool) - 1)
            while size < characters:
                at = (at + 1) % len(pool)
                fresh = new_words and len(parts) % new_words == new_words - 1
                drawn = word(rng, language) + word(rng, language) if fresh else pool[at]
                parts.append(drawn + ("." if len(parts) % 12 == 11 else ""))
                size += len(parts[-1]) + 1
            row = {"doc_id": f"d{number}", "title": f"Document {number}", "text": " ".join(parts)[:characters]}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def make_questions(file: Path, questions: int, documents: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        for number in range(questions):
            row = {"id": f"q{number}", "question": f"What is {number}?", "answers": [f"{number}"]}
            out.write(json.dumps(row | {"gold_doc_ids": [f"d{number % documents}"]}) + "\n")


class Quiet:
    """A runtime that notes reports."""

    def __init__(self) -> None:
        self.reports: dict[str, float] = {}

    def report(self, node: str, what: str, value: float) -> None:
        self.reports[what] = value


def stage(name: str, place: Path, lexicon_step: str, tokenizer: str) -> dict[str, Any]:
    """Run one stage on what the stage before left in the folder."""
    import ragscout.steps  # noqa: F401 - fills the registry
    from ragscout.data import load_manifest, upload
    from ragscout.model.step import make
    from ragscout.model.values import Source, codec
    from ragscout.store.store import Store

    store = Store.open(place / "store")
    runtime = Quiet()

    def save(stage_name: str, value: Any) -> None:
        shutil.rmtree(place / stage_name, ignore_errors=True)
        (place / stage_name).mkdir()
        codec(stage_name).save(value, place / stage_name)

    def load(stage_name: str) -> Any:
        return codec(stage_name).load(place / stage_name)

    if name in ("upload", "questions"):
        file = place / ("corpus.jsonl" if name == "upload" else "questions.jsonl")
        done = upload([file], blobs=store.blobs, registry=store.ledger, name="scale")
        return {"documents": done.report.documents, "questions": done.report.questions}
    if name == "corpus":
        row = store.ledger.evalset("scale")
        assert row is not None
        held = load_manifest(store.blobs, row.manifest)
        corpus = asyncio.run(make("corpus", "parse").run(runtime, source=Source(held.files, store.blobs.read)))  # type: ignore[attr-defined]
        save("corpus", corpus)
    elif name == "chunk":
        save("chunk", asyncio.run(make("chunk", "characters").run(runtime, corpus=load("corpus"))))  # type: ignore[attr-defined]
    elif name == "lexicon":
        made = make("lexicon", lexicon_step, {"tokenizer": tokenizer})
        save("lexicon", asyncio.run(made.run(runtime, chunk=load("chunk"))))  # type: ignore[attr-defined]
    elif name == "search":
        lexicon, chunks = load("lexicon"), load("chunk")
        queries = [chunks.text[at][:80] for at in range(0, len(chunks), max(1, len(chunks) // 50))][:50]
        started = time.perf_counter()
        hits = [lexicon.search(text, 20).hits for text in queries]
        seconds = (time.perf_counter() - started) / len(queries)
        found = sum(
            any(chunks.text[hit.chunk][:80] == text for hit in found) for text, found in zip(queries, hits, strict=True)
        )
        return {"seconds_per_query": round(seconds, 4), "found": found, "queries": len(queries)}
    return dict(runtime.reports)


def measure(given: argparse.Namespace, documents: int, place: Path) -> None:
    """Make the corpus where the folder has none, then run every stage in a process of its own."""
    corpus = place / "corpus.jsonl"
    if not corpus.exists() and given.source:
        drawn_sentences(corpus, documents, given.characters, given.source)
    elif not corpus.exists():
        make_corpus(corpus, documents, given.characters, given.language, given.new_words)
    megabytes = round(corpus.stat().st_size / 1e6, 1)
    if given.questions:
        make_questions(place / "questions.jsonl", given.questions, documents)
    for name in given.stages:
        command = [sys.executable, __file__, "--one", name, str(place)]
        command += ["--tokenizer", given.tokenizer, "--lexicon", given.lexicon]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        line = done.stdout.strip() or json.dumps({"failed": done.stderr.strip().splitlines()[-1:]})
        found = json.loads(line)
        rate = round(megabytes / found["seconds"], 2) if found.get("seconds") else None
        print(json.dumps({"documents": documents, "mb": megabytes, "stage": name, **found, "mb_per_s": rate}))
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=int, nargs="*")
    parser.add_argument("--characters", type=int, default=1000)
    parser.add_argument("--language", choices=("en", "ko"), default="en")
    parser.add_argument("--stages", nargs="+", default=STAGES[:5], choices=STAGES)
    parser.add_argument("--questions", type=int, default=0)
    parser.add_argument("--new-words", type=int, default=0)
    parser.add_argument("--tokenizer", choices=("bigrams", "characters", "kiwi"), default="bigrams")
    parser.add_argument("--lexicon", choices=("bm25", "lancedb-fts"), default="bm25")
    parser.add_argument("--from", dest="source", type=Path, default=None)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--one", nargs=2, metavar=("STAGE", "FOLDER"))
    given = parser.parse_args()
    if given.one:
        started = time.perf_counter()
        found = stage(given.one[0], Path(given.one[1]), given.lexicon, given.tokenizer)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps({"seconds": round(time.perf_counter() - started, 1), "peak_mb": round(peak), **found}))
        return
    for documents in given.documents:
        if given.folder:
            given.folder.mkdir(parents=True, exist_ok=True)
            measure(given, documents, given.folder)
            continue
        with tempfile.TemporaryDirectory() as folder:
            measure(given, documents, Path(folder))


if __name__ == "__main__":
    main()

"""How well suggested evidence agrees with hand-marked evidence: the gold spans are hidden and compared afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ragscout.curate.marking import EvidenceSuggestion, suggest
from ragscout.curate.pooling import packaged_retrievers, pool, read_corpus
from ragscout.data import open_eval_set
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.evalset import Question, Span
from ragscout.plan.setup import open_store
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.store.ledger import SpendLimits

ROOT = Path(__file__).resolve().parents[3]
SETS = ("handbook-en", "handbook-ko", "postgres-en", "libreoffice-ko")


def hits(span: Span, gold: Span) -> bool:
    """Whether two spans overlap by half of the shorter one."""
    if span.document != gold.document or None in (span.start, span.end, gold.start, gold.end):
        return False
    assert span.start is not None and span.end is not None and gold.start is not None and gold.end is not None
    shared = min(span.end, gold.end) - max(span.start, gold.start)
    return shared * 2 >= min(span.end - span.start, gold.end - gold.start)


def figures(questions: Sequence[Question], found: Sequence[EvidenceSuggestion]) -> dict[str, float | int]:
    """Precision of spans, recall of needed groups, precision of the document, and how many questions got a span."""
    spans = right = groups = reached = with_span = home = all_found = 0
    for question, suggestion in zip(questions, found, strict=True):
        needed: dict[int, list[Span]] = {}
        for span in question.evidence:
            needed.setdefault(span.group, []).append(span)
        spans += len(suggestion.spans)
        right += sum(any(hits(span, gold) for gold in question.evidence) for span in suggestion.spans)
        got = [any(hits(span, gold) for span in suggestion.spans for gold in group) for group in needed.values()]
        groups, reached, all_found = groups + len(got), reached + sum(got), all_found + all(got)
        with_span += bool(suggestion.spans)
        home += bool(suggestion.spans) and suggestion.spans[0].document in {gold.document for gold in question.evidence}
    return {
        "questions": len(questions),
        "with a suggestion": with_span,
        "spans": spans,
        "precision of spans": round(right / max(spans, 1), 3),
        "precision of the document": round(home / max(with_span, 1), 3),
        "recall of needed groups": round(reached / max(groups, 1), 3),
        "questions found whole": round(all_found / max(len(questions), 1), 3),
    }


async def measured(name: str, place: Path) -> dict[str, object]:
    """Figures of one bundled set."""
    store = open_store(place)
    eval_set = open_eval_set(str(ROOT / "eval_sets" / name), blobs=store.blobs, registry=store.ledger, base=ROOT)
    questions = [item for item in eval_set.questions_ if item.answerable and item.references and item.evidence]
    runtime = EngineRuntime(store, f"study:{name}", Resolver(policy=NetworkPolicy()), {}, SpendLimits())
    corpus = await read_corpus(eval_set.files, store.blobs.read, runtime)
    retrievers = packaged_retrievers(runtime.models)
    hidden = [replace(item, evidence=(), documents=()) for item in questions]
    pools = await pool(hidden, corpus, retrievers, runtime)
    found = [suggest(question, passages, corpus) for question, passages in zip(hidden, pools, strict=True)]
    await runtime.close()
    return {"set": name, "pool": [item.label() for item in retrievers], **figures(questions, found)}


def main() -> None:
    """Print one JSON line per set."""
    with tempfile.TemporaryDirectory() as place:
        for name in sys.argv[1:] or SETS:
            sys.stdout.write(json.dumps(asyncio.run(measured(name, Path(place))), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""Suggested evidence for the questions of a version, and generated questions: what the verbs do on a store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ragscout.curate.marking import SURE, EvidenceSuggestion, judge_request, judged, suggest, with_spans
from ragscout.curate.pooling import PooledPassage, Retriever, pool, read_corpus
from ragscout.curate.reviewing import ReviewDecision
from ragscout.data.versions import SUGGESTED, all_questions, derive
from ragscout.model.evalset import EvalSet, Question, Span
from ragscout.model.runtime import ChatModel, ChatRequest, Runtime
from ragscout.model.values import Corpus
from ragscout.steps.evidence.quotes import nearly, occurrences
from ragscout.store.ledger import Journal
from ragscout.store.store import Store


@dataclass(frozen=True)
class Work:
    """Suggestions for the questions that have a reference and no evidence, in the set's order."""

    eval_set: EvalSet
    corpus: Corpus
    questions: tuple[Question, ...]
    pools: tuple[tuple[PooledPassage, ...], ...]
    found: tuple[EvidenceSuggestion, ...]

    @property
    def offered(self) -> list[tuple[Question, EvidenceSuggestion]]:
        """Questions for which something is suggested."""
        return [(question, item) for question, item in zip(self.questions, self.found, strict=True) if item.spans]

    def unsure(self) -> list[int]:
        """Positions of the questions that overlap alone leaves unsure."""
        return [at for at, item in enumerate(self.found) if item.coverage < SURE and self.pools[at]]

    def requests(self, model: ChatModel) -> list[ChatRequest]:
        """Return what a judge would be asked, for pricing before it is asked."""
        return [judge_request(self.questions[at], self.pools[at], model) for at in self.unsure()]


def open_questions(eval_set: EvalSet) -> tuple[Question, ...]:
    """Development questions that have a reference and no evidence."""
    return tuple(
        question
        for question in eval_set.development
        if question.answerable and question.references and not question.evidence
    )


def review_log(store: Store, eval_set: EvalSet, what: str) -> Journal:
    """Return the journal of decisions on one version; the colon keeps it apart from sweeps."""
    return Journal(store.ledger, f"review:{what}:{eval_set.digest[:16]}")


async def by_overlap(
    eval_set: EvalSet, store: Store, retrievers: Sequence[Retriever], runtime: Runtime, depth: int
) -> Work:
    """Pool and mark by overlap; nothing is sent to a chat model."""
    corpus = await read_corpus(eval_set.files, store.blobs.read, runtime)
    questions = open_questions(eval_set)
    pools = await pool(questions, corpus, retrievers, runtime, depth) if questions else []
    found = [suggest(question, passages, corpus) for question, passages in zip(questions, pools, strict=True)]
    return Work(eval_set, corpus, questions, tuple(tuple(item) for item in pools), tuple(found))


async def by_judge(work: Work, model: ChatModel, runtime: Runtime) -> Work:
    """Ask a chat model where overlap is unsure."""
    found = list(work.found)
    for at in work.unsure():
        found[at] = await judged(work.questions[at], work.pools[at], work.corpus, found[at], model, runtime)
    return replace(work, found=tuple(found))


def moved(work: Work, suggestion: EvidenceSuggestion, quote: str) -> tuple[Span, ...]:
    """Return the spans of a quote that a person gave instead: in the suggested document first, then anywhere.

    Empty when the quote stands nowhere. The label stays ``suggested``: the question was answered by looking at a
    suggestion.
    """
    homes = [span.document for span in suggestion.spans]
    documents = sorted(work.corpus.documents, key=lambda item: item.id not in homes)
    for document in documents:
        places = occurrences(document.text, quote)
        if places:
            return (_span(document.id, document.text, *places[0]),)
    for document in documents:
        near = nearly(document.text, quote, 0.8)
        if near is not None:
            return (_span(document.id, document.text, near[0], near[1]),)
    return ()


def _span(document: str, text: str, start: int, end: int) -> Span:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Span(document, text[start:end], start, end, 0, digest, label=SUGGESTED)


def apply(work: Work, said: Mapping[str, ReviewDecision], store: Store) -> EvalSet:
    """Return the version with the accepted and moved spans; its parent is the version that was worked on."""
    changed: dict[str, Question] = {}
    for question, item in work.offered:
        decision = said.get(item.key)
        if decision is None or decision.verdict == "drop":
            continue
        spans = item.spans
        if decision.verdict == "change":
            spans = moved(work, item, decision.value.get("quote", ""))
        if spans:
            review = {"accept": "accepted", "change": "moved"}[decision.verdict]
            changed[question.id] = with_spans(question, spans, decision.value.get("review", review))
    questions = [changed.get(question.id, question) for question in all_questions(work.eval_set)]
    note = f"suggested evidence was taken over for {len(changed)} questions of version {work.eval_set.version}"
    return derive(work.eval_set, questions, note, blobs=store.blobs, registry=store.ledger)

"""Which spans of the pooled passages support a reference: by overlap of words, then, where allowed, by a chat model."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ragscout.curate.pooling import PooledPassage
from ragscout.data.versions import SUGGESTED
from ragscout.model.evalset import Question, Span
from ragscout.model.key import digest
from ragscout.model.outcome import Failure, Message, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.text import language
from ragscout.model.values import Corpus
from ragscout.prompts import packaged
from ragscout.providers.tokenize import sentences
from ragscout.steps.measure.tokens import content_words

LEAST = 0.35
"""Below this share of the reference's weighted words nothing is suggested."""
SURE = 0.7
"""From this share on the judge is not asked."""
_MORE = 0.2
"""Share of the reference that a further span must add to be suggested beside the first."""
_SHOWN = 12
"""Sentences that the judge is shown."""
_LONGEST = 600
_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"sentences": {"type": "array", "items": {"type": "integer"}}},
        "required": ["sentences"],
        "additionalProperties": False,
    },
    sort_keys=True,
)


@dataclass(frozen=True)
class EvidenceSuggestion:
    """Spans that are thought to support one question's reference. ``coverage``: share of the reference's words, by
    their rarity in the pool, that the spans hold, 0..1; ``how``: ``overlap``, ``judge``, or empty for no suggestion;
    ``rank``: the best rank at which a retriever found one of the spans, from 1."""

    question: str
    spans: tuple[Span, ...]
    coverage: float
    how: str
    rank: int = 0

    @property
    def key(self) -> str:
        """Identity: a decision holds for the same spans only."""
        return digest("suggestion", self.question, self.spans)


@dataclass(frozen=True)
class _MarkedSentence:
    """A candidate. ``words``: content words; ``rank``: rank of its passage, from 1."""

    document: str
    start: int
    end: int
    text: str
    rank: int
    words: frozenset[str]


def suggest(question: Question, passages: Sequence[PooledPassage], corpus: Corpus) -> EvidenceSuggestion:
    """Spans of the pool that hold the words of the question's reference; none below ``LEAST``.

    Words count by their rarity among the pooled sentences. The sentence that covers most of the reference (with a
    little weight for the words of the question and for the rank) is taken; a further one of the same document joins
    as a group of its own when it adds enough, or as part of the same span when it stands next to it.
    """
    candidates = _candidates(passages)
    weights = _weights(candidates)
    best: tuple[float, list[_MarkedSentence]] = (0.0, [])
    for reference in question.references:
        wanted = frozenset(content_words(reference))
        found = _cover(wanted, frozenset(content_words(question.text)), candidates, weights)
        if found[0] > best[0]:
            best = found
    coverage, chosen = best
    if coverage < LEAST:
        return EvidenceSuggestion(question.id, (), round(coverage, 4), "")
    return EvidenceSuggestion(
        question.id, _spans(chosen, corpus), round(coverage, 4), "overlap", min(item.rank for item in chosen)
    )


def _candidates(passages: Sequence[PooledPassage]) -> list[_MarkedSentence]:
    """Sentences of the passages, each place once, headings and rules left out."""
    seen: set[tuple[str, int]] = set()
    found = []
    for passage in passages:
        for start, end in sentences(passage.text):
            text = passage.text[start:end]
            kept = text.strip()
            if len(kept) < 4 or kept.startswith("#") or not any(char.isalnum() for char in kept):
                continue
            at = passage.start + start + text.index(kept)
            if (passage.document, at) not in seen:
                seen.add((passage.document, at))
                words = frozenset(content_words(kept))
                found.append(_MarkedSentence(passage.document, at, at + len(kept), kept, passage.rank, words))
    return found


def _weights(candidates: Sequence[_MarkedSentence]) -> dict[str, float]:
    """Inverse sentence frequency in the pool: a word that stands everywhere supports nothing."""
    counts = Counter(word for item in candidates for word in item.words)
    return {word: math.log(1 + len(candidates) / count) for word, count in counts.items()}


def _cover(
    wanted: frozenset[str], asked: frozenset[str], candidates: Sequence[_MarkedSentence], weights: Mapping[str, float]
) -> tuple[float, list[_MarkedSentence]]:
    """Share of the wanted words that up to three sentences of one document hold, and these sentences."""
    unknown = math.log(1 + len(candidates)) if candidates else 1.0

    def weigh(words: Iterable[str]) -> float:
        return math.fsum(weights.get(word, unknown) for word in words)

    total, about = weigh(wanted), weigh(asked) or 1.0
    left, chosen = wanted, list[_MarkedSentence]()
    while left and len(chosen) < 3:
        best, most = None, 0.0
        for item in candidates:
            if chosen and item.document != chosen[0].document:
                continue
            gain = weigh(left & item.words) / total
            worth = gain + 0.25 * weigh(asked & item.words - wanted) / about - 0.01 * item.rank
            if gain >= (_MORE if chosen else 1e-9) and (best is None or worth > most):
                best, most = item, worth
        if best is None:
            break
        chosen.append(best)
        left -= best.words
    return (1.0 - weigh(left) / total, chosen) if chosen else (0.0, [])


def _spans(chosen: Sequence[_MarkedSentence], corpus: Corpus) -> tuple[Span, ...]:
    """Spans in document order, neighbours joined; every span is needed."""
    texts = corpus.by_id()
    joined: list[tuple[str, int, int]] = []
    for item in sorted(chosen, key=lambda item: (item.document, item.start)):
        text = texts[item.document].text
        if joined and joined[-1][0] == item.document and not text[joined[-1][2] : item.start].strip():
            joined[-1] = (item.document, joined[-1][1], item.end)
        else:
            joined.append((item.document, item.start, item.end))
    return tuple(mark(corpus, *place, group) for group, place in enumerate(joined))


def mark(corpus: Corpus, document: str, start: int, end: int, group: int = 0) -> Span:
    """Return a suggested span at offsets of a document, with the digest of the text it was marked on."""
    text = corpus.by_id()[document].text
    text_digest = hashlib.sha256(text.encode()).hexdigest()
    return Span(document, text[start:end], start, end, group, text_digest, label=SUGGESTED)


def judge_request(question: Question, passages: Sequence[PooledPassage], model: ChatModel) -> ChatRequest:
    """Return the request that asks a chat model which sentences support the reference."""
    listed = "\n".join(
        f"[{number}] {' '.join(item.text[:_LONGEST].split())}"
        for number, item in enumerate(_shown(question, passages), 1)
    )
    text = packaged("evidence", "ko" if language(question.text) == "ko" else "en")
    reference = question.references[0] if question.references else ""
    # the sentences go in last, so that nothing inside them is taken for a place to fill
    for name, value in (("question", question.text), ("reference", reference), ("sentences", listed)):
        text = text.replace(f"{{{name}}}", value)
    system, _, user = text.partition("\n---\n")
    return ChatRequest(model, (Message("system", system.strip()), Message("user", user.strip())), 60, schema=_SCHEMA)


def _shown(question: Question, passages: Sequence[PooledPassage]) -> list[_MarkedSentence]:
    """Return the sentences that share most words with reference and question, in the order of their places."""
    candidates = _candidates(passages)
    weights = _weights(candidates)
    wanted = frozenset(content_words(" ".join([*question.references[:1], question.text])))

    def worth(item: _MarkedSentence) -> tuple[float, int]:
        return math.fsum(weights[word] for word in wanted & item.words), -item.rank

    best = sorted(candidates, key=worth, reverse=True)[:_SHOWN]
    return sorted(best, key=lambda item: (item.rank, item.document, item.start))


async def judged(
    question: Question,
    passages: Sequence[PooledPassage],
    corpus: Corpus,
    before: EvidenceSuggestion,
    model: ChatModel,
    runtime: Runtime,
) -> EvidenceSuggestion:
    """Return what a chat model marks where the overlap is unsure; the overlap's suggestion where it marks nothing
    readable."""
    reply = await runtime.chat(judge_request(question, passages, model), "data")
    if isinstance(reply, Failure | Unfilled):
        return before
    shown = _shown(question, passages)
    chosen = [shown[number - 1] for number in _numbers(reply, len(shown))][:3]
    if not chosen:
        return before
    wanted = frozenset(word for reference in question.references[:1] for word in content_words(reference))
    held = frozenset(word for item in chosen for word in item.words)
    share = len(wanted & held) / len(wanted) if wanted else 0.0
    return EvidenceSuggestion(
        question.id, _spans(chosen, corpus), round(share, 4), "judge", min(item.rank for item in chosen)
    )


def _numbers(reply: ChatReply, most: int) -> list[int]:
    """Distinct sentence numbers of a reply, in order, as far as they exist."""
    body = re.search(r'"sentences"\s*:\s*\[([^\]]*)', reply.text)
    found = [int(part) for part in re.findall(r"\d{1,4}", body[1] if body else "")]
    return [number for number in dict.fromkeys(found) if 1 <= number <= most]


def with_spans(question: Question, spans: Sequence[Span], review: str) -> Question:
    """Return the question with suggested evidence; ``review`` says who looked: ``accepted``, ``moved`` or
    ``unreviewed``."""
    return replace(question, evidence=tuple(spans), meta={**question.meta, "evidence_review": review})

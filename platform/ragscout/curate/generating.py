"""Questions written by a chat model from a span, and the filters that decide which of them are kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragscout.curate.seeding import Seed, SeedPlace
from ragscout.data.similar import jaccard, shared_run, shingles, squeeze
from ragscout.data.versions import SUGGESTED, SYNTHETIC
from ragscout.model.evalset import Document, Question, Span
from ragscout.model.key import digest
from ragscout.model.outcome import Failure, Message, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.text import language, normalise
from ragscout.prompts import packaged
from ragscout.steps.measure.outside import ragas_testset
from ragscout.steps.measure.outside.ragas_boundary import RagasStopped
from ragscout.steps.measure.refusal import is_refusal
from ragscout.steps.measure.tokens import content_words

Source = Literal["ragscout", "ragas"]
SOURCES: tuple[Source, ...] = ("ragscout", "ragas")
"""Whose prompts write the drafts."""
FILTERS = {
    "readable": "the reply holds a question and an answer of a usable length",
    "language": "the question is in the language of the span",
    "self_contained": "the question does not speak of 'the text' or 'the document'",
    "own_words": "the question is not copied from the span",
    "placed": "the words of the answer stand in the span",
    "answerable": "the model, given the span, answers the same",
    "needs_documents": "the model, given nothing, does not answer the same",
    "needs_both": "a question over two spans is not answered by one of them",
    "not_duplicate": "no other question, old or new, is nearly the same",
}
"""Every filter in its order, with what it asks for."""
_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
        "required": ["question", "answer"],
        "additionalProperties": False,
    },
    sort_keys=True,
)
_POINTS = re.compile(
    r"\b(this|the|these) (excerpts?|passages?|texts?|documents?|paragraphs?|sections?|article|context)\b"
    r"|according to the|mentioned above|발췌문|본문|지문|이 글|이 문서|위 (글|내용|문서)|문서에 따르면|위에서",
    re.IGNORECASE,
)
_RUN = 8  # characters of a run that counts as copied
_COPIED, _PLACED, _SAME, _NEAR = 0.6, 0.6, 0.5, 0.6


@dataclass(frozen=True)
class GeneratedDraft:
    """A question as the model wrote it."""

    seed: Seed
    question: str
    answer: str


@dataclass
class FilterCounts:
    """How many questions each filter saw and dropped, in the order of ``FILTERS``; ``open``: drafts for which the
    endpoint or the budget gave no reply, so that running again goes on with them."""

    seen: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FILTERS, 0))
    killed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FILTERS, 0))
    examples: dict[str, str] = field(default_factory=dict)
    open: int = 0

    def passed(self, name: str, good: bool, text: str) -> bool:
        """Count one verdict and return it."""
        self.seen[name] += 1
        if not good:
            self.killed[name] += 1
            self.examples.setdefault(name, text[:200])
        return good

    def rows(self) -> list[dict[str, object]]:
        """Filter, what it asks for, seen, killed and the rate, for people and JSON."""
        return [
            {
                "filter": name,
                "asks": asks,
                "seen": self.seen[name],
                "killed": self.killed[name],
                "rate": round(self.killed[name] / self.seen[name], 3) if self.seen[name] else 0.0,
                "example": self.examples.get(name, ""),
            }
            for name, asks in FILTERS.items()
        ]


def draft_request(seed: Seed, model: ChatModel) -> ChatRequest:
    """Return the request that asks for a question and its answer."""
    purpose = "generate-question" if seed.hops == 1 else "generate-multi-hop"
    titles = " / ".join(dict.fromkeys(place.title for place in seed.places))
    return _request(purpose, seed, model, 200, schema=_SCHEMA, persona=seed.persona, title=titles)


def check_requests(draft: GeneratedDraft, model: ChatModel) -> dict[str, list[ChatRequest]]:
    """Filter to the requests by which it asks: with all spans, with none, with each alone."""
    seed, asked = draft.seed, draft.question
    alone = [Seed((place,), seed.persona, seed.language) for place in seed.places] if seed.hops > 1 else []
    return {
        "answerable": [_request("generate-answer", seed, model, 80, question=asked)],
        "needs_documents": [_request("generate-unaided", seed, model, 80, question=asked)],
        "needs_both": [_request("generate-answer", one, model, 80, question=asked) for one in alone],
    }


def worst_case(seeds: Sequence[Seed], model: ChatModel, source: Source = "ragscout") -> list[ChatRequest]:
    """Every request that could be sent, with replies of the greatest length, for pricing."""
    found = []
    for seed in seeds:
        if source == "ragas":
            texts = [place.text for place in seed.places]
            found += ragas_testset.requests(model, texts, persona=seed.persona, lang=_tongue(seed))
        else:
            found.append(draft_request(seed, model))
        for requests in check_requests(GeneratedDraft(seed, "가" * 300, ""), model).values():
            found += requests
    return found


def _request(purpose: str, seed: Seed, model: ChatModel, tokens: int, schema: str = "", **texts: str) -> ChatRequest:
    text = packaged(purpose, "ko" if seed.language == "ko" else "en")
    passages = "\n\n".join(place.text for place in seed.places)
    # the excerpt goes in last, so that nothing inside it is taken for a place to fill
    for name, value in {**texts, "passages": passages}.items():
        text = text.replace(f"{{{name}}}", value)
    system, _, user = text.partition("\n---\n")
    return ChatRequest(model, (Message("system", system.strip()), Message("user", user.strip())), tokens, schema=schema)


async def generate(
    seeds: Sequence[Seed],
    existing: Sequence[Question],
    documents: Mapping[str, Document],
    model: ChatModel,
    runtime: Runtime,
    source: Source = "ragscout",
) -> tuple[list[Question], FilterCounts]:
    """Draft one question per seed and keep what passes every filter, in the order of the seeds.

    Every reply goes through the runtime's memo: running again asks only what was not asked before. ``source`` says
    whose prompts write the drafts; the filters are the same.

    Raises:
        MissingExtraError: ``source`` is ``ragas`` and it is not installed.
    """
    counts = FilterCounts()
    write = _drafted_by_ragas if source == "ragas" else _drafted
    drafts = await asyncio.gather(*(write(seed, model, runtime, counts) for seed in seeds))
    good = [draft for draft in drafts if draft is not None and _cheap(draft, counts)]
    verdicts = await asyncio.gather(*(_asked(draft, model, runtime, counts) for draft in good))
    made: list[Question] = []
    known = [shingles(question.text) for question in existing]
    for draft, kept in zip(good, verdicts, strict=True):
        if not kept:
            continue
        own = shingles(draft.question)
        fresh = all(jaccard(own, other) < _NEAR for other in known)
        if counts.passed("not_duplicate", fresh, draft.question):
            known.append(own)
            made.append(_question(draft, documents, model, source))
    return made, counts


async def _drafted(seed: Seed, model: ChatModel, runtime: Runtime, counts: FilterCounts) -> GeneratedDraft | None:
    reply = await runtime.chat(draft_request(seed, model), "data")
    if isinstance(reply, Unfilled):
        counts.open += 1
        return None
    found = None if isinstance(reply, Failure) else _read(reply)
    return _usable(seed, found, "" if isinstance(reply, Failure) else reply.text, counts)


async def _drafted_by_ragas(
    seed: Seed, model: ChatModel, runtime: Runtime, counts: FilterCounts
) -> GeneratedDraft | None:
    texts = [place.text for place in seed.places]
    try:
        held = await ragas_testset.drafted(runtime, model, texts, persona=seed.persona, lang=_tongue(seed))
    except RagasStopped as stopped:
        if isinstance(stopped.outcome, Unfilled):
            counts.open += 1
            return None
        return _usable(seed, None, stopped.outcome.detail, counts)
    question, answer = (" ".join(normalise(text).split()) for text in held)
    return _usable(seed, (question, answer), " | ".join(held), counts)


def _usable(seed: Seed, found: tuple[str, str] | None, shown: str, counts: FilterCounts) -> GeneratedDraft | None:
    """Return the draft when it has a usable length."""
    good = found is not None and 8 <= len(found[0]) <= 300 and 1 <= len(found[1]) <= 600
    if not counts.passed("readable", good, shown) or found is None:
        return None
    return GeneratedDraft(seed, *found)


def _tongue(seed: Seed) -> Literal["en", "ko"]:
    return "ko" if seed.language == "ko" else "en"


def _read(reply: ChatReply) -> tuple[str, str] | None:
    """Question and answer of a reply that holds one JSON object with both."""
    start, end = reply.text.find("{"), reply.text.rfind("}")
    try:
        held = json.loads(reply.text[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(held, dict):
        return None
    texts = [
        " ".join(normalise(held[name]).split()) for name in ("question", "answer") if isinstance(held.get(name), str)
    ]
    return (texts[0], texts[1]) if len(texts) == 2 else None


def _cheap(draft: GeneratedDraft, counts: FilterCounts) -> bool:
    """Return the filters that ask no model."""
    spans = " ".join(place.text for place in draft.seed.places)
    wanted = frozenset(content_words(draft.answer))
    held = frozenset(content_words(spans))
    placed = bool(wanted) and len(wanted & held) / len(wanted) >= _PLACED
    plain = squeeze(draft.question)
    copied = len(plain) >= 2 * _RUN and shared_run(plain, squeeze(spans), _RUN) >= _COPIED
    spoken = language(draft.question) == ("ko" if draft.seed.language == "ko" else language(spans))
    return (
        counts.passed("language", spoken, draft.question)
        and counts.passed("self_contained", not _POINTS.search(draft.question), draft.question)
        and counts.passed("own_words", not copied, draft.question)
        and counts.passed("placed", placed, f"{draft.question} | {draft.answer}")
    )


async def _asked(draft: GeneratedDraft, model: ChatModel, runtime: Runtime, counts: FilterCounts) -> bool:
    """Return the filters that ask the model, the cheapest kill first."""
    requests = check_requests(draft, model)
    for name, good in (("answerable", True), ("needs_documents", False), ("needs_both", False)):
        if not requests[name]:
            continue
        replies = await asyncio.gather(*(runtime.chat(request, "data") for request in requests[name]))
        if any(isinstance(reply, Unfilled) for reply in replies):
            counts.open += 1
            return False
        same = any(isinstance(reply, ChatReply) and agrees(reply.text, draft.answer) for reply in replies)
        shown = f"{draft.question} | {draft.answer} | {' / '.join(getattr(reply, 'text', '') for reply in replies)}"
        if not counts.passed(name, same is good, shown):
            return False
    return True


def agrees(reply: str, answer: str) -> bool:
    """Whether two answers say the same: no refusal, the answer's numbers in the reply, and half of their content words
    shared (F1 of the distinct words, 0..1)."""
    if is_refusal(reply):
        return False
    numbers = set(re.findall(r"\d+", answer))
    if not numbers <= set(re.findall(r"\d+", reply)):
        return False
    one, two = set(content_words(reply)), set(content_words(answer))
    shared = len(one & two)
    return bool(shared) and 2 * shared / (len(one) + len(two)) >= _SAME


def _question(draft: GeneratedDraft, documents: Mapping[str, Document], model: ChatModel, source: Source) -> Question:
    return Question(
        id=f"syn-{digest('synthetic', draft.question)[:10]}",
        text=draft.question,
        references=(draft.answer,),
        evidence=tuple(_span(place, group, documents) for group, place in enumerate(draft.seed.places)),
        type="multi-hop" if draft.seed.hops > 1 else "single-span",
        slice=SYNTHETIC,
        meta={
            "origin": SYNTHETIC,
            "persona": draft.seed.persona,
            "writer": model.model,
            "lang": draft.seed.language,
            "review": "unreviewed",
        }
        | ({"source": source} if source != "ragscout" else {}),
    )


def _span(place: SeedPlace, group: int, documents: Mapping[str, Document]) -> Span:
    text_digest = hashlib.sha256(documents[place.document].text.encode()).hexdigest()
    return Span(place.document, place.text, place.start, place.end, group, text_digest, label=SUGGESTED)

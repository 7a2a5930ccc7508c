"""Questions that a chat model answers without any document: they measure its memory, not retrieval."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ragscout.curate.generating import agrees
from ragscout.data.findings import Finding
from ragscout.data.versions import made_notes
from ragscout.model.evalset import Question
from ragscout.model.outcome import Message
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.text import language
from ragscout.prompts import packaged


def unaided_request(question: Question, model: ChatModel) -> ChatRequest:
    """Return the question alone, in its own language."""
    text = packaged("generate-unaided", "ko" if language(question.text) == "ko" else "en")
    system, _, user = text.replace("{question}", question.text).partition("\n---\n")
    return ChatRequest(model, (Message("system", system.strip()), Message("user", user.strip())), 80)


def asked(questions: Sequence[Question]) -> list[Question]:
    """Questions for which it can be told: answerable, with a reference."""
    return [question for question in questions if question.answerable and question.references]


async def unaided(questions: Sequence[Question], model: ChatModel, runtime: Runtime) -> list[Finding]:
    """Ask every question without documents; a warning with those whose answer agrees with a reference.

    Agreement is that of the question generator: no refusal, the same numbers, half of the content words shared.
    """
    chosen = asked(questions)
    replies = await asyncio.gather(*(runtime.chat(unaided_request(item, model), "data") for item in chosen))
    told = [(item, reply) for item, reply in zip(chosen, replies, strict=True) if isinstance(reply, ChatReply)]
    known = [item.id for item, reply in told if any(agrees(reply.text, text) for text in item.references)]
    text = f"{len(known)} of {len(told)} questions are answered by {model.label or model.model} without any document"
    if not known:
        return [Finding("answered_unaided", "info", text)]
    remedy = "They say little about retrieval: look at the baseline without retrieval, or replace them."
    return [Finding("answered_unaided", "warning", text, rows=tuple(known), remedy=remedy)]


def made(questions: Sequence[Question]) -> list[Finding]:
    """Return what a program made of these questions and their evidence."""
    return [Finding(note.kind, "info", note.text("en").rstrip(".")) for note in made_notes(questions)]

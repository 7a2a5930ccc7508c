"""Which of two answers a judge prefers, asked in both orders."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Literal

from ragscout.model.outcome import Failure, Message, Unfilled
from ragscout.model.runtime import ChatModel, ChatRequest, Runtime
from ragscout.providers.thoughts import without_thoughts
from ragscout.steps.measure.judge import prompt as judge_prompt
from ragscout.steps.measure.judge.prompt import JudgeInput

Better = Literal["A", "B", "tie"]
_BETTER = re.compile(r'"better"\s*:\s*"(A|B|tie)"')


@dataclass(frozen=True)
class Preference:
    """``value``: 1 when the first answer is preferred, 0 when the second, 0.5 for a tie. ``consistent``: whether both
    orders agree; where they do not, the judge followed the position and the value is 0.5."""

    value: float
    consistent: bool


async def prefer(
    runtime: Runtime,
    model: ChatModel,
    material: JudgeInput,
    other: str,
    *,
    criterion: str = "correctness",
    text: str = "",
) -> Preference | Failure | Unfilled:
    """Compare ``material.answer`` with ``other`` on one criterion, in both orders, at temperature 0.

    Args:
        runtime: gives the chat.
        model: the judge.
        material: question, first answer, references and passages.
        other: the second answer.
        criterion: a built-in criterion, or the name of the user's own.
        text: the question of the user's own criterion; empty for a built-in one.
    """
    replies = await asyncio.gather(
        *(
            runtime.chat(_request(model, material, pair, criterion, text), "judge")
            for pair in ((material.answer, other), (other, material.answer))
        )
    )
    votes: list[Better] = []
    for reply in replies:
        if isinstance(reply, Unfilled):
            return reply
        if isinstance(reply, Failure):
            return Failure("measurement", "judge_failed", f"The judge gave no reply: {reply.detail or reply.kind}")
        found = set(_BETTER.findall(without_thoughts(reply.text)))
        if not found and reply.finish == "length":
            return Failure("measurement", "judge_cut", "The judge's reply was cut before it named a winner.")
        if len(found) != 1:
            shown = " ".join(reply.text.split())[:80]
            return Failure("measurement", "judge_failed", f"The judge's reply names no single winner; got {shown!r}.")
        votes.append(found.pop())
    first, second = votes
    swapped: dict[Better, Better] = {"A": "B", "B": "A", "tie": "tie"}
    if first != swapped[second]:
        return Preference(0.5, consistent=False)
    return Preference({"A": 1.0, "B": 0.0, "tie": 0.5}[first], consistent=True)


def _request(model: ChatModel, material: JudgeInput, pair: tuple[str, str], criterion: str, text: str) -> ChatRequest:
    lang = judge_prompt.tongue(material.question)
    rubric = judge_prompt.criterion(criterion, text, 5, "ends", lang)
    safe = judge_prompt.fenced(JudgeInput(material.question, "\n".join(pair), material.references, material.passages))
    a, b = (judge_prompt.neutral(answer) for answer in pair)
    schema = {
        "type": "object",
        "properties": {"better": {"type": "string", "enum": ["A", "B", "tie"]}},
        "required": ["better"],
        "additionalProperties": False,
    }
    return ChatRequest(
        model=model,
        messages=(
            Message("system", judge_prompt.system(lang, material)),
            Message("user", judge_prompt.render(judge_prompt.PAIR[lang], criterion=rubric, a=a, b=b, **safe)),
        ),
        max_tokens=16,
        schema=json.dumps(schema, separators=(",", ":")),
    )

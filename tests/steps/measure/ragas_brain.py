"""A scripted judge for ragas: reads the input out of a prompt and answers by rules, in English and in Korean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_INPUT = re.compile(
    r"(?:following input\s+input|다음 입력에 대해 똑같이 하세요\.\s+입력): (\{.*\})\s*(?:Output|출력):", re.DOTALL
)


def prompt_of(body: Mapping[str, Any]) -> str:
    """The message of a chat request's body that holds a prompt of ragas."""
    return next(str(item["content"]) for item in body["messages"] if _INPUT.search(str(item["content"])))


def given(prompt: str) -> dict[str, Any]:
    """The input of a prompt."""
    found = _INPUT.search(prompt)
    assert found is not None, prompt[-400:]
    return dict(json.loads(found[1]))


def reply(prompt: str) -> str:
    """What the scripted judge answers to a prompt."""
    return json.dumps(_reply(given(prompt), "classifications" in prompt), ensure_ascii=False)


def _reply(data: Mapping[str, Any], recall: bool) -> dict[str, Any]:
    if "ground_truth" in data:
        return _classified(data["answer"], data["ground_truth"])
    if "statements" in data:
        return {"statements": [_judged(item, data["context"], "verdict") for item in data["statements"]]}
    if "atomicity" in data:
        return {"claims": _sentences(data["response"])}
    if "response" in data:
        return {"question": f"{_sentences(data['response'])[0]}?", "noncommittal": 0}
    if "context" not in data:
        return {"statements": _sentences(data["answer"])}
    if recall:
        return {
            "classifications": [_judged(item, data["context"], "attributed") for item in _sentences(data["answer"])]
        }
    return {"reason": "by rule", "verdict": int(_within(data["answer"], data["context"]))}


def _judged(statement: str, context: str, name: str) -> dict[str, Any]:
    return {"statement": statement, "reason": "by rule", name: int(_within(statement, context))}


def _classified(answer: Sequence[str], truth: Sequence[str]) -> dict[str, Any]:
    right = [item for item in answer if any(_within(item, other) for other in truth)]
    missed = [item for item in truth if not any(_within(other, item) for other in answer)]
    wrong = [item for item in answer if item not in right]
    groups = {"TP": right, "FP": wrong, "FN": missed}
    return {name: [{"statement": item, "reason": "by rule"} for item in items] for name, items in groups.items()}


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.?!])\s+", text) if part.strip()]


def _within(part: str, whole: str) -> bool:
    """Whether most words of one text stand in the other."""
    words = set(re.findall(r"\w+", part.lower()))
    return len(words & set(re.findall(r"\w+", whole.lower()))) >= 0.6 * len(words)

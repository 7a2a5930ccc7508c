"""What a judge is sent: packaged rubrics, and texts fenced as data so that they cannot talk to the judge."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragscout.model.key import digest
from ragscout.model.outcome import Message
from ragscout.model.packaged import Packaged, WordTable
from ragscout.model.text import language, normalise
from ragscout.prompts.files import PackagedFile, Tongue, prompts

Reason = Literal["before", "after", "none"]
Anchored = Literal["ends", "all"]
BUILT_IN = ("correctness", "faithfulness", "relevance", "completeness", "conciseness")
RUBRICS = {name: prompts("judge", f"{{tongue}}/{name}.txt") for name in (*BUILT_IN, "custom")}
"""Criterion to its rubric by language; ``custom`` is the user's own."""

FRAME = prompts("judge", "{tongue}/frame.txt")
DATA = prompts("judge", "{tongue}/data.txt")
PAIR = prompts("judge", "{tongue}/pair.txt")
KINDS = WordTable(
    "judge kinds",
    {
        "en": {"question": "Question", "passages": "passages", "reference": "reference", "answer": "answer"},
        "ko": {"question": "질문", "passages": "자료", "reference": "기준 답", "answer": "답변"},
    },
)
"""What the system message calls the texts."""

_LOOK_ALIKE = re.compile(
    r"[<＜﹤](?=\s*+(?:[/／]\s*+)?(?:[0-9a-f]{4,}|question|passage|reference|answer|task)s?\b)"
    r"|(?<=Task)\s+(?=[0-9a-f]{4,})|(?<=과제)\s+(?=[0-9a-f]{4,})",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^([^\w\n]*+(?:question|passage(?: \d+)?|reference answer|answer(?: to grade| [AB])?|task|system|user|assistant"
    r"|질문|자료(?: \d+)?|기준 답|채점할 답변|답변(?: [AB])?|과제)\b[^\n:：]{0,12})[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_CHAT_MARKS = re.compile(r"\[(?=/?INST\])|<(?=/?s>|\|)|(?<=\|)>", re.IGNORECASE)


@dataclass(frozen=True)
class Criterion:
    """One rubric: the task put to the judge, and what levels mean, the best one first."""

    name: str
    task: str
    anchors: tuple[tuple[int, str], ...]

    @property
    def best(self) -> str:
        """What the highest level means."""
        return self.anchors[0][1]


@dataclass(frozen=True)
class JudgeInput:
    """The texts a judgement is about."""

    question: str
    answer: str
    references: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()


def tongue(question: str) -> Tongue:
    """Language of the judge's prompt: the question's, English when it is neither Korean nor English."""
    return "ko" if language(question) == "ko" else "en"


@functools.lru_cache(maxsize=256)
def criterion(name: str, text: str, levels: int, anchored: Anchored, lang: Tongue) -> Criterion:
    """Return a built-in rubric (empty ``text``), or the user's own: ``text`` says what is asked of an answer."""
    lines = RUBRICS["custom" if text else name][lang].text.splitlines()
    values = dict(line.split(": ", 1) for line in lines if line.strip())
    anchors = _scaled({int(key): value for key, value in values.items() if key.isdigit()}, levels)
    shown = anchors if anchored == "all" else (anchors[0], anchors[-1])
    return Criterion(name, values["task"].replace("{text}", text), shown)


def packaged_of(criteria: Mapping[str, str]) -> tuple[Packaged, ...]:
    """Return what a judge reads for these criteria; ``criteria``: name to the user's question, empty for a built-in
    one."""
    rubrics = dict.fromkeys("custom" if text else name for name, text in criteria.items())
    files = (FRAME, DATA, *(RUBRICS[name] for name in rubrics))
    return (KINDS, *(file for tongues in files for file in tongues.values()))


def judge_messages(
    criteria: Sequence[Criterion], material: JudgeInput, *, levels: int, reason: Reason, lang: Tongue
) -> tuple[Message, ...]:
    """System and user message. The texts come first, inside a fence whose name is a digest of them, then the task,
    marked with the same name: a small judge needs the task last. Look-alikes of fences, of headings and of chat
    templates' marks in the texts are broken. The system message is the same for every answer, so that a model in this
    process keeps it.
    """
    shape = reply_shape([item.name for item in criteria], reason)
    safe = fenced(material)
    user = render(DATA[lang], criteria=criteria, reason=reason, shape=shape, levels=levels, **safe)
    return Message("system", system(lang, material)), Message("user", user)


def system(lang: Tongue, material: JudgeInput) -> str:
    """Return the system message: which texts are data, and where the task stands."""
    shown = {"question": True, "passages": material.passages, "reference": material.references, "answer": True}
    names = [KINDS.value[lang][kind] for kind, there in shown.items() if there]
    last = " and " if lang == "en" else ", "
    return render(FRAME[lang], kinds=", ".join(names[:-1]) + last + names[-1])


def fenced(material: JudgeInput) -> dict[str, Any]:
    """Return the material's texts, neutralised, with their fence's name."""
    texts = (material.question, material.answer, *material.references, *material.passages)
    return {
        "fence": digest("judge-fence", texts)[:4],
        "question": neutral(material.question),
        "answer": neutral(material.answer),
        "references": [neutral(text) for text in material.references],
        "passages": [neutral(text) for text in material.passages],
    }


def neutral(text: str) -> str:
    """Return a text that cannot close a fence, open a chat turn or pose as a heading or task: brackets of look-alikes
    become ``‹``, ``›``, ``(``, and the colon of a heading at the begin of a line becomes a dash."""
    text = _LOOK_ALIKE.sub(lambda found: " - " if found[0].isspace() else "‹", normalise(text))
    text = _HEADING.sub(r"\1 -", text)
    return _CHAT_MARKS.sub(lambda found: {"<": "‹", ">": "›"}.get(found[0], "("), text).strip()


def reply_shape(names: Sequence[str], reason: Reason) -> str:
    """Return the JSON object a reply must be, as shown to the judge."""
    if len(names) > 1:
        return "{" + ", ".join(f'"{name}": N' for name in names) + "}"
    return {"none": '{"score": N}', "before": '{"reason": "...", "score": N}', "after": '{"score": N, "why": "..."}'}[
        reason
    ]


def reply_schema(names: Sequence[str], levels: int, reason: Reason) -> str:
    """JSON Schema of a reply. Keys sort in the order they are to be written, so that sorting changes nothing."""
    level = {"type": "integer", "enum": list(range(1, levels + 1))}
    text = {"type": "string", "maxLength": 300}
    properties: dict[str, Any] = dict.fromkeys(names, level) if len(names) > 1 else {"score": level}
    if reason == "before":
        properties = {"reason": text, **properties}
    elif reason == "after":
        properties = {**properties, "why": text}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return json.dumps(schema, ensure_ascii=True, separators=(",", ":"))


def render(file: PackagedFile, **values: Any) -> str:
    """Return a packaged prompt filled with values; nothing in the values is interpreted."""
    return str(_template(file).render(**values)).strip()


@functools.cache
def _template(file: PackagedFile) -> Any:
    from jinja2 import Environment, StrictUndefined

    return Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True).from_string(file.text)


def _scaled(anchors: Mapping[int, str], levels: int) -> tuple[tuple[int, str], ...]:
    """Return the five anchors laid on a scale of another length, the highest first: both ends and what fits between."""
    placed: dict[int, str] = {}
    for level in range(1, levels + 1):
        position = 1 + (level - 1) * 4 / (levels - 1)
        if position.is_integer():
            placed[level] = anchors[int(position)]
    return tuple(sorted(placed.items(), reverse=True))

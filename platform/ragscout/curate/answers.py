"""Answers of an existing system, as a table that somebody brings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragscout.data.options import ReadOptions
from ragscout.data.read.loaders import load
from ragscout.data.roles import header_key
from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import Question
from ragscout.model.text import normalise

NAMES = {
    "question": ("id", "question_id", "qid", "question", "질문", "문항", "문항번호"),
    "answer": ("answer", "response", "prediction", "output", "답변", "응답"),
    "passages": ("passages", "contexts", "context", "발췌", "문맥"),
    "seconds": ("seconds", "latency", "초", "지연시간"),
    "cost": ("cost", "price", "usd", "비용"),
}
"""Column names by what they hold, the first that is there counts."""


@dataclass(frozen=True)
class Imported:
    """``lines``: JSON lines for ``{use: recorded, file: ...}``; ``matched`` of the set's development questions have an
    answer, ``missing`` are the ids of the others, ``unknown`` what stood in the table and is no question of the set."""

    lines: str
    matched: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def import_answers(path: Path, questions: Sequence[Question]) -> Imported:
    """Read a table (csv, xlsx or jsonl) with a question's id or text and its answer.

    Raises:
        EvalSetError: the file cannot be read, a column is absent, a question is answered twice, a number is none, or
            no line belongs to a question.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvalSetError(f"{path}: the answers cannot be read; got {error.strerror!r}. Correct the path.") from None
    loaded = load(path.name, data, ReadOptions())
    for finding in loaded.findings:
        if finding.severity == "error":
            raise EvalSetError(f"{path}: {finding.message}. Give a csv, xlsx or jsonl table.")
    columns = {role: _column(loaded.columns, role) for role in NAMES}
    if not columns["question"] or not columns["answer"]:
        raise EvalSetError(
            f"{path}: a column for the question (id or its text) and one for the answer are needed; got "
            f"{list(loaded.columns)}. Name them id and answer."
        )
    known = {normalise(key): question for question in questions for key in (question.id, question.text)}
    made: dict[str, str] = {}
    unknown: list[str] = []
    for record in loaded.records:
        name = _text(record.values.get(columns["question"]))
        question = known.get(name)
        if question is None:
            unknown.append(name)
            continue
        if question.id in made:
            raise EvalSetError(
                f"{path}: line {record.line} answers {question.id} a second time. Remove one of the two."
            )
        made[question.id] = _line(question, record.values, columns, f"{path}: line {record.line}")
    if not made:
        raise EvalSetError(f"{path}: no line belongs to a question of the set; got {unknown[:3]}. Use its ids.")
    missing = tuple(question.id for question in questions if question.id not in made)
    return Imported("\n".join(made.values()) + "\n", len(made), missing, tuple(unknown))


def _column(columns: Sequence[str], role: str) -> str:
    plain = {header_key(name): name for name in columns}
    return next((plain[key] for name in NAMES[role] if (key := header_key(name)) in plain), "")


def _line(question: Question, values: Mapping[str, object], columns: Mapping[str, str], where: str) -> str:
    line: dict[str, object] = {"question": question.text, "answer": _text(values.get(columns["answer"]))}
    for role in ("seconds", "cost"):
        given = _text(values.get(columns[role])) if columns[role] else ""
        if given:
            line[role] = _number(given, where, role)
    passages = values.get(columns["passages"]) if columns["passages"] else None
    if passages:
        line["passages"] = [_text(item) for item in passages] if isinstance(passages, list) else [_text(passages)]
    return json.dumps(line, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _number(text: str, where: str, role: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise EvalSetError(f"{where}: {role} must be a number from 0 on; got {text[:40]!r}. Correct the cell.")
    return value


def _text(value: object) -> str:
    return "" if value is None else normalise(str(value)).strip()

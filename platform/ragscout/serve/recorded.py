"""What was measured, question by question, as a bundle carries it: development questions only, never the hold-out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ragscout.engine.worker import cell_key
from ragscout.model.cells import decode, encode
from ragscout.model.config import Configuration, Node, node
from ragscout.model.errors import BundleError
from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Answer, Evidence, Failure, Ranking, Scores
from ragscout.model.step import make
from ragscout.store.store import Store

QUESTIONS = "questions.jsonl"
_QUESTION: TypeAdapter[Question] = TypeAdapter(Question)


@dataclass(frozen=True)
class Expected:
    """Outcomes of one question: ``ranking`` holds chunk rows, best first; what the configuration does not have, or
    nobody measured, is ``None``. ``evidence`` is the gold evidence placed in the bundle's corpus."""

    answer: Answer | Failure | None = None
    ranking: tuple[int, ...] | None = None
    scores: Scores | None = None
    evidence: Evidence | Failure | None = None


@dataclass(frozen=True)
class RecordedAnswers:
    """A development question with what was measured on it."""

    question: Question
    expected: Expected


def measure_nodes(configuration: Configuration, metrics: Iterable[MeasureStep]) -> list[Node]:
    """Nodes of the metrics that can be computed for a configuration."""
    nodes = dict(configuration.nodes)
    if (evidence := evidence_node(configuration)) is not None:
        nodes["evidence"] = evidence
    return [
        node(metric, nodes)
        for metric in metrics
        if (configuration.retrieves if metric.family == "retrieval" else configuration.generates)
    ]


def evidence_node(configuration: Configuration) -> Node | None:
    """Where gold evidence is placed in the configuration's corpus; ``None`` when it reads no corpus."""
    corpus = configuration.nodes.get("corpus")
    return None if corpus is None else node(make("evidence", "place"), [corpus])


def from_store(
    configuration: Configuration, questions: Sequence[Question], metrics: Sequence[MeasureStep], store: Store
) -> list[RecordedAnswers]:
    """Return what the store holds of a configuration, for the questions that it answered."""
    last = _column(store, configuration.last, questions)
    rankings = _column(store, configuration.ranking, questions)
    measured = [_column(store, item, questions) for item in measure_nodes(configuration, metrics)]
    placed = _column(store, evidence_node(configuration), questions) if metrics else {}
    found = []
    for question in questions:
        if question.id not in last:
            continue
        ranking = rankings.get(question.id)
        scores = {name: item for column in measured for name, item in column.get(question.id, {}).items()}
        expected = Expected(
            last[question.id] if configuration.generates else None,
            tuple(hit.chunk for hit in ranking.hits) if isinstance(ranking, Ranking) else None,
            scores or None,
            placed.get(question.id),
        )
        found.append(RecordedAnswers(question, expected))
    return found


def write(path: Path, rows: Iterable[RecordedAnswers]) -> None:
    """One JSON object per line."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps(_plain(row), ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n")


def read(path: Path) -> list[RecordedAnswers]:
    """Inverse of ``write``.

    Raises:
        BundleError: naming the line that cannot be read.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line:
            try:
                found.append(_row(json.loads(line)))
            except (ValueError, ValidationError, KeyError, TypeError) as error:
                raise BundleError(
                    f"{path}:{number}: the question cannot be read; got {type(error).__name__}. Export it again."
                ) from error
    return found


def _column(store: Store, where: Node | None, questions: Sequence[Question]) -> dict[str, Any]:
    if where is None:
        return {}
    keys = {question.id: cell_key(where, question) for question in questions}
    cells = store.read_cells(where.key, list(dict.fromkeys(keys.values())))
    return {name: decode(where.stage, cells[key].data) for name, key in keys.items() if key in cells}


def _plain(row: RecordedAnswers) -> dict[str, Any]:
    expected = row.expected
    # meta holds columns of the user's table that nothing reads
    plain: dict[str, Any] = {"question": _QUESTION.dump_python(replace(row.question, meta={}), mode="json")}
    if expected.answer is not None:
        plain["answer"] = encode("generate", expected.answer)
    if expected.ranking is not None:
        plain["ranking"] = list(expected.ranking)
    if expected.scores is not None:
        plain["scores"] = encode("measure", expected.scores)["scores"]
    if expected.evidence is not None:
        plain["evidence"] = encode("evidence", expected.evidence)
    return plain


def _row(plain: Mapping[str, Any]) -> RecordedAnswers:
    return RecordedAnswers(
        _QUESTION.validate_python(plain["question"]),
        Expected(
            decode("generate", plain["answer"]) if "answer" in plain else None,
            tuple(int(row) for row in plain["ranking"]) if "ranking" in plain else None,
            decode("measure", {"scores": plain["scores"]}) if "scores" in plain else None,
            decode("evidence", plain["evidence"]) if "evidence" in plain else None,
        ),
    )

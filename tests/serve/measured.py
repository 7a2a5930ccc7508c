"""A configuration measured on a store, the way a sweep measures it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.engine.connection_limit import ConnectionLimit
from ragscout.engine.executors import InProcess
from ragscout.engine.fill import Engine, Want
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.session import Opening
from ragscout.engine.worker import Worker
from ragscout.model.config import Configuration, source_node
from ragscout.model.evalset import EvalSet, Question, SourceFile, Span
from ragscout.model.key import digest
from ragscout.model.metric import MeasureStep
from ragscout.model.runtime import Models
from ragscout.model.step import make
from ragscout.serve import export
from ragscout.serve.recorded import measure_nodes
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store

SETS = Path(__file__).parents[2] / "eval_sets"
METRICS = (("recall", {"k": 3}), ("bleu", {}), ("token_f1", {}))
ROW = {"rank": 1, "figures": {"bleu": {"mean": 0.25, "low": 0.1, "high": 0.4, "scored": 4, "asked": 4}}}


class NoModels:
    """A resolver that has no model."""

    def folder(self, model: str, revision: str = "") -> Path:
        raise AssertionError(f"no test here may need the model {model!r}")


@dataclass
class Measured:
    """A configuration with everything that ``export`` takes."""

    configuration: Configuration
    store: Store
    eval_set: EvalSet
    opening: Opening
    metrics: tuple[MeasureStep, ...]
    questions: tuple[Question, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def export(self, path: Path, **options: Any) -> Path:
        given = {"row": ROW, "metrics": self.metrics, "sweep": "test-0123", **self.options, **options}
        return export(
            self.configuration, store=self.store, opening=self.opening, eval_set=self.eval_set, path=path, **given
        )


def bundled(store: Store, name: str, holdout: float = 0.0) -> EvalSet:
    """A bundled evaluation set, its files in the store."""
    folder = SETS / name
    files = []
    for path in sorted((folder / "documents").glob("*.md")):
        data = path.read_bytes()
        store.blobs.put(data)
        files.append(SourceFile(path.name, hashlib.sha256(data).hexdigest(), "text/markdown"))
    questions = [_question(json.loads(line)) for line in (folder / "questions.jsonl").open(encoding="utf-8")]
    return EvalSet(name, 1, digest("set", name), tuple(files), tuple(questions)).with_holdout(holdout)


def configuration(eval_set: EvalSet, stages: dict[str, tuple[str, dict[str, Any]]], name: str = "") -> Configuration:
    source = source_node(digest("source", [(item.path, item.sha256) for item in eval_set.files]))
    return Configuration(
        {stage: make(stage, step, parameters) for stage, (step, parameters) in stages.items()},
        source,
        {"chunk.size": "300"},
        name,
    )


def lexical(**generate: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "corpus": ("parse", {}),
        "chunk": ("characters", {"size": 300, "overlap": 30}),
        "lexicon": ("bm25", {}),
        "query": ("as-asked", {}),
        "lexical": ("bm25", {"depth": 20}),
        "fuse": ("lexical", {}),
        "rerank": ("none", {}),
        "prompt": ("template", {"passages": 3}),
        "generate": ("extractive", generate),
    }


def hybrid(embed: tuple[str, dict[str, Any]] = ("hashing", {"dim": 64})) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        **lexical(),
        "embed": embed,
        "index": ("lancedb", {}),
        "dense": ("nearest", {"depth": 20}),
        "fuse": ("rrf", {}),
    }


def measured(
    store: Store,
    eval_set: EvalSet,
    stages: dict[str, tuple[str, dict[str, Any]]],
    *,
    ask: int = 4,
    metrics: Sequence[tuple[str, dict[str, Any]]] = METRICS,
    models: Models | None = None,
    limits: dict[str, ConnectionLimit] | None = None,
    connections: tuple[Any, ...] = (),
    network: tuple[str, ...] = (),
) -> Measured:
    """Fill a configuration's cells for the first ``ask`` development questions."""
    chosen = configuration(eval_set, stages)
    questions = eval_set.development[:ask]
    made = tuple(make("measure", name, parameters) for name, parameters in metrics)
    measures = tuple(metric for metric in made if isinstance(metric, MeasureStep))
    opening = Opening("test", eval_set.digest, 0, "spec", "space", (), connections, network=network)

    async def fill() -> None:
        runtime = EngineRuntime(store, "sweep", models or NoModels(), limits or {}, SpendLimits(), threads=1)
        engine = Engine(store, InProcess(Worker(store, runtime, eval_set, questions)), "sweep")
        wanted = [chosen.last, *measure_nodes(chosen, measures)]
        filled = await engine.fill([Want(node, questions) for node in wanted])
        await runtime.close()
        assert not filled.failed
        assert not filled.unfilled

    asyncio.run(fill())
    return Measured(chosen, store, eval_set, opening, measures, questions)


def _question(row: dict[str, Any]) -> Question:
    spans = tuple(Span(item["document"], item["quote"], item["start"], item["end"]) for item in row["evidence"])
    return Question(row["id"], row["question"], tuple(row["references"]), row["answerable"], spans, type=row["type"])

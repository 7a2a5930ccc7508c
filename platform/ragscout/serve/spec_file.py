"""Any configuration as a sweep file of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ragscout.engine.connection_limit import identity
from ragscout.engine.worker import chat_models
from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError
from ragscout.model.key import canonical
from ragscout.model.metric import MeasureStep
from ragscout.model.runtime import ChatModel
from ragscout.model.step import Step, field_adapter
from ragscout.serve.manifest import connections_of

if TYPE_CHECKING:
    from ragscout.spec import Connection, Entry

_ALONE = ("corpus", "chunk", "embed", "index", "query", "rerank", "prompt", "generate")
_TOGETHER = ("lexicon", "lexical", "dense", "fuse")
_HEAD = """# One configuration: {name}
# Its key: {key}
"""
_BASELINE = "# It retrieves nothing: the sweep measures it as its baseline 'no retrieval'.\n"


def as_spec(
    configuration: Configuration,
    *,
    eval_set: str,
    metrics: Sequence[MeasureStep],
    goal: str,
    name: str = "",
    connections: Sequence[Connection] = (),
    network: Sequence[str] = (),
    seed: int = 0,
    holdout: float | None = None,
    weights: Mapping[str, float] | None = None,
    usd: float | None = None,
) -> str:
    """A sweep file (YAML) whose pipeline is this configuration alone; the sweep adds its standing baselines.

    Args:
        configuration: any row of a board.
        eval_set: ``name@version`` or a path.
        metrics: what the sweep measures.
        goal: figure to improve.
        name: the sweep's name; by default made of the evaluation set's and the configuration's.
        connections: the sweep's connections; those in use are written.
        network: hosts that may be reached.
        seed: of the sweep, for the order of questions.
        holdout: share of the questions that stays sealed.
        weights: of the goal's figures, where it is a weighted one.
        usd: money budget, without which paid endpoints are not asked.

    Raises:
        SpecError: a sweep file cannot say this configuration.
        BundleError: a model has no connection.
    """
    from ragscout.spec import GoalSpec, Measure, SearchSpec, SweepSpec, dump
    from ragscout.spec.entries import PIPELINE
    from ragscout.spec.types import Budget

    steps = configuration.steps
    figures = [figure for metric in metrics for figure in metric.figures()]
    minimize = any(figure.name == goal and not figure.higher_is_better for figure in figures)
    used = connections_of([*steps.values(), *metrics], connections)
    names = {identity(item.identity_model()): item.name for item in used}
    pipeline = {stage: (item,) for stage, item in PIPELINE.items()}
    pipeline |= {stage: (_entry(steps[stage], names),) for stage in _ALONE if stage in steps}
    if configuration.retrieves:
        pipeline["retriever"] = (_retriever(configuration),)
    spec = SweepSpec(
        sweep=_sweep_name(name or f"{PurePath(eval_set.split('@')[0]).stem}-{configuration.label()}"),
        eval_set=eval_set,
        pipeline=pipeline,
        connections={item.name: item for item in used},
        include=(),
        measure=Measure(
            tuple(_entry(metric, names) for metric in metrics if metric.family == "retrieval"),
            tuple(_entry(metric, names) for metric in metrics if metric.family == "answer"),
        ),
        goal=GoalSpec(goal, weights=weights or {}, minimize=minimize),
        search=SearchSpec("grid"),
        budget=Budget(usd=usd),
        network=tuple(network) or "offline",
        holdout=holdout,
        seed=seed,
    )
    head = _HEAD.format(name=" ".join(configuration.label().split()), key=configuration.key)
    return head + ("" if configuration.retrieves else _BASELINE) + dump(spec)


def _entry(step: Step, names: Mapping[str, str]) -> Entry:
    from ragscout.spec import Entry

    return Entry(step.name, _parameters(step, step.parameters(), names))


def _parameters(step: Step, given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as a file writes them: models by their connection, texts of several lines as blocks."""
    models = {identity(model) for model in chat_models(step)}
    found: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, ChatModel) and identity(value) in models:
            found[key] = names[identity(value)]
        else:
            found[key] = _block(field_adapter(type(step), key).dump_python(value, mode="json"))
    return found


def _block(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        from ruamel.yaml.scalarstring import LiteralScalarString

        return LiteralScalarString(value)
    return value


def _retriever(configuration: Configuration) -> Entry:
    """The one entry that stands for lexicon, lexical, dense and fuse.

    A parameter that several of these steps have is written once, so it must be the same in all of them.
    """
    from ragscout.spec import Entry
    from ragscout.spec.options import RETRIEVER_STAGES

    steps = {stage: configuration.steps[stage] for stage in _TOGETHER if stage in configuration.steps}
    use = {"lexical": steps.get("lexicon", steps["fuse"]).name, "dense": "dense"}.get(steps["fuse"].name, "hybrid")
    expected = dict(RETRIEVER_STAGES.get(use, ()))
    made = {stage: step.name for stage, step in steps.items() if use != "hybrid" or stage != "fuse"}
    if made != expected:
        raise SpecError(
            f"retriever: no name of a sweep file stands for these steps; got {made}. Build it from Python instead."
        )
    found: dict[str, Any] = {"fusion": steps["fuse"].name} if use == "hybrid" else {}
    for key in dict.fromkeys(field.name for step in steps.values() for field in dataclasses.fields(step)):
        having = [step for step in steps.values() if hasattr(step, key)]
        if any(key in step.parameters() for step in having):
            found[key] = _shared(key, having)
    return Entry(use, found)


def _shared(key: str, steps: Iterable[Step]) -> Any:
    values = {repr(canonical(getattr(step, key))): (step, getattr(step, key)) for step in steps}
    if len(values) > 1:
        raise SpecError(
            f"retriever.{key}: a sweep file gives one value to all of its steps; got "
            f"{', '.join(f'{step.stage} {value}' for step, value in values.values())}. Build it from Python instead."
        )
    step, value = next(iter(values.values()))
    return field_adapter(type(step), key).dump_python(value, mode="json")


def _sweep_name(text: str) -> str:
    name = re.sub(r"[^\w.]+", "-", text).strip("-._")[:100].strip("-._")
    return name or "exported"

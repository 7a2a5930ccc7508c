"""Any configuration as a sweep file of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ragscout.engine.connection_limit import identity
from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError
from ragscout.model.key import canonical
from ragscout.model.metric import MeasureStep
from ragscout.model.runtime import ChatModel
from ragscout.model.stages import STAGES, parts
from ragscout.model.step import Step, chat_models, field_adapter
from ragscout.model.training import Split
from ragscout.serve.manifest import connections_of
from ragscout.steps.retrievers import KEY, Recipe, filled, recipes

if TYPE_CHECKING:
    from ragscout.spec import Connection, StageEntry

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
    """Return a sweep file (YAML) whose pipeline is this configuration alone; the sweep adds its standing baselines.

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
    pipeline |= {stage: (_entry(step, names),) for stage, step in steps.items() if STAGES[stage].key == stage}
    if configuration.retrieves:
        pipeline[KEY] = (_retriever(configuration),)
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


def _entry(step: Step, names: Mapping[str, str]) -> StageEntry:
    from ragscout.spec import StageEntry

    return StageEntry(step.name, _parameters(step, step.parameters(), names))


def _parameters(step: Step, given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as a file writes them: models by their connection, texts of several lines as blocks."""
    models = {identity(model) for model in chat_models(step)}
    found: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, ChatModel) and identity(value) in models:
            found[key] = names[identity(value)]
        elif isinstance(value, Split):
            found[key] = value.name
        else:
            found[key] = _block(field_adapter(type(step), key).dump_python(value, mode="json"))
    return found


def _block(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        from ruamel.yaml.scalarstring import LiteralScalarString

        return LiteralScalarString(value)
    return value


def _retriever(configuration: Configuration) -> StageEntry:
    """Return the one entry that stands for all stages of the key.

    A parameter stands beside ``use`` where it is the same in all steps that have it, else inside its part.
    """
    from ragscout.spec import StageEntry

    steps = {stage: step for stage, step in configuration.steps.items() if STAGES[stage].key == KEY}
    chosen, given = _recipe(steps)
    shared: dict[str, Any] = {}
    for name in dict.fromkeys(field.name for step in steps.values() for field in dataclasses.fields(step)):
        having = [step for step in steps.values() if name in _fields(step)]
        values = {repr(canonical(getattr(step, name))) for step in having}
        if len(values) > 1:
            for step in having:
                _part(given, step)[name] = _plain(step, name)
        elif any(name in step.parameters() for step in having):
            shared[name] = _plain(having[0], name)
    return StageEntry(chosen.name, {**shared, **given})


def _recipe(steps: Mapping[str, Step]) -> tuple[Recipe, dict[str, Any]]:
    """Return the retriever that these steps are made by, and the parts that name another step than it would take.

    Raises:
        SpecError: there is none.
    """
    for chosen in recipes().values():
        given: dict[str, Any] = {}
        if set(chosen.stages()) != set(steps):
            continue
        for part, use in chosen.steps.items():
            lead = steps[parts(KEY)[part][0]]
            if lead.name != use and part not in chosen.fixed:
                _part(given, lead)["use"] = lead.name
        if {item.stage: item.step for item in filled(chosen, given)} == {
            stage: step.name for stage, step in steps.items()
        }:
            return chosen, given
    made = {stage: step.name for stage, step in steps.items()}
    raise SpecError(f"{KEY}: no name of a sweep file stands for these steps; got {made}. Build it from Python instead.")


def _part(given: dict[str, Any], step: Step) -> dict[str, Any]:
    part: dict[str, Any] = given.setdefault(STAGES[step.stage].part, {})
    return part


def _fields(step: Step) -> set[str]:
    return {field.name for field in dataclasses.fields(step)}


def _plain(step: Step, name: str) -> Any:
    return field_adapter(type(step), name).dump_python(getattr(step, name), mode="json")


def _sweep_name(text: str) -> str:
    name = re.sub(r"[^\w.]+", "-", text).strip("-._")[:100].strip("-._")
    return name or "exported"

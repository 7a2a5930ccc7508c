"""``measure:`` to metric steps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.metric import MeasureStep
from ragscout.model.step import steps_of
from ragscout.spec.document import join
from ragscout.spec.entries import known
from ragscout.spec.options import OptionResolver, alternatives_of, build, step_fields
from ragscout.spec.types import StageEntry, SweepSpec
from ragscout.steps.measure.selftest import SelfTest

_SCOPES: dict[str, Callable[[str], dict[str, Any]]] = {
    "ragas": lambda rest: {"metric": rest},
    "judge": lambda rest: {"criteria": [rest]},
}
"""Metrics that may be named by one figure: ``ragas.faithfulness``, ``judge.correctness``."""

Tested = Callable[[MeasureStep, Literal["en", "ko"]], SelfTest]


def metrics(spec: SweepSpec, resolve: OptionResolver) -> tuple[MeasureStep, ...]:
    """Return the metrics of a sweep, in the order of the file, each once.

    Args:
        spec: the sweep.
        resolve: revisions of models.

    Raises:
        SpecError: an unknown metric or a wrong parameter, with its place; a metric in the wrong family.
    """
    import ragscout.steps  # noqa: F401 - fills the registry

    found: dict[str, MeasureStep] = {}
    for family, entries in (("retrieval", spec.measure.retrieval), ("answer", spec.measure.answer)):
        for entry in entries:
            for made in _metrics(spec, entry, resolve):
                if made.family != family:
                    raise SpecError(
                        f"{spec.document.at(entry.path)}: {made.name} is a metric of the other family; got it under "
                        f"measure.{family}. Move it to measure.{made.family}."
                    )
                found.setdefault(made.key({}), made)
    return tuple(found.values())


def unsuited(chosen: Collection[MeasureStep], languages: Collection[str]) -> list[str]:
    """One sentence for each metric whose model does not know a language of the questions."""
    notes = []
    for metric in chosen:
        fit = metric.known_languages()
        missing = sorted(set(languages) - set(fit)) if fit else []
        if missing:
            notes.append(
                f"{metric.name} knows {', '.join(fit)} only: questions in {', '.join(missing)} are not scored by it. "
                "Name a multilingual model, or use chrf or token_f1."
            )
    return notes


def refuse_blind_goal(
    spec: SweepSpec, chosen: Collection[MeasureStep], languages: Collection[str], tested: Tested
) -> None:
    """Refuse a goal whose metric cannot tell right from wrong in a language of the data.

    Args:
        spec: the sweep.
        chosen: its metrics.
        languages: languages in which a real share of the questions is asked; those without a self-test are left out.
        tested: runs or remembers the self-test of a metric in a language.

    Raises:
        SpecError: the goal's metric (or that of a weighted goal's figure) fails its self-test; the message says why.
    """
    goals = set(spec.goal.weights or (spec.goal.metric,))
    for metric in chosen:
        if not any(figure.name in goals for figure in metric.figures()):
            continue
        for language in ("en", "ko"):
            if language in languages and not (found := tested(metric, language)).passed:
                raise SpecError(
                    f"{spec.document.at('goal')}: {metric.name} cannot be the goal for these questions; got "
                    f"{language}. {found.why.rstrip('.')}. Choose another goal, such as token_f1 or judge.correctness."
                )


def _metrics(spec: SweepSpec, entry: StageEntry, resolve: OptionResolver) -> Iterator[MeasureStep]:
    names = steps_of("measure")
    parameters = dict(entry.parameters)
    name = known(entry.use, names)
    if name is None and (found := re.fullmatch(r"(.+)_(\d+)", entry.use)) and known(found[1], names):
        name, parameters = known(found[1], names), {"k": int(found[2]), **parameters}
    scope, _, rest = entry.use.partition(".")
    if name is None and rest and scope in _SCOPES:
        name, parameters = scope, {**_SCOPES[scope](rest), **parameters}
    if name is None:
        raise UnknownNameError(spec.document.at(entry.path), "metric", entry.use, names)
    kinds = step_fields(names[name])
    for key in parameters:
        if key not in kinds:
            raise UnknownNameError(spec.document.at(join(entry.path, key)), f"parameter of {name!r}", key, kinds)
    alternatives = {key: alternatives_of(value, kinds[key]) for key, value in parameters.items()}
    for values in itertools.product(*alternatives.values()):
        made = build(spec, "measure", name, dict(zip(alternatives, values, strict=True)), entry.path, resolve)
        if not isinstance(made, MeasureStep):
            raise SpecError(f"{spec.document.at(entry.path)}: not a metric; got {name!r}. Base it on MeasureStep.")
        yield made

"""``measure:`` to metric steps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.metric import MeasureStep
from ragscout.model.step import steps_of
from ragscout.spec.document import join
from ragscout.spec.entries import known
from ragscout.spec.options import Resolver, alternatives_of, build, step_fields
from ragscout.spec.types import Entry, SweepSpec

_SCOPES: dict[str, Callable[[str], dict[str, Any]]] = {
    "ragas": lambda rest: {"metric": rest},
    "judge": lambda rest: {"criteria": [rest]},
}
"""Metrics that may be named by one figure: ``ragas.faithfulness``, ``judge.correctness``."""

PACKAGED_LANGUAGES = {"bertscore": ("en",)}
"""Metrics whose packaged model knows only some languages."""


def metrics(spec: SweepSpec, languages: Collection[str], resolve: Resolver) -> tuple[MeasureStep, ...]:
    """The metrics of a sweep, in the order of the file, each once.

    Args:
        spec: the sweep.
        languages: languages of the questions (``ko``, ``en``, ``other``).
        resolve: revisions of models.

    Raises:
        SpecError: an unknown metric or a wrong parameter, with its place; a metric in the wrong family; a goal that
            knows none of the languages.
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
    chosen = tuple(found.values())
    _check_goal(spec, chosen, languages)
    return chosen


def unsuited(chosen: Collection[MeasureStep], languages: Collection[str]) -> list[str]:
    """One sentence for each metric whose packaged model does not know a language of the questions."""
    notes = []
    for metric in chosen:
        fit = _packaged(metric)
        missing = sorted(set(languages) - set(fit)) if fit else []
        if missing:
            notes.append(
                f"{metric.name} knows {', '.join(fit)} only: questions in {', '.join(missing)} are not scored by it. "
                "Name a multilingual model, or use chrf or token_f1."
            )
    return notes


def _packaged(metric: MeasureStep) -> tuple[str, ...]:
    """Languages of a metric's packaged model; empty for any language, and for a model of the user's own."""
    own = metric.parameters().keys() - {"revision"}
    return () if own else PACKAGED_LANGUAGES.get(metric.name, ())


def _check_goal(spec: SweepSpec, chosen: Collection[MeasureStep], languages: Collection[str]) -> None:
    for metric in chosen:
        fit = _packaged(metric)
        is_goal = any(figure.name == spec.goal.metric for figure in metric.figures())
        if is_goal and fit and languages and not set(fit) & set(languages):
            raise SpecError(
                f"{spec.document.at('goal')}: {metric.name} knows {', '.join(fit)} only; got questions in "
                f"{', '.join(sorted(languages))}. Name a multilingual model for it, or choose another goal, such as "
                "token_f1 or judge.correctness."
            )


def _metrics(spec: SweepSpec, entry: Entry, resolve: Resolver) -> Iterator[MeasureStep]:
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

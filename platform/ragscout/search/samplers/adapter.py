"""Optuna's samplers behind an adapter.

The history of rounds is the truth. ``propose`` builds a study in memory from it in every round, with the sampler
seeded by (seed, round), so a proposal is a pure function of (space, seed, history). ``search.study_mirror`` projects
the same history onto a persistent study.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ragscout.model.errors import MissingExtraError, ParameterError, UnknownNameError
from ragscout.search.space import EncodedSpace

SAMPLERS = {"gp": "GPSampler", "tpe": "TPESampler", "nsga2": "NSGAIISampler", "motpe": "TPESampler"}
PACKAGES = ("optuna", "optuna_integration")
"""The only packages a sampler may be imported from: naming a class elsewhere would run somebody's module."""
FIXED = ("self", "seed")
POPULATION = 16
_RETRIES = 4


Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Known:
    """A configuration the sampler learns from: its knob values and the estimates of its objectives."""

    params: Mapping[str, str]
    values: tuple[float, ...]


def round_seed(seed: int, number: int) -> int:
    """Seed of a round's sampler: the first 32 bits of SHA-256 of (seed, round)."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4], "big")


@dataclass(frozen=True)
class Sampler:
    """A sampler by short name or import path, with parameters for its constructor."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)


def propose(
    sampler: Sampler,
    space: EncodedSpace,
    known: Mapping[int, Known],
    free: Sequence[int],
    count: int,
    seed: int,
    directions: Sequence[Direction] = ("maximize",),
) -> list[int]:
    """``count`` rows of ``free`` that the sampler wants next.

    ``known``: in the order they were first asked. A proposal is mapped to the nearest canonical configuration. One
    that is known is told from the known result and the sampler asked again; after four of those in a row the nearest
    new one is taken.
    """
    import numpy as np
    import optuna

    made = _sampler(sampler, seed)
    study = optuna.create_study(directions=list(directions), sampler=made)
    distributions = distributions_of(space)
    for number, item in enumerate(known.values()):
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(item.params),
                distributions=distributions,
                values=list(item.values),
                system_attrs=_generation(made, number),
            )
        )
    everything = [row for row in space.candidates if row in known] + list(free)
    order = np.random.default_rng(seed).permutation(len(space.keys)).tolist()
    chosen: list[int] = []
    left = list(free)
    while len(chosen) < count and left:
        for _ in range(_RETRIES):
            trial = study.ask(distributions)
            row = space.nearest(trial.params, everything, order)
            if row not in known:
                break
            study.tell(trial, list(known[row].values))
        if row in known or row in chosen:
            row = space.nearest(trial.params, left, order)
        chosen.append(row)
        left.remove(row)
    return chosen


def _generation(sampler: Any, number: int) -> dict[str, int]:
    """Return a genetic sampler finds its populations by a mark on the trials; without it every proposal would be
    random."""
    import optuna

    if not isinstance(sampler, optuna.samplers.BaseGASampler):
        return {}
    return {sampler._get_generation_key(): number // (sampler.population_size or POPULATION)}


def distributions_of(space: EncodedSpace) -> dict[str, Any]:
    """Every knob as a category."""
    import optuna

    return {knob: optuna.distributions.CategoricalDistribution(levels) for knob, levels in space.knobs.items()}


def _sampler(sampler: Sampler, seed: int) -> Any:
    import optuna

    cls = sampler_class(sampler.name)
    parameters: dict[str, Any] = {"seed": seed} if "seed" in inspect.signature(cls).parameters else {}
    if sampler.name == "gp":
        parameters |= {"n_startup_trials": 1, "deterministic_objective": False}
    elif sampler.name in ("tpe", "motpe"):
        parameters |= {"n_startup_trials": 4}
    elif issubclass(cls, optuna.samplers.BaseGASampler):
        parameters |= {"population_size": POPULATION}
    try:
        if issubclass(cls, optuna.samplers.GPSampler):
            importlib.import_module("torch")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return cls(**(parameters | dict(sampler.parameters)))
    except ImportError as error:
        missing = error.name or "torch"
        if missing == "torch":
            raise MissingExtraError(f"search: {sampler.name}", "local") from None
        raise ParameterError(
            f"search.sampler: {sampler.name} needs the package {missing}; got none installed. Install {missing}."
        ) from None
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"search.sampler: {sampler.name} refuses its parameters; got {dict(sampler.parameters)}: {error}. "
            "See the sampler's documentation."
        ) from None


def sampler_class(name: str) -> Any:
    """Return the class of a sampler by short name or import path.

    Allowed is a subclass of ``optuna.samplers.BaseSampler`` that lies in the packages ``optuna`` or
    ``optuna_integration``; no other module is imported.

    Raises:
        UnknownNameError: there is no such sampler.
        ParameterError: the path is not allowed.
    """
    import optuna

    path = f"optuna.samplers.{SAMPLERS[name]}" if name in SAMPLERS else name
    module, _, cls = path.rpartition(".")
    if module.split(".")[0] not in PACKAGES or not all(part.isidentifier() for part in path.split(".")):
        raise ParameterError(
            f"search.sampler: not an allowed import path; got {name!r}. "
            "Name a sampler of Optuna, for example optuna.samplers.CmaEsSampler."
        )
    try:
        found = getattr(importlib.import_module(module), cls, None)
    except ImportError:
        found = None
    if not (isinstance(found, type) and issubclass(found, optuna.samplers.BaseSampler)) or inspect.isabstract(found):
        allowed = [
            f"optuna.samplers.{item}"
            for item in optuna.samplers.__all__
            if item.endswith("Sampler") and "Base" not in item
        ]
        raise UnknownNameError("search", "Optuna sampler", name, [*SAMPLERS, *allowed])
    return found


def check_sampler(sampler: Sampler) -> Sampler:
    """Return the same sampler when its path is allowed and every parameter is a plain value its constructor has.

    Raises:
        UnknownNameError, ParameterError: for the path or a parameter.
    """
    parameters = inspect.signature(sampler_class(sampler.name)).parameters
    known = [name for name in parameters if name not in FIXED]
    needed = [name for name in known if parameters[name].default is inspect.Parameter.empty]
    missing = [
        name for name in needed if name not in sampler.parameters and parameters[name].kind.name != "VAR_KEYWORD"
    ]
    if missing:
        raise ParameterError(
            f"search.sampler: {sampler.name} cannot be used here; it needs {', '.join(missing)}, which a sweep file "
            "cannot give. Name another sampler, for example optuna.samplers.QMCSampler."
        )
    for name, value in sampler.parameters.items():
        if name not in known:
            raise UnknownNameError("search", f"parameter of {sampler.name}", name, known)
        if not isinstance(value, (bool, int, float, str, type(None))):
            raise ParameterError(
                f"search.{name}: not a plain value; got {value!r}. Give a number, a word or true/false."
            )
    return sampler


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Optuna's messages about single trials are not for the user of a sweep."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)

"""Optuna behind an adapter: samplers that propose, and a study that mirrors the history.

The history of rounds is the truth. ``propose`` builds a study in memory from it in every round, with the sampler
seeded by (seed, round), so a proposal is a pure function of (space, seed, history). ``StudyMirror`` projects the same
history onto a persistent study through ask, report and tell: one trial per configuration, RUNNING while it may still
get questions. A study that is missing or differs is built anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ragscout.model.errors import MissingExtraError, ParameterError, UnknownNameError
from ragscout.search.space import EncodedSpace

SAMPLERS = {"gp": "GPSampler", "tpe": "TPESampler", "nsga2": "NSGAIISampler", "motpe": "TPESampler"}
PACKAGES = ("optuna", "optuna_integration")
"""The only packages a sampler may be imported from: naming a class elsewhere would run somebody's module."""
FIXED = ("self", "seed")
POPULATION = 16
_CURSOR = "ragscout_events"
_RETRIES = 4


TrialState = Literal["running", "complete", "fail"]


@dataclass(frozen=True)
class Known:
    """A configuration the sampler learns from: its knob values and the estimates of its objectives."""

    params: Mapping[str, str]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Event:
    """One step of a trial: ``n`` questions answered with mean ``value``; attributes beside it."""

    key: str
    params: Mapping[str, str]
    state: TrialState
    n: int
    value: float | None
    attributes: Mapping[str, Any] = field(default_factory=dict)


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
    directions: Sequence[str] = ("maximize",),
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
    distributions = _distributions(space)
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
    """A genetic sampler finds its populations by a mark on the trials; without it every proposal would be random."""
    import optuna

    if not isinstance(sampler, optuna.samplers.BaseGASampler):
        return {}
    return {sampler._get_generation_key(): number // (sampler.population_size or POPULATION)}


def _distributions(space: EncodedSpace) -> dict[str, Any]:
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
    """The class of a sampler by short name or import path.

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
    """The same sampler when its path is allowed and every parameter is a plain value its constructor has.

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


class StudyMirror:
    """A persistent Optuna study kept equal to a list of events.

    ``storage``: a path of a journal file, a SQLAlchemy URL, or empty for memory. The study's name carries the digest
    of the space, so another space never meets this one's trials.
    """

    def __init__(self, storage: str, sweep: str, space: EncodedSpace, higher: bool) -> None:
        self._where, self._space, self._higher = storage, space, higher
        self.name = f"{sweep}-{space.digest[:12]}"
        self._storage: Any = None
        self._study: Any = None
        self._done = 0
        self._numbers: dict[str, int] = {}
        self._reported: set[tuple[int, int]] = set()
        self._open_trials: dict[int, Any] = {}

    def sync(self, events: Sequence[Event]) -> None:
        """Bring the study to the state after ``events``; idempotent."""
        with quiet():
            if self._study is None or not self._present():
                self._open(events)
            elif self._done > len(events):
                self._rebuild()
            self._apply(events[self._done :])

    def study(self) -> Any:
        """The ``optuna.Study``, for plots and importances; ``None`` before the first ``sync``."""
        return self._study

    def _present(self) -> bool:
        if self._is_file:
            return Path(self._where).exists()
        try:
            return bool(self._study.user_attrs.get(_CURSOR, 0) == self._done)
        except (KeyError, self._storage_error()):
            return False

    @property
    def _is_file(self) -> bool:
        return bool(self._where) and "://" not in self._where

    @staticmethod
    def _storage_error() -> type[Exception]:
        import optuna

        error: type[Exception] = optuna.exceptions.StorageInternalError
        return error

    def _open(self, events: Sequence[Event]) -> None:
        import optuna

        self._storage = self._connect()
        try:
            study = optuna.load_study(study_name=self.name, storage=self._storage)
        except KeyError:
            self._create()
            return
        done = study.user_attrs.get(_CURSOR)
        if isinstance(done, int) and done <= len(events) and snapshot(study) == expected(events[:done]):
            self._study, self._done = study, done
            trials = study.get_trials(deepcopy=False)
            self._numbers = {trial.user_attrs["key"]: trial.number for trial in trials}
            self._reported = {(trial.number, step) for trial in trials for step in trial.intermediate_values}
            self._open_trials = {}
        else:
            self._rebuild()

    def _connect(self) -> Any:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        if not self._where:
            return self._storage or optuna.storages.InMemoryStorage()
        if self._is_file:
            Path(self._where).parent.mkdir(parents=True, exist_ok=True)
            return optuna.storages.JournalStorage(JournalFileBackend(self._where))
        return optuna.storages.RDBStorage(self._where)

    def _rebuild(self) -> None:
        import optuna

        with contextlib.suppress(KeyError):
            optuna.delete_study(study_name=self.name, storage=self._storage)
        self._create()

    def _create(self) -> None:
        import optuna

        self._study = optuna.create_study(
            study_name=self.name,
            storage=self._storage,
            direction="maximize" if self._higher else "minimize",
            sampler=optuna.samplers.RandomSampler(seed=0),
        )
        self._study.set_user_attr("space", self._space.digest)
        self._done, self._numbers, self._reported, self._open_trials = 0, {}, set(), {}

    def _apply(self, events: Sequence[Event]) -> None:
        if not events:
            return
        import optuna

        distributions = _distributions(self._space)
        for event in events:
            number = self._numbers.get(event.key)
            if number is None:
                self._study.enqueue_trial(dict(event.params))
                trial = self._study.ask(distributions)
                trial.set_user_attr("key", event.key)
                number = self._numbers[event.key] = trial.number
                self._open_trials[number] = trial
            if number not in self._open_trials:
                self._open_trials[number] = _trial(self._study, number)
            trial = self._open_trials[number]
            for name, value in event.attributes.items():
                trial.set_user_attr(name, value)
            if event.value is not None and (number, event.n) not in self._reported:
                trial.report(event.value, step=event.n)
                self._reported.add((number, event.n))
            if event.state == "complete":
                self._study.tell(self._open_trials.pop(number), event.value)
            elif event.state == "fail":
                self._study.tell(self._open_trials.pop(number), state=optuna.trial.TrialState.FAIL)
            self._done += 1
        self._study.set_user_attr(_CURSOR, self._done)


def _trial(study: Any, number: int) -> Any:
    import optuna

    return optuna.trial.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


def snapshot(study: Any) -> list[dict[str, Any]]:
    """What is compared between a study and the history: everything but Optuna's own numbers and clocks."""
    return [
        {
            "params": dict(trial.params),
            "state": trial.state.name.lower(),
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "reported": dict(trial.intermediate_values),
            "attributes": dict(trial.user_attrs),
        }
        for trial in study.get_trials(deepcopy=False)
    ]


def expected(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The snapshot that these events lead to."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        item = found.setdefault(event.key, {"params": dict(event.params), "reported": {}, "attributes": {}})
        item["state"] = event.state
        item["value"] = event.value if event.state == "complete" else None
        item["attributes"] |= {"key": event.key, **event.attributes}
        if event.value is not None:
            item["reported"].setdefault(event.n, event.value)
    return list(found.values())

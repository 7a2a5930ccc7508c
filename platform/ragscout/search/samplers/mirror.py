"""A persistent Optuna study that mirrors the history of a search.

The history is projected through ask, report and tell: one trial per configuration, RUNNING while it may still get
questions. A study that is missing or differs is built anew.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ragscout.model.errors import StoreError
from ragscout.search.samplers.adapter import distributions_of, quiet
from ragscout.search.space import EncodedSpace

log = logging.getLogger(__name__)

_CURSOR = "ragscout_events"
TrialState = Literal["running", "complete", "fail"]


@dataclass(frozen=True)
class MirroredEvent:
    """One step of a trial: ``n`` questions answered with mean ``value``; attributes beside it."""

    key: str
    params: Mapping[str, str]
    state: TrialState
    n: int
    value: float | None
    attributes: Mapping[str, Any] = field(default_factory=dict)


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

    def sync(self, events: Sequence[MirroredEvent]) -> None:
        """Bring the study to the state after ``events``; idempotent."""
        with quiet():
            if self._study is None or not self._present():
                self._open(events)
            elif self._done > len(events):
                self._rebuild()
            self._apply(events[self._done :])

    def study(self) -> Any:
        """Return the ``optuna.Study``, for plots and importances; ``None`` before the first ``sync``."""
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

    def _open(self, events: Sequence[MirroredEvent]) -> None:
        """Go on with the study, or make it. A file that is no study, or a torn one, is kept beside it: the history is
        the truth, so that nothing is lost."""
        try:
            self._load(events)
        except (json.JSONDecodeError, UnicodeDecodeError):
            if not self._is_file:
                raise
            kept = Path(self._where).rename(f"{self._where}.unreadable")
            log.warning("%s: not a study of Optuna; kept as %s, and a new one is made", self._where, kept.name)
            self._load(events)

    def _load(self, events: Sequence[MirroredEvent]) -> None:
        import optuna

        self._storage = self._connect()
        try:
            study = optuna.load_study(study_name=self.name, storage=self._storage)
        except KeyError:
            others = optuna.get_all_study_names(self._storage) if self._is_file else []
            if others:
                log.warning(
                    "%s: belongs to another sweep or space; got study %s. This one is kept in it under a new name: %s.",
                    Path(self._where).name,
                    ", ".join(others[:3]),
                    self.name,
                )
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
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return optuna.storages.RDBStorage(self._where)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise StoreError(
                f"RAGSCOUT_STUDY: the database of the study cannot be opened; got {str(error).splitlines()[0]}. "
                "Correct the URL, or leave the setting out: the study then lies in the store."
            ) from None

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

    def _apply(self, events: Sequence[MirroredEvent]) -> None:
        if not events:
            return
        import optuna

        distributions = distributions_of(self._space)
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
    """Return what is compared between a study and the history: everything but Optuna's own numbers and clocks."""
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


def expected(events: Sequence[MirroredEvent]) -> list[dict[str, Any]]:
    """Return the snapshot that these events lead to."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        item = found.setdefault(event.key, {"params": dict(event.params), "reported": {}, "attributes": {}})
        item["state"] = event.state
        item["value"] = event.value if event.state == "complete" else None
        item["attributes"] |= {"key": event.key, **event.attributes}
        if event.value is not None:
            item["reported"].setdefault(event.n, event.value)
    return list(found.values())

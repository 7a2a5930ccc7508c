"""Leaving a model out of a sweep for good: rows that ask it are asked nothing more and cannot win."""

from __future__ import annotations

from ragscout.engine.journal import SweepJournal
from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.results.journal import RowsDropped
from ragscout.model.step import chat_models
from ragscout.plan.setup import Setup


def drop_model(prepared: Setup, journal: SweepJournal, name: str) -> int:
    """Leave every configuration out that asks a model, and return how many these are.

    Args:
        prepared: the sweep.
        journal: where it is written down.
        name: of a connection, as the sweep file has it.

    Raises:
        UnknownNameError: no configuration asks such a model.
        SpecError: every configuration asks it, or a metric does.
    """
    where = f"{prepared.spec.sweep}: --drop"
    space = prepared.space.configurations
    names = {model.label for item in space for step in item.steps.values() for model in chat_models(step)}
    if any(name == model.label for metric in prepared.metrics for model in chat_models(metric)):
        raise SpecError(f"{where}: a metric asks {name}; got a judge. Take that metric out of measure instead.")
    if name not in names:
        raise UnknownNameError(where, "model that a configuration asks", name, names)
    dropped = [item for item in prepared.configurations if _asks(item, name)]
    if not any(not _asks(item, name) for item in space if not item.roles):
        raise SpecError(f"{where}: every configuration asks {name}, so nothing would be left. Repair it instead.")
    journal.append(RowsDropped({item.key: f"models.{name} was left out of this sweep (--drop)" for item in dropped}))
    return sum(1 for item in space if _asks(item, name))


def _asks(configuration: Configuration, name: str) -> bool:
    return any(model.label == name for step in configuration.steps.values() for model in chat_models(step))

"""Proposers, early stopping and the statistics of the leaderboard.

``make_proposer`` is the registry: one line per search.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence

from ragscout.model.board import Goal
from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.search.contract import Proposer
from ragscout.search.space import Space

SEARCHES = {
    "grid": ("ragscout.search.grid", "GridProposer"),
    "gp": ("ragscout.search.gp", "GPProposer"),
    "tpe": ("ragscout.search.tpe", "TPEProposer"),
    "factor": ("ragscout.search.factor", "FactorProposer"),
    "random": ("ragscout.search.sampled", "RandomProposer"),
}
GRID_LIMIT = 100
"""``auto`` measures at most this many configurations completely when there is no limit on answers."""


def resolve(name: str, configurations: int, questions: int, answers: int | None) -> str:
    """What ``auto`` stands for: the grid when it fits the limit (without a limit: up to 100 configurations), else the
    factor search above 100 configurations, else the Gaussian process where torch is installed, else TPE. Other names
    are returned as they are."""
    if name != "auto":
        return name
    fits = configurations <= GRID_LIMIT if answers is None else configurations * questions <= answers
    if fits:
        return "grid"
    if configurations > GRID_LIMIT:
        return "factor"
    return "gp" if importlib.util.find_spec("torch") is not None else "tpe"


def make_proposer(
    name: str,
    space: Space,
    questions: Sequence[str],
    goal: Goal,
    seed: int = 0,
    budget: int | None = None,
    options: Mapping[str, object] | None = None,
    *,
    sweep: str = "sweep",
    storage: str | None = "",
) -> Proposer:
    """Build the proposer of a search.

    ``questions``: development question ids in the common order (``order_questions``). ``budget``: the most answers
    that may be asked of candidates, ``None`` for no limit. ``options``: fields of ``search.policy.Policy``.
    ``storage``: journal file or SQLAlchemy URL of the Optuna study, empty for memory, ``None`` for no study.

    Raises:
        UnknownNameError: no search or option of this name.
        ParameterError: a budget below 0 or an option out of range.
        SpecError: an empty space.
        MissingExtraError: at the first proposal, when the sampler needs an extra.
    """
    from ragscout.search.policy import policy_of

    if budget is not None and budget < 0:
        raise ParameterError(f"budget.calls: below 0; got {budget}. Give the number of answers that may be asked.")
    name = resolve(name, len(space.configurations), len(questions), budget)
    arguments = (space, questions, goal, seed, budget, policy_of(options or {}))
    if name.startswith("optuna.samplers."):
        from ragscout.search.optuna_adapter import sampler_class
        from ragscout.search.sampled import OptunaProposer

        sampler_class(name)
        made = OptunaProposer(*arguments, sweep=sweep, storage=storage)
        made.sampler = name
        return made
    if name not in SEARCHES:
        raise UnknownNameError("search", "search", name, ["auto", *SEARCHES, "optuna.samplers.<Name>"])
    module, cls = SEARCHES[name]
    proposer: Proposer = getattr(importlib.import_module(module), cls)(*arguments, sweep=sweep, storage=storage)
    return proposer


def order_questions(questions: Sequence[str], seed: int) -> tuple[str, ...]:
    """The common order of a sweep: sorted by SHA-256 of (seed, id), so that an added question moves no other."""
    import hashlib

    return tuple(sorted(questions, key=lambda item: (hashlib.sha256(f"{seed}\x00{item}".encode()).digest(), item)))

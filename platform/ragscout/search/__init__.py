"""Proposers, early stopping and the statistics of the leaderboard.

``make_proposer`` is the registry: one line per search.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.model.results.board import Goal
from ragscout.search.contract import Proposer
from ragscout.search.space import SpaceTable

if TYPE_CHECKING:
    from ragscout.search.rounds import Policy
    from ragscout.search.samplers.adapter import Sampler

SEARCHES = {
    "grid": ("ragscout.search.methods.grid", "GridProposer"),
    "gp": ("ragscout.search.methods.gp", "GPProposer"),
    "tpe": ("ragscout.search.methods.tpe", "TPEProposer"),
    "factor": ("ragscout.search.factor.search", "FactorProposer"),
    "random": ("ragscout.search.methods.sampled", "RandomProposer"),
    "greedy": ("ragscout.search.methods.greedy", "GreedyProposer"),
    "gam": ("ragscout.search.methods.gam", "GAMProposer"),
    "halving": ("ragscout.search.methods.halving", "HalvingProposer"),
    "nsga2": ("ragscout.search.methods.pareto", "ParetoProposer"),
    "motpe": ("ragscout.search.methods.pareto", "MultiTPEProposer"),
    "optuna": ("ragscout.search.methods.sampled", "OptunaProposer"),
}
GRID_LIMIT = 100
"""``auto`` measures at most this many configurations completely when there is no limit on answers."""


def resolve(name: str, configurations: int, questions: int, answers: int | None) -> str:
    """Return what ``auto`` stands for: the grid when it fits the limit (without a limit: up to 100 configurations),
    else the factor search above 100 configurations, else the Gaussian process where torch is installed, else TPE. Other
    names are returned as they are."""
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
    space: SpaceTable,
    questions: Sequence[str],
    goal: Goal,
    seed: int = 0,
    budget: int | None = None,
    options: Mapping[str, object] | None = None,
    *,
    sweep: str = "sweep",
    storage: str | None = "",
    building: Mapping[str, float] | None = None,
    sampled: Mapping[str, str] | None = None,
    weights: Sequence[float] = (),
) -> Proposer:
    """Build the proposer of a search.

    ``questions``: development question ids in the common order (``order_questions``). ``budget``: the most answers
    that may be asked of candidates, ``None`` for no limit. ``options``: fields of ``search.policy.Policy``.
    ``weights``: of the questions in the goal's mean, in their order (``search.weights.weights_of``), empty when all
    count alike.
    ``building``: seconds of building what a retrieval prefix lacks, by its key (``search.screen.building``).
    ``sampled``: key of a prefix on the corpus sample to that of the prefix.
    ``storage``: journal file or SQLAlchemy URL of the Optuna study, empty for memory, ``None`` for no study.

    Raises:
        UnknownNameError: no search or option of this name.
        ParameterError: a budget below 0 or an option out of range.
        SpecError: an empty space.
        MissingExtraError: at the first proposal, when the sampler needs an extra.
    """
    if budget is not None and budget < 0:
        raise ParameterError(f"budget.calls: below 0; got {budget}. Give the number of answers that may be asked.")
    name = resolve(name, len(space.configurations), len(questions), budget)
    policy, sampler = check(name, options or {})
    module, cls = SEARCHES["optuna" if sampler else name]
    proposer = getattr(importlib.import_module(module), cls)(
        space, questions, goal, seed, budget, policy, sweep=sweep, storage=storage, weights=weights
    )
    proposer.building = building or {}
    proposer.prior.sampled = sampled or {}
    if sampler:
        proposer.sampler = sampler
    made: Proposer = proposer
    return made


def check(name: str, options: Mapping[str, object]) -> tuple[Policy, Sampler | None]:
    """Sizes of the round policy and, for a search by import path, the sampler with its parameters.

    ``{use: optuna, sampler: optuna.samplers.QMCSampler, scramble: true}`` and ``optuna.samplers.QMCSampler`` as the
    name mean a sampler of Optuna; options that are not the policy's are parameters of its constructor.

    Raises:
        UnknownNameError: no search, sampler or option of this name.
        ParameterError: an option out of range, or an import path that is not allowed.
    """
    from ragscout.search.rounds import OPTIONS, policy_of

    path = str(options.get("sampler", "")) if name == "optuna" else name if name.startswith("optuna.") else ""
    if name == "optuna" and not path:
        raise ParameterError(
            "search.sampler: missing; got none. Name a sampler of Optuna, for example optuna.samplers.CmaEsSampler."
        )
    if not path:
        if name not in ("auto", *SEARCHES):
            raise UnknownNameError("search", "search", name, ["auto", *SEARCHES, "optuna.samplers.<Name>"])
        return policy_of(options), None
    from ragscout.search.samplers.adapter import Sampler, check_sampler

    own = {key: value for key, value in options.items() if key in OPTIONS}
    rest = {key: value for key, value in options.items() if key not in OPTIONS and key != "sampler"}
    return policy_of(own), check_sampler(Sampler(path, rest))


def check_screen(policy: Policy, figures: Sequence[str]) -> None:
    """Whether prefixes can be filtered by one of the retrieval ``figures`` that a sweep measures.

    Raises:
        ParameterError: ``screen: {keep: ...}`` without a figure to rank by.
    """
    from ragscout.search.factor.prior import METRICS, prior_figure

    if policy.keep < 1 and prior_figure(figures) is None:
        raise ParameterError(
            f"search.screen.keep: no retrieval metric to rank by; got {', '.join(figures) or 'none'}. Add one under "
            f"measure.retrieval ({', '.join(METRICS)}), or leave keep out."
        )


def order_questions(questions: Sequence[str], seed: int) -> tuple[str, ...]:
    """Return the common order of a sweep: sorted by SHA-256 of (seed, id), so that an added question moves no other."""
    import hashlib

    return tuple(sorted(questions, key=lambda item: (hashlib.sha256(f"{seed}\x00{item}".encode()).digest(), item)))

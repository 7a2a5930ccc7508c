"""The round policy of the sampled searches (GP, TPE, random, any Optuna sampler), readable in one place.

All rows answer the questions in one common order, in blocks, so any two rows are paired on the first questions.

1. *Start*: one block for every row with a role (baselines, reference, included ones) and for a start design spread
   over the knob values.
2. *Search*: half of each round deepens the best open rows by a block, the other half starts configurations that the
   sampler proposes. A row is given up for good when it passes the paired O'Brien-Fleming boundary against the
   incumbent.
3. *Reach*: rows with a role and the best ``reach`` open rows get to ``minimum`` questions.
4. *Finals*: the leaders answer what is left, all to one depth.

With a limit on answers the search stops where steps 3 and 4 (a fifth of the limit) would no longer fit; the limit is
never exceeded. Without a limit everything that is not given up is completed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.model.results.declared_sample import AUTO, OFF, setting
from ragscout.search.space import EncodedSpace
from ragscout.search.state import Depth, SearchState
from ragscout.search.stopping import RULES

FINALS_SHARE = 0.2
"""Share of the limits of a search that is kept back to deepen the leaders at its end."""
START_SHARE = 0.27
FEWEST_FINALISTS = 3
CHOICES = {"stop": tuple(RULES), "price": ("auto", "money", "seconds", "none")}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Sizes of the round policy; every one can be set under ``search:``.

    ``block``: questions per request. ``minimum``: questions that at least ``reach`` configurations get. ``finalists``:
    leaders that are deepened at the end. ``start``: configurations of the start design (0 = chosen from the space and
    the limit). ``round``: requests per round. ``trials``: most configurations to start (0 = no limit). ``stop``: the
    rule that gives a configuration up (``search.stopping``). ``price``: what a block costs when the factor search ranks
    by probability over price: ``money``, ``seconds``, ``none`` (all alike), or ``auto``: money where prices are known
    and answers are not what is limited. ``warm``: whether answers that the store holds already are told before the
    first round. ``keep`` (written ``screen: {keep: 0.25}``): share of the retrieval prefixes, the best by their figure,
    whose configurations take part; 1 keeps all. ``sample`` (written ``screen: {sample: auto}``): the corpus sample on
    which retrieval is ranked first (``model.declared_sample.setting``).
    """

    block: int = 10
    minimum: int = 20
    reach: int = 8
    finalists: int = 8
    start: int = 0
    round: int = 8
    trials: int = 0
    stop: str = "obrien-fleming"
    price: str = "auto"
    warm: bool = True
    keep: float = 1.0
    sample: str = AUTO

    def __post_init__(self) -> None:
        if self.keep < 1 and self.sample not in (AUTO, OFF):
            raise ParameterError(
                f"search.screen: keep filters by figures of the whole corpus; got sample: {self.sample} beside it. "
                "Leave one of them out."
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "sample":
                continue
            if isinstance(value, str):
                if value not in CHOICES[field.name]:
                    raise UnknownNameError(f"search.{field.name}", "rule", value, CHOICES[field.name])
                continue
            if field.name == "keep":
                if not 0 < value <= 1:
                    raise ParameterError(f"search.screen.keep: not a share; got {value}. Give more than 0, at most 1.")
                continue
            least = 0 if field.name in ("start", "trials", "finalists", "warm") else 1
            if value < least:
                raise ParameterError(f"search.{field.name}: too small; got {value}. Allowed: at least {least}.")

    @property
    def finals_share(self) -> float:
        """Share of the limit that is kept back to deepen finalists."""
        return FINALS_SHARE if self.finalists else 0.0


OPTIONS = (*(field.name for field in fields(Policy)), "screen")


def policy_of(options: Mapping[str, object]) -> Policy:
    """Validate options to the declared types.

    Raises:
        UnknownNameError: for an option that does not exist.
        ParameterError: for a value of the wrong type or too small.
    """
    known = {field.name: field for field in fields(Policy)}
    values: dict[str, Any] = {}
    for name, value in _flat(options).items():
        if name not in known:
            raise UnknownNameError("search", "option of the search", name, known)
        if name == "sample":
            values[name] = setting(value)
            continue
        if known[name].type == "bool":
            if not isinstance(value, bool):
                raise ParameterError(f"search.{name}: not true or false; got {value!r}. Write true or false.")
            values[name] = value
            continue
        if known[name].type == "float":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ParameterError(f"search.screen.{name}: not a share; got {value!r}. Give a number such as 0.25.")
            values[name] = float(value)
            continue
        if known[name].type == "str":
            values[name] = "none" if value is None else str(value)
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterError(f"search.{name}: not a whole number; got {value!r}. Give a number such as 10.")
        values[name] = value
    return Policy(**values)


def _flat(options: Mapping[str, object]) -> dict[str, object]:
    """``screen: {keep: 0.25}`` as ``keep: 0.25``; the same with ``sample``."""
    found = {name: value for name, value in options.items() if name != "screen"}
    screen = options.get("screen", {})
    if not isinstance(screen, Mapping):
        raise ParameterError(f"search.screen: not a mapping; got {screen!r}. Write screen: {{keep: 0.25}}.")
    for name, value in screen.items():
        if name not in ("keep", "sample"):
            raise UnknownNameError("search.screen", "option", str(name), ["keep", "sample"])
        found[name] = value
    return found


def start_size(space: EncodedSpace, policy: Policy, limit: int | None) -> int:
    """How many configurations the start design has."""
    wanted = policy.start or max(8, min(32, 2 * sum(len(levels) - 1 for levels in space.knobs.values())))
    if limit is not None and not policy.start:
        affordable = int(limit * START_SHARE / policy.block)
        after_roles = (limit - len(space.always) * policy.block) // policy.block
        wanted = min(wanted, max(1, min(affordable, after_roles)))
    if policy.trials:
        wanted = min(wanted, policy.trials)
    return min(wanted, len(space.candidates))


def start(progress: SearchState, design: Sequence[int]) -> list[Depth]:
    """First blocks of rows with a role and of the start design that are still missing."""
    block = progress.policy.block
    always = [row for row in progress.space.always if progress.alive(row) and not progress.answered[row]]
    # A limit too small for a block each still gives every row with a role the same number of questions.
    share = block if progress.limit is None else min(block, progress.left // max(1, len(always)))
    wants = [Depth(row, share, "baseline") for row in always if share]
    return wants + [Depth(row, block, "start") for row in design if progress.alive(row) and not progress.answered[row]]


def reserved(progress: SearchState) -> int:
    """Answers kept back for the steps after the search."""
    if progress.limit is None:
        return 0
    minimum = min(progress.policy.minimum, progress.total)
    deepest = sorted((int(progress.answered[row]) for row in progress.open()), reverse=True)[: progress.policy.reach]
    deepest += [0] * (min(progress.policy.reach, len(progress.space.candidates)) - len(deepest))
    roles = [int(progress.answered[row]) for row in progress.space.always if progress.alive(row)]
    reach = sum(max(0, minimum - n) for n in (*deepest, *roles))
    return reach + int(progress.policy.finals_share * progress.limit)


def search(progress: SearchState) -> tuple[list[Depth], int]:
    """Rows to deepen in this round, and how many new configurations the sampler may start."""
    policy = progress.policy
    fresh = len(progress.fresh())
    if policy.trials:
        fresh = min(fresh, max(0, policy.trials - progress.begun()))
    size = policy.round
    if progress.limit is not None:
        size = min(size, max(0, progress.left - reserved(progress)) // policy.block)
    rows = [*progress.open(), *_unfinished_roles(progress)] if progress.limit is None else progress.open()
    new = min(fresh, size - min(len(rows), size // 2))
    return [Depth(row, policy.block, "continue") for row in rows[: size - new]], new


def _unfinished_roles(progress: SearchState) -> list[int]:
    return [row for row in progress.space.always if progress.alive(row) and progress.answered[row] < progress.total]


def reach(progress: SearchState) -> list[Depth]:
    """Rows with a role and the best open rows that have not reached the minimum yet."""
    minimum = min(progress.policy.minimum, progress.total)
    candidates = set(progress.space.candidates)
    leaders = [row for row in progress.started() if row not in progress.stopped and row in candidates]
    rows = [*_unfinished_roles(progress), *leaders[: progress.policy.reach]]
    return [
        Depth(row, min(progress.policy.block, minimum - int(progress.answered[row])), "continue")
        for row in rows
        if progress.answered[row] < minimum
    ]


def finals(progress: SearchState) -> list[Depth]:
    """Return the leaders, the reference and the included rows, brought to one depth as far as the limit allows."""
    ranked = [row for row in progress.started() if row not in progress.stopped]
    if not ranked or not progress.left or not progress.policy.finalists:
        return []
    roles = progress.space.always if progress.limit is None else progress.space.incumbents
    roles = tuple(row for row in roles if progress.alive(row))
    for count in range(min(progress.policy.finalists, len(ranked)), 0, -1):
        group = list(dict.fromkeys((*ranked[:count], *roles)))
        depth = common_depth([int(progress.answered[row]) for row in group], progress.left, progress.total)
        deepest = max(int(progress.answered[row]) for row in group)
        if depth >= min(progress.total, deepest + progress.policy.block) or count <= FEWEST_FINALISTS:
            break
    return [Depth(row, depth - int(progress.answered[row]), "final") for row in group if progress.answered[row] < depth]


def common_depth(answered: Sequence[int], left: int, total: int) -> int:
    """Return the largest depth that all rows can be brought to with ``left`` answers."""
    depth = min(answered)
    while depth < total and sum(max(0, depth + 1 - n) for n in answered) <= left:
        depth += 1
    return depth

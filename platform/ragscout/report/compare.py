"""Two sweeps side by side: what changed between them, and what that did on the questions both asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ragscout.board.pairs import paired_values
from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Board, Goal, Paired
from ragscout.model.results.board import Row as BoardRow
from ragscout.model.results.measured import goal_value
from ragscout.plan.setup import Setup
from ragscout.record.recorder import Snapshot
from ragscout.report.models import models_of
from ragscout.report.why import GroupDuel, groups


@dataclass(frozen=True)
class Change:
    """One thing that is not the same in both. ``what``: ``documents``, ``questions``, ``references``, ``models``,
    ``metrics``, ``space`` or ``goal``; ``before`` and ``after`` in words, empty where one side has nothing."""

    what: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class RowPair:
    """A configuration of the second sweep minus its counterpart in the first, on the common questions. ``role``: why
    the two belong together (``recommended``, ``reference``, ``baseline``, ``same knobs``)."""

    role: str
    before: str
    after: str
    difference: Paired | None
    mean_before: float | None
    mean_after: float | None
    groups: tuple[GroupDuel, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """``common``: questions with the same text in both; ``same``: those whose references and evidence are equal too.
    ``metric``: the figure compared, the goal of both."""

    before: str
    after: str
    metric: str
    common: int
    same: int
    only_before: int
    only_after: int
    changes: tuple[Change, ...]
    pairs: tuple[RowPair, ...]

    def plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class SweepSide:
    """One sweep."""

    prepared: Setup
    snapshot: Snapshot

    @property
    def board(self) -> Board:
        """Its board."""
        return self.snapshot.board

    def scores(self, key: str) -> Mapping[str, Mapping[str, Score | Failure]]:
        """Outcomes of a row by question id; empty for a row that was not measured."""
        return next((row.scores for row in self.snapshot.rows if row.configuration.key == key), {})

    def configuration(self, key: str) -> Configuration:
        """Return a configuration by its key."""
        return self.prepared.configuration(key)


def compare(before: SweepSide, after: SweepSide) -> Comparison:
    """Compare two sweeps with the same goal.

    Raises:
        SpecError: the goals differ, or no question is common.
    """
    goal = after.board.goal
    if before.board.goal.metric != goal.metric:
        raise SpecError(
            f"compare: the sweeps have different goals; got {before.board.goal.metric} and {goal.metric}. Give both "
            "the same goal: what was computed is reused."
        )
    matched = _matched(before.snapshot.eval_set, after.snapshot.eval_set)
    if not matched:
        raise SpecError("compare: no question stands in both sweeps; got 0. Compare sweeps on versions of one set.")
    counts = [len(side.snapshot.eval_set.development) for side in (before, after)]
    return Comparison(
        before.board.sweep,
        after.board.sweep,
        goal.metric,
        len(matched),
        sum(old.full_key == new.full_key for old, new in matched),
        counts[0] - len(matched),
        counts[1] - len(matched),
        tuple(_changes(before, after, matched)),
        tuple(_pair(role, old, new, before, after, matched, goal) for role, old, new in _partners(before, after)),
    )


def _matched(before: EvalSet, after: EvalSet) -> list[tuple[Question, Question]]:
    known: dict[str, Question] = {}
    for question in before.development:
        known.setdefault(question.text_key, question)
    found: dict[str, tuple[Question, Question]] = {}
    for question in after.development:
        if question.text_key in known:
            found.setdefault(question.text_key, (known[question.text_key], question))
    return list(found.values())


def _partners(before: SweepSide, after: SweepSide) -> list[tuple[str, BoardRow, BoardRow]]:
    """Rows that belong together: by role first, then by equal knobs, in the order of the second board."""
    found: list[tuple[str, BoardRow, BoardRow]] = []
    for role in ("recommended", "reference"):
        pair = [next((row for row in side.board.rows if role in row.marks), None) for side in (before, after)]
        if pair[0] is not None and pair[1] is not None:
            found.append((role, pair[0], pair[1]))
    known = {_settings(before.configuration(row.key)): row for row in reversed(before.board.rows) if row.answered}
    taken = {(old.key, new.key) for _, old, new in found}
    for row in after.board.rows:
        old = known.get(_settings(after.configuration(row.key)))
        if row.answered and old is not None and (old.key, row.key) not in taken:
            found.append(("baseline" if row.has("baseline") else "same knobs", old, row))
    return found


def _settings(configuration: Configuration) -> str:
    """Return what a configuration does, whatever the documents are."""
    return " ".join(f"{stage}={step.name}:{step.parameters()!r}" for stage, step in configuration.steps.items())


def _pair(
    role: str,
    old: BoardRow,
    new: BoardRow,
    before: SweepSide,
    after: SweepSide,
    matched: list[tuple[Question, Question]],
    goal: Goal,
) -> RowPair:
    firsts, seconds = before.scores(old.key), after.scores(new.key)
    pairs: list[tuple[Question, float, float]] = []
    for earlier, later in matched:
        a = goal_value(firsts.get(earlier.id, {}).get(goal.metric), goal)
        b = goal_value(seconds.get(later.id, {}).get(goal.metric), goal)
        if a is not None and b is not None:
            pairs.append((later, b, a))
    own, other = [value for _, value, _ in pairs], [value for _, _, value in pairs]
    return RowPair(
        role,
        old.name,
        new.name,
        paired_values(own, other, goal),
        sum(other) / len(other) if other else None,
        sum(own) / len(own) if own else None,
        groups(pairs, goal) if role in ("recommended", "reference") else (),
    )


def _changes(before: SweepSide, after: SweepSide, matched: list[tuple[Question, Question]]) -> list[Change]:
    old, new = before.snapshot.eval_set, after.snapshot.eval_set
    found = _files(old, new)
    names = [f"{item.name}@{item.version}" for item in (old, new)]
    if old.digest != new.digest:
        counts = [f"{name}, {len(item.development)}" for name, item in zip(names, (old, new), strict=True)]
        found.append(Change("questions", "evaluation set", *counts))
    for pair in matched:
        old_gold, new_gold = map(_gold, pair)
        # offsets that moved with a changed document are listed there
        if pair[0].full_key != pair[1].full_key and old_gold != new_gold:
            found.append(Change("references", f"{pair[1].id} {pair[1].text}", old_gold, new_gold))
    models = [_models(side) for side in (before, after)]
    found += [Change("models", name, name, "") for name in sorted(models[0] - models[1])]
    found += [Change("models", name, "", name) for name in sorted(models[1] - models[0])]
    signatures = [side.snapshot.signatures for side in (before, after)]
    for name in sorted({*signatures[0], *signatures[1]}):
        texts = [item.get(name, "") for item in signatures]
        if texts[0] != texts[1]:
            found.append(Change("metrics", name, *texts))
    knobs = [side.prepared.space.knobs for side in (before, after)]
    for name in dict.fromkeys([*knobs[0], *knobs[1]]):
        values = [", ".join(item.get(name, ())) for item in knobs]
        if values[0] != values[1]:
            found.append(Change("space", name, *values))
    return found


def _gold(question: Question) -> str:
    """Return what a question is scored against, in one line."""
    quotes = " ".join(f"[{span.document}: {span.quote}]" for span in question.evidence)
    return " ".join(filter(None, (" / ".join(question.references), quotes)))


def _files(old: EvalSet, new: EvalSet) -> list[Change]:
    digests = [{item.path: item.sha256 for item in side.files} for side in (old, new)]
    found = []
    for path in sorted({*digests[0], *digests[1]}):
        ends = [side.get(path, "")[:12] for side in digests]
        if ends[0] != ends[1]:
            found.append(Change("documents", path, *ends))
    return found


def _models(side: SweepSide) -> set[str]:
    return models_of(side.prepared.space.configurations)

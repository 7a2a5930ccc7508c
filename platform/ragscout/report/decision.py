"""The decision in words: three reasons, three risks, what was not tried, with which data and models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragscout.board.limits import UNMET
from ragscout.board.pairs import paired_rows
from ragscout.board.slices import group_name
from ragscout.board.words.headline import headline
from ragscout.model.outcome import CANDIDATE_KINDS
from ragscout.model.results.amounts import gap, gap_end, seconds
from ragscout.model.results.board import Board, Goal, Paired, Row
from ragscout.model.stages import STAGES
from ragscout.model.step import registered_stages, steps_of
from ragscout.report.material import ReportMaterial
from ragscout.report.models import models_of
from ragscout.report.why_text import contribution
from ragscout.words import Phrase, Words, phrase

SHOWN = 3
FEWEST_COMMON = 10
"""Common questions from which on a difference that is not significant is worth a word."""
LEAST = 0.0005
"""Smallest difference that is shown as one."""
_RISKY = (
    "sealed_must_pass",
    "floor_low",
    "floor_bare",
    "infeasible",
    "slice_loss",
    "constant",
    "judge_uncalibrated",
    "judge_unvalidated",
    "own_judge",
    "missing",
    "optimism",
    "holdout_used",
    "power",
)
"""Kinds of the board's notes that are risks, the worst first."""


@dataclass(frozen=True)
class Decision:
    """The first page in words."""

    headline: str
    reasons: tuple[str, ...]
    risks: tuple[str, ...]
    not_tried: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    first: tuple[tuple[str, str], ...]
    """Those of the versions that belong on the first page: data and models."""


def decision(material: ReportMaterial) -> Decision:
    """Read the decision off the board; nothing is said that was not measured."""
    board = material.snapshot.board
    best = board.recommended()
    reasons = tuple(_reasons(material, best)) if best is not None else ()
    risks = (
        tuple(_risks(material, best))
        if best is not None
        else tuple(note.text(material.language) for note in board.notes if note.kind not in UNMET)
    )
    versions = tuple(_versions(material))
    model = Words(material.language)("versions.model")
    return Decision(
        headline(board, material.language),
        reasons[:SHOWN],
        risks[:SHOWN],
        tuple(_not_tried(material)),
        versions,
        (*versions[:3], *((name, value) for name, value in versions if name == model)),
    )


def _reasons(material: ReportMaterial, best: Row) -> Iterator[str]:
    board, words = material.snapshot.board, Words(material.language)
    goal, leader = board.goal, board.leader()
    others = len(board.winner_set()) - 1
    compared = sum(1 for row in board.rows if row.versus_leader is not None)
    if leader is not None and leader.key != best.key and best.versus_leader is not None:
        paired = best.versus_leader
        ends = {"low": gap_end(goal, paired.low), "high": gap_end(goal, paired.high)}
        cheaper = _cheaper(board, best, leader)
        yield words("decision.near", n=paired.n, d=gap(goal, paired.difference), **ends, cheaper=cheaper)
    elif compared:
        yield words("decision.alone", n=compared) if others < 1 else words("decision.leads", n=others)
    for role, name, paired in _rivals(material, best):
        clear = _clear(paired, goal.sign)
        # a difference of nothing, or on a handful of questions, is no reason for a choice
        level = not clear and paired.n >= FEWEST_COMMON and paired.difference * goal.sign >= LEAST
        if clear > 0:
            yield words("decision.beats", role=role, name=name, **_ends(goal, paired, goal.sign))
        elif level:
            yield words("decision.level", role=role, name=name, **_ends(goal, paired, 1))
        break
    helpful = [
        item
        for item in material.effects.contributions(best.key)
        if min(item.low * goal.sign, item.high * goal.sign) > 0
    ]
    if helpful:
        top = helpful[0]
        yield words("decision.knob", knob=top.knob, level=top.level, effect=contribution(top, goal))
    yield _cost(board, best, words)
    yield from _found(board, best, words)


def _found(board: Board, best: Row, words: Words) -> Iterator[str]:
    """How much of the evidence its passages hold, by the first recall that was measured."""
    for figure in board.retrieval_figures:
        stat = best.figures.get(figure)
        if stat is not None and stat.mean is not None and "recall" in figure:
            first = re.search(r"@(\d+)$", figure)
            values = {"share": stat.mean, "figure": figure}
            if first is None:
                yield words("decision.found", **values)
            elif figure.startswith("doc."):
                yield words("decision.found_documents", **values, k=int(first[1]))
            else:
                yield words("decision.found_first", **values, k=int(first[1]))
            break


def _cheaper(board: Board, best: Row, leader: Row) -> Phrase:
    own, other = best.cost.per_1000, leader.cost.per_1000
    if own is not None and other is not None and own < other:
        # "0.79 instead of 0.79" persuades nobody: as many digits as it takes to tell them apart
        digits = next((count for count in range(2, 6) if f"{own:.{count}f}" != f"{other:.{count}f}"), 6)
        ends = {"own": f"{own:.{digits}f}", "other": f"{other:.{digits}f}"}
        return phrase("decision.cheaper_money", **ends, currency=f" {board.currency}".rstrip())
    mine, theirs = (row.cost.input_tokens + row.cost.output_tokens for row in (best, leader))
    if mine < theirs * 0.99:
        return phrase("decision.cheaper_tokens", own=mine, other=theirs)
    if best.complexity > leader.complexity:
        return phrase("decision.cheaper_even")
    return phrase("decision.cheaper_plain", own=best.complexity, other=leader.complexity)


def _rivals(material: ReportMaterial, best: Row) -> Iterator[tuple[Phrase, str, Paired]]:
    """Yield the reference, else the best baseline, with the recommended row minus it on common questions."""
    board = material.snapshot.board
    reference = board.reference()
    if reference is not None and reference.key != best.key and best.versus_reference is not None:
        yield phrase("decision.reference"), reference.name, best.versus_reference
    for row in board.rows:
        if row.has("baseline") and row.key != best.key and {row.key, best.key} <= set(material.rows):
            own, other = material.rows[best.key].scores, material.rows[row.key].scores
            paired = paired_rows(own, other, board.goal)
            if paired is not None:
                yield phrase("decision.baseline"), row.name, paired
                return


def _clear(paired: Paired, sign: int) -> int:
    """1 when the interval says better, -1 when it says worse, else 0."""
    if paired.low is None or paired.high is None:
        return 0
    return sign if paired.low > 0 else -sign if paired.high < 0 else 0


def _ends(goal: Goal, paired: Paired, sign: int) -> dict[str, object]:
    """Return the difference and its interval, turned round for ``sign`` -1."""
    ends = [None if end is None else end * sign for end in (paired.low, paired.high)]
    low, high = ends if sign > 0 else ends[::-1]
    d = gap(goal, paired.difference * sign)
    return {"d": d, "low": gap_end(goal, low), "high": gap_end(goal, high), "n": paired.n}


def _cost(board: Board, best: Row, words: Words) -> str:
    money: Phrase | str = ""
    if best.cost.per_1000:
        money = phrase("decision.money", value=best.cost.per_1000, currency=f" {board.currency}".rstrip())
    own = best.cost.input_tokens + best.cost.output_tokens
    rows = [row for row in board.rows if row.answered and row.key != best.key]
    dearer = sum(1 for row in rows if row.cost.input_tokens + row.cost.output_tokens > own)
    more = phrase("decision.dearer", n=dearer, total=len(rows)) if dearer else ""
    return words("decision.cost", money=money, time=seconds(best.cost.seconds), complexity=best.complexity, dearer=more)


def _risks(material: ReportMaterial, best: Row) -> Iterator[str]:
    board, words = material.snapshot.board, Words(material.language)
    goal = board.goal
    for role, name, paired in _rivals(material, best):
        if _clear(paired, goal.sign) < 0:
            yield words("decision.behind", role=role, name=name, **_ends(goal, paired, 1))
    notes = {note.kind: note for note in reversed(board.notes)}
    yield from (notes[kind].text(material.language) for kind in _RISKY if kind in notes)
    stat = best.figures.get(goal.metric)
    own = {kind: count for kind, count in stat.failures.items() if kind in CANDIDATE_KINDS} if stat else {}
    if own:
        kinds = [f"{kind} {count}" for kind, count in own.items()]
        yield words("decision.failures", n=sum(own.values()), asked=best.answered, kinds=kinds)
    mean = stat.mean if stat is not None else None
    weak = [
        (mean - group.mean, group)
        for group in best.groups
        if mean is not None and group.mean is not None and group.scored >= SHOWN
    ]
    short, worst = max(weak, key=lambda item: item[0] * goal.sign, default=(0.0, None))
    if worst is not None and short * goal.sign >= 0.005:
        group = group_name(worst.group.removeprefix("slice:"), material.language)
        yield words("decision.group", group=group, mean=worst.mean, n=worst.scored, all=mean)
    never, partly = _unmeasured(board)
    if never or partly:
        yield words("decision.unmeasured", what=_shares(board, never, partly))
    yield words("decision.few", n=board.questions)


def _shares(board: Board, never: int, partly: int) -> list[Phrase]:
    """How many configurations answered nothing, and how many only a part; not both at 0."""
    asked = [phrase("decision.never", n=never, all=board.configurations)] if never else []
    return [*asked, *([phrase("decision.partly", n=partly, all=board.configurations)] if partly else [])]


def _unmeasured(board: Board) -> tuple[int, int]:
    asked = sum(1 for row in board.rows if row.answered)
    full = sum(1 for row in board.rows if row.answered >= board.questions)
    return max(0, board.configurations - asked), asked - full


def _not_tried(material: ReportMaterial) -> Iterator[str]:
    board, words = material.snapshot.board, Words(material.language)
    never, partly = _unmeasured(board)
    if never or partly:
        yield words("decision.unmeasured", what=_shares(board, never, partly))
    else:
        yield words("decision.everything")
    known = set(registered_stages())
    for stage in (name for name, item in STAGES.items() if item.varied):
        steps = {step for item in material.space if (step := item.step(stage)) is not None}
        used = sorted({step.name for step in steps})
        if not used:
            continue
        others = [name for name in steps_of(stage) if name not in used and "." not in name] if stage in known else []
        labels = {step.label() for step in steps}
        if others and len(used) == 1:
            yield words("decision.fixed", stage=stage, used=used[0], others=others)
        elif len(labels) == 1:
            yield words("decision.one", stage=stage, used=next(iter(labels)))


def _versions(material: ReportMaterial) -> Iterator[tuple[str, str]]:
    snapshot, words = material.snapshot, Words(material.language)
    eval_set = snapshot.eval_set
    asked, held = len(eval_set.development), eval_set.count - len(eval_set.development)
    yield words("versions.eval_set"), f"{snapshot.board.eval_set} ({eval_set.digest[:12]})"
    yield words("versions.questions"), words("versions.counted", n=asked, held=held) if held else str(asked)
    yield words("versions.files"), str(len(eval_set.files))
    yield words("versions.goal"), snapshot.board.goal.metric
    for name, limit in material.limits.items():
        yield words("versions.limit"), f"{name} {limit:g}"
    for label in sorted(_models(material)):
        yield words("versions.model"), label
    signatures = dict.fromkeys(snapshot.signatures.values())
    for signature in signatures:
        yield words("versions.metric"), signature
    yield from material.facts.items()


def _models(material: ReportMaterial) -> set[str]:
    """Models of the space with their revisions."""
    return models_of(material.space)

"""A comparison of two sweeps as text."""

from __future__ import annotations

from ragscout.model.results.amounts import gap, gap_end
from ragscout.model.results.board import BoardLanguage, Goal
from ragscout.report.compare import Comparison, RowPair
from ragscout.report.why_text import flat
from ragscout.words import Words

_SHOWN, _GROUPS = 30, 5


def comparison_lines(found: Comparison, goal: Goal, lang: BoardLanguage = "en") -> list[str]:
    """Return the comparison, one line each."""
    words = Words(lang)
    ends = {"before": found.before, "after": found.after}
    counts = {"same": found.same, "only_before": found.only_before, "only_after": found.only_after}
    lines = [words("compare.head", **ends, metric=found.metric, common=found.common)]
    lines += [words("compare.counted", **counts), "", words("compare.changes")]
    for item in found.changes[:_SHOWN]:
        name = words("compare.eval_set") if item.what == "questions" else flat(item.name, 80)
        lines.append(f"  {words(f'changed.{item.what}')} {name}: {_ends(item.before, item.after)}")
    if len(found.changes) > _SHOWN:
        lines.append("  " + words("compare.more", n=len(found.changes) - _SHOWN))
    if not found.changes:
        lines.append(f"  {words('compare.nothing')}")
    lines += ["", words("compare.did")]
    for pair in found.pairs[:_SHOWN]:
        lines += _pair(pair, goal, words)
    return lines if found.pairs else [*lines, f"  {words('compare.no_pairs')}"]


def _pair(pair: RowPair, goal: Goal, words: Words) -> list[str]:
    role = words("compare.same_knobs") if pair.role == "same knobs" else words(f"mark.{pair.role}")
    paired = pair.difference
    if paired is None or pair.mean_before is None or pair.mean_after is None:
        return ["  " + words("compare.unpaired", role=role)]
    head = words(
        "compare.row",
        role=role,
        mean_before=pair.mean_before,
        mean_after=pair.mean_after,
        d=gap(goal, paired.difference),
        low=gap_end(goal, paired.low),
        high=gap_end(goal, paired.high),
        wins=paired.wins,
        losses=paired.losses,
        n=paired.n,
    )
    lines = [f"  {head}"]
    lines.append("    " + words("compare.ends", before=flat(pair.before, 80), after=flat(pair.after, 80)))
    changed = [group for group in pair.groups if abs(group.difference) > 1e-9]
    for group in sorted(changed, key=lambda item: -abs(item.difference) * item.n)[:_GROUPS]:
        difference = words.value(gap(goal, group.difference))
        lines.append(f"    {words(f'by.{group.kind}')}: {flat(group.name, 60)} {difference} (n {group.n})")
    return lines


def _ends(before: str, after: str) -> str:
    return f"{flat(before, 100) or '–'} -> {flat(after, 100) or '–'}"

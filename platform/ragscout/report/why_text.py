"""An explanation as text."""

from __future__ import annotations

from ragscout.board.effects import Effect
from ragscout.model.results.amounts import gap, gap_end
from ragscout.model.results.board import BoardLanguage, Goal
from ragscout.model.text import display_width, padded
from ragscout.report.passages import ShownPassage
from ragscout.report.why import Side, Why
from ragscout.search.factor.claims import FIT_BLOCKS
from ragscout.words import Phrase, Words, phrase

GROUPS = ("type", "slice", "answerable", "language", "document")
"""Kinds of groups in the order in which they are shown."""
_GROUPS, _ANSWER, _PASSAGE = 8, 300, 160


def why_lines(found: Why, goal: Goal, lang: BoardLanguage = "en") -> list[str]:
    """Return the explanation, one line each, without markup."""
    words = Words(lang)
    badge = found.judge.badge(lang) if found.judge is not None else ""
    head = words(
        "why.row",
        name=flat(found.name, 120),
        rank=found.rank,
        metric=found.metric + (f" [{badge}]" if badge else ""),
        estimate=found.estimate,
        answered=found.answered,
        questions=found.questions,
    )
    lines = [head, words("why.key", key=found.key[:12])]
    lines += [words("why.failed", why=flat(found.failed, 500))] if found.failed else []
    lines += ["", words("why.path")]
    for step in found.path:
        given = ", ".join(f"{name} {flat(value, 60)}" for name, value in step.parameters.items())
        lines.append(f"  {step.stage:<9} {step.use}: {given or words('why.defaults')}")
    lines += ["", words("why.knobs"), *_knobs(found, goal, words), ""]
    return lines + _against(found, goal, words)


def _knobs(found: Why, goal: Goal, words: Words) -> list[str]:
    if not found.contributions:
        return [f"  {words('why.none')}"]
    wide = max(display_width(f"{item.knob} = {item.level}") for item in found.contributions)
    lines = [
        f"  {padded(f'{effect.knob} = {effect.level}', wide)}  {words.value(contribution(effect, goal))}"
        for effect in found.contributions
    ]
    if found.predicted is not None:
        lines.append("  " + words("why.predicted", predicted=found.predicted, estimate=found.estimate))
    blocks, spread, interaction = int(found.fit["blocks"]), found.fit["spread"], found.fit["interaction"]
    return lines if found.trusted else [*lines, f"  {words.value(rough(blocks, spread, interaction))}"]


def rough(blocks: int, spread: float, interaction: float) -> Phrase:
    """Return the warning that the factor model behind the effects did not pass its check."""
    if blocks < FIT_BLOCKS:
        return phrase("why.unchecked", blocks=blocks, needed=FIT_BLOCKS)
    return phrase("why.rough", blocks=blocks, spread=spread, interaction=interaction)


def contribution(effect: Effect, goal: Goal) -> Phrase:
    """``+6.0 points (+2.0 to +10.0), of 2 alternatives``."""
    ends = {"low": gap_end(goal, effect.low), "high": gap_end(goal, effect.high)}
    return phrase("why.contribution", d=gap(goal, effect.value), **ends, n=effect.configurations)


def _against(found: Why, goal: Goal, words: Words) -> list[str]:
    if not found.rival:
        return [words("why.alone")]
    lines = [words("why.rival", name=flat(found.rival, 120))]
    lines += [f"  {words('why.differs')} {item.knob}: {item.own} | {item.rival}" for item in found.differs]
    duel = found.duel
    if duel is not None:
        counts = {"wins": duel.wins, "losses": duel.losses, "ties": duel.n - duel.wins - duel.losses, "n": duel.n}
        ends = {"low": gap_end(goal, duel.low), "high": gap_end(goal, duel.high)}
        lines.append("  " + words("why.duel", **counts, d=gap(goal, duel.difference), **ends))
    for kind in GROUPS:
        members = [item for item in found.groups if item.kind == kind]
        lines += [f"  {words(f'by.{kind}')}"] if members else []
        for item in members[:_GROUPS]:
            counts = {"wins": item.wins, "losses": item.losses, "n": item.n}
            lines.append(f"    {flat(item.name, 60)}: {words('why.group', **counts, d=gap(goal, item.difference))}")
        if len(members) > _GROUPS:
            lines.append("    " + words("why.more", n=len(members) - _GROUPS))
    lines += ["", words("why.examples", n=len(found.examples)) if found.examples else words("why.nothing")]
    for number, example in enumerate(found.examples, 1):
        difference = words.value(gap_end(goal, example.difference))
        lines.append(f"{number:>3}. {flat(example.question, 200)}  [{example.id}] {difference}")
        lines += [f"     {words('why.reference')}: {flat(text, _ANSWER)}" for text in example.references[:1]]
        lines += _side(words("why.own"), example.own, words) + _side(words("why.other"), example.rival, words)
    return lines


def _side(title: str, side: Side, words: Words) -> list[str]:
    score = f"{side.score:.2f}" if side.score is not None else "–"
    failure = f" [{side.failure}]" if side.failure else ""
    lines = [f"     {title} {score}{failure}: {flat(side.answer, _ANSWER)}"]
    for passage in side.passages:
        lines.append(f"       · {place(passage, words)}: {flat(passage.text, _PASSAGE)}")
    return lines


def place(passage: ShownPassage, words: Words) -> str:
    """Where a passage lies, and whether its document holds evidence."""
    gold = f" ({words('why.gold')})" if passage.gold else ""
    return f"{passage.document} {passage.start}–{passage.end}{gold}"


def flat(text: str, limit: int) -> str:
    """One line without control characters: answers may hold anything."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    flat = " ".join(clean.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"

"""Canaries: answers made of an evaluation set's own questions, of which it is known whether they are right.

A judge that passes wrong ones, or cannot tell them from right ones, must not choose a configuration. Right answers are
a short reference against the long one, and the evidence itself. Wrong ones are another question's reference, a
reference with its number changed, the opposite of a yes or no, and near misses: evidence of other questions, first that
of the same document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ragscout.model.evalset import Question
from ragscout.model.key import digest
from ragscout.model.metric import MeasureStep
from ragscout.model.outcome import Answer, Failure, Score, Unfilled
from ragscout.model.runtime import Runtime
from ragscout.model.text import language
from ragscout.providers import tokenize

RIGHT, WRONG = 16, 24
"""How many canaries of each kind are made, as far as the questions give them."""
NEAR_MISSES = 8
"""How many of the wrong ones are near misses."""
FEWEST_RIGHT, FEWEST_WRONG = 5, 10
"""How many of each must be there before anything is said of a judge."""
MOST_FALSE_PASS = 0.2
LEAST_AUC = 0.8
_LONGEST = 400
"""Characters of evidence up to which it is an answer."""
_NUMBER = re.compile(r"\d+")
_YES, _NO = {"en": "Yes.", "ko": "네."}, {"en": "No.", "ko": "아니요."}
_SAYS_NO = re.compile(r"no\b|아니(?:요|오)", re.IGNORECASE)
_SAYS_YES = re.compile(r"yes\b|(?:네|예)(?=[\s,.!]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Canary:
    """An answer to a question with its key (the references it is judged against), and whether it is right.

    ``kind``: ``short``, ``evidence`` or ``same`` for right ones, ``number``, ``polarity``, ``other`` or ``near`` for
    wrong ones.
    """

    question: Question
    answer: str
    right: bool
    kind: str


@dataclass(frozen=True)
class CanaryTest:
    """What a judge said of the canaries: the share of wrong ones it passed, and the area under the ROC curve (0..1)."""

    false_pass: float
    auc: float
    right: int
    wrong: int
    example: str = ""
    """A wrong answer that was passed, with its question and key; empty where none was."""

    @property
    def enough(self) -> bool:
        """Whether there were enough canaries of both kinds to say anything."""
        return self.right >= FEWEST_RIGHT and self.wrong >= FEWEST_WRONG

    @property
    def passed(self) -> bool:
        """Whether the judge may choose."""
        return not self.enough or (self.false_pass <= MOST_FALSE_PASS and self.auc >= LEAST_AUC)


def canaries(questions: Sequence[Question]) -> tuple[Canary, ...]:
    """Make up to 40 canaries, the same ones for the same questions in whatever order."""
    usable = [question for question in questions if question.answerable and any(map(str.strip, question.references))]
    ordered = sorted(usable, key=lambda question: digest("canary", question.text_key))
    right = _spread([_short(ordered), _evidence(ordered)], RIGHT)
    right += list(_same(ordered))[: max(0, FEWEST_RIGHT - len(right))]
    near = list(_near(ordered))[:NEAR_MISSES]
    wrong = _spread([_numbers(ordered), _polarities(ordered), _others(ordered)], WRONG - len(near))
    return (*right, *wrong, *near)


async def judge_canaries(
    judge: MeasureStep, figure: str, made: Sequence[Canary], runtime: Runtime
) -> CanaryTest | None:
    """Let a measure step judge canaries; ``None`` when a judgement is open (no endpoint, no budget).

    Args:
        judge: of answers against references.
        figure: which of its figures is tested; it has a pass level.
        made: the canaries.
        runtime: what the step needs.
    """
    outcomes = await judge.run(
        runtime, [canary.question for canary in made], generate=[Answer(canary.answer) for canary in made]
    )
    level = next(item.pass_level for item in judge.figures() if item.name == figure)
    assert level is not None, f"{figure} has no pass level"
    good: list[float] = []
    bad: list[float] = []
    example = ""
    passed = 0
    for canary, scores in zip(made, outcomes, strict=True):
        if isinstance(scores, Unfilled):
            return None
        found = scores[figure]
        if isinstance(found, Failure) and found.whose == "measurement":
            continue
        value = found.value if isinstance(found, Score) else 0.0
        graded = float(found.detail.get("chance", value)) if isinstance(found, Score) else 0.0
        (good if canary.right else bad).append(graded)
        if not canary.right and value >= level:
            passed += 1
            example = example or f"{canary.question.text} {canary.answer} ({canary.question.references[0]})"
    return CanaryTest(passed / len(bad) if bad else 0.0, _auc(good, bad), len(good), len(bad), example)


def _auc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Return the share of pairs in which the right one scores higher, ties counted half; 1 without pairs."""
    pairs = [(one > other) + (one == other) / 2 for one in good for other in bad]
    return sum(pairs) / len(pairs) if pairs else 1.0


def _spread(kinds: Sequence[Iterator[Canary]], most: int) -> list[Canary]:
    """Take canaries of several kinds in turn."""
    found: list[Canary] = []
    left = list(kinds)
    while left and len(found) < most:
        for kind in list(left):
            canary = next(kind, None)
            if canary is None:
                left.remove(kind)
            elif len(found) < most:
                found.append(canary)
    return found


def _short(questions: Sequence[Question]) -> Iterator[Canary]:
    for question in questions:
        longest, shortest = max(question.references, key=len), min(question.references, key=len)
        if shortest.strip() and len(longest) >= 2 * len(shortest):
            yield Canary(replace(question, references=(longest,)), shortest, True, "short")


def _evidence(questions: Sequence[Question]) -> Iterator[Canary]:
    for question in questions:
        quotes = [span.quote.strip() for span in question.evidence if span.quote.strip() and span.group == 0]
        if quotes and len(quotes[0]) <= _LONGEST and len({span.group for span in question.evidence}) == 1:
            yield Canary(question, quotes[0], True, "evidence")


def _same(questions: Sequence[Question]) -> Iterator[Canary]:
    for question in questions:
        yield Canary(question, question.references[0], True, "same")


def _numbers(questions: Sequence[Question]) -> Iterator[Canary]:
    for question in questions:
        key = min((text for text in question.references if text.strip()), key=len)
        changed = _NUMBER.sub(lambda found: _another(found[0]), key, count=1)
        if changed != key:
            yield Canary(question, changed, False, "number")


def _another(number: str) -> str:
    """Return another whole number of about the size, with as many digits where it began with zeros."""
    value = int(number[:15])
    return str(value + max(1, value // 4)).zfill(len(number) if number.startswith("0") else 1)


def _polarities(questions: Sequence[Question]) -> Iterator[Canary]:
    for question in questions:
        tongue = "ko" if language(question.text) == "ko" else "en"
        key = question.references[0].strip()
        if _SAYS_NO.match(key):
            yield Canary(question, _YES[tongue], False, "polarity")
        elif _SAYS_YES.match(key):
            yield Canary(question, _NO[tongue], False, "polarity")


def _others(questions: Sequence[Question]) -> Iterator[Canary]:
    for question, other in zip(questions, [*questions[1:], *questions[:1]], strict=True):
        answer = other.references[0]
        if _tells(answer, question):
            continue
        yield Canary(question, answer, False, "other")


def _near(questions: Sequence[Question]) -> Iterator[Canary]:
    """Yield evidence of other questions that resembles a question most, first of its own documents."""
    quotes: dict[str, tuple[str, frozenset[str]]] = {}
    for question in questions:
        for span in question.evidence:
            quotes.setdefault(span.quote.strip(), (span.document, _words(span.quote)))
    for question in questions:
        mine, asked = question.named_documents, _words(question.text)
        own = {span.quote.strip() for span in question.evidence}
        others: Mapping[str, tuple[str, frozenset[str]]] = {
            quote: found
            for quote, found in quotes.items()
            if quote and len(quote) <= _LONGEST and quote not in own and not _tells(quote, question)
        }
        if others:
            yield Canary(
                question,
                max(others, key=lambda quote: (others[quote][0] in mine, len(others[quote][1] & asked), quote)),
                False,
                "near",
            )


def _tells(text: str, question: Question) -> bool:
    """Whether a text holds a reference of a question, or is held by one: then it may well be right."""
    said = text.casefold().strip(" .")
    keys = [reference.casefold().strip(" .") for reference in question.references if reference.strip()]
    return any(key in said or said in key for key in keys)


def _words(text: str) -> frozenset[str]:
    return frozenset(tokenize.words(text))

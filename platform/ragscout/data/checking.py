"""``check``: what is doubtful about an evaluation set, and the smallest difference it can show."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import quantiles

from ragscout.data.findings import Finding
from ragscout.data.similar import Pair, near_pairs, shared_run, squeeze
from ragscout.model.evalset import Document, EvalSet, Question
from ragscout.model.text import language
from ragscout.model.values import Corpus
from ragscout.providers.tokenize import words

SD = 0.28  # standard deviation of paired differences between good configurations, measured by simulation
POWER = 1.96 + 0.84  # two-sided 5 %, power 80 %
NEAR = 0.8
COPIED = 0.75
_RUN = 12  # characters of a run that hardly occurs twice by chance, without spaces
_COVERED = 0.34
_SMALL_SLICE = 10
_MANY = 2000  # from here on runs of six characters are compared: fewer share them, so many texts stay quick
_HOLDOUT = 0.3


def check(eval_set: EvalSet, corpus: Corpus) -> list[Finding]:
    """Every finding with the rows it touches and what to do; warnings first."""
    questions = eval_set.questions_
    if not questions:
        return [Finding("no_questions", "warning", "there is no question", remedy="Upload questions.")]
    places = corpus.by_id()
    pairs = near_pairs([question.text for question in questions], NEAR, 3 if len(questions) <= _MANY else 6)
    parts: tuple[Callable[[], list[Finding]], ...] = (
        lambda: duplicates(questions, pairs),
        lambda: copied(questions, places),
        lambda: given_away(questions),
        lambda: outside_evidence(questions, places),
        lambda: missing(questions),
        lambda: unanswerable(questions),
        lambda: leakage(eval_set, pairs),
        lambda: languages(questions, corpus.documents),
        lambda: lengths(questions),
        lambda: slices(questions),
        lambda: coverage(questions, corpus.documents),
        lambda: [smallest_difference(len(questions))],
    )
    found = [finding for part in parts for finding in part()]
    order = ("error", "warning", "info")
    return sorted(found, key=lambda item: order.index(item.severity))


def detectable(n: int, sd: float = SD) -> float:
    """Smallest paired difference that ``n`` questions can show (two-sided 5 %, power 80 %): (1.96 + 0.84) sd / sqrt(n).

    ``sd``: standard deviation of the paired differences, 0..1. The result is in points of 100.
    """
    return 100 * POWER * sd / math.sqrt(n)


def smallest_difference(n: int) -> Finding:
    """Return what a set of ``n`` questions can separate, and what to do about it."""
    points = detectable(n)
    text = f"{n} questions can show differences above about {points:.1f} points"
    if n < 100:
        remedy = "Add questions (synthetic ones count as a separate, labelled group) before adding configurations."
    elif n < 1000:
        remedy = "Good for choosing a model and an embedder; overlap and top-k will look the same."
    else:
        remedy = "Fine choices are possible; calls are spread, so more questions do not cost more."
    return Finding("smallest_difference", "warning" if n < 100 else "info", text, remedy=remedy)


def duplicates(questions: Sequence[Question], pairs: Sequence[Pair]) -> list[Finding]:
    """Questions asked twice or nearly so, and those among them whose answers differ."""
    same: list[str] = []
    near: list[str] = []
    conflicts: list[str] = []
    for i, j, ratio in pairs:
        one, two = questions[i], questions[j]
        if _numbers(one.text) != _numbers(two.text):
            continue
        equal = squeeze(one.text) == squeeze(two.text)
        (same if equal else near).append(f"{one.id} = {two.id}" if equal else f"{one.id} ~ {two.id} ({ratio:.2f})")
        answers = ({squeeze(text) for text in question.references} for question in (one, two))
        if equal and not set.intersection(*answers) and one.references and two.references:
            conflicts.append(f"{one.id} / {two.id}")
    return _some(
        ("duplicate", same, "pairs of questions differ in nothing but punctuation or case", "Keep one of each."),
        ("near_duplicate", near, "pairs of questions are nearly the same: they count twice", "Reword or drop one."),
        (
            "conflict",
            conflicts,
            "pairs ask the same and have different answers",
            "Correct one, or accept both answers.",
        ),
    )


def copied(questions: Sequence[Question], places: dict[str, Document]) -> list[Finding]:
    """Questions whose words stand in a passage: they favour lexical retrieval."""
    flat: dict[str, str] = {}
    rows = []
    for question in questions:
        plain = squeeze(question.text)
        if len(plain) < 2 * _RUN:
            continue
        for name in _gold_documents(question) & set(places):
            if name not in flat:
                flat[name] = squeeze(places[name].text)
            share = shared_run(plain, flat[name], _RUN)
            if share >= COPIED:
                rows.append(f"{question.id} ({share:.0%} in {name})")
                break
    text = "questions are copied from a passage: word matching finds them too easily"
    return _some(("copied", rows, text, "Ask as a user would, in other words."))


def given_away(questions: Sequence[Question]) -> list[Finding]:
    """Questions that hold their own answer: they are answered without any document."""
    rows = []
    for question in questions:
        asked = squeeze(question.text)
        fullest = squeeze(question.references[0]) if question.references else ""
        if len(fullest) >= 4 and fullest in asked:
            rows.append(question.id)
    text = "questions hold their own answer: no document is needed"
    return _some(("given_away", rows, text, "Take the answer out of the question, unless it offers a choice."))


def outside_evidence(questions: Sequence[Question], places: dict[str, Document]) -> list[Finding]:
    """Return references whose words do not occur in the evidence, by the best covered reference of each question."""
    rows = []
    unplaced = []
    for question in questions:
        quotes = [span.quote for span in question.evidence if span.quote]
        if "gold_missing" in question.meta:
            unplaced.append(f"{question.id}: {question.meta['gold_missing']}")
        if not quotes:
            quotes = [places[name].text for name in question.documents if name in places]
        if not quotes or not question.references:
            continue
        share = max(_covered(reference, " ".join(quotes)) for reference in question.references)
        if share < _COVERED:
            rows.append(f"{question.id} ({share:.0%})")
    return _some(
        (
            "answer_outside_evidence",
            rows,
            f"references share less than {_COVERED:.0%} of their words with the evidence",
            "Check the reference and the evidence; mark the passage that really answers.",
        ),
        ("gold_missing", unplaced, "questions have evidence in documents that are not here", "Upload them."),
    )


def _covered(reference: str, evidence: str) -> float:
    """Share of a reference's words (Hangul by bigrams, Latin by stem) that occur in a text, 0..1."""
    wanted = set(words(reference))
    return len(wanted & set(words(evidence))) / len(wanted) if wanted else 1.0


def missing(questions: Sequence[Question]) -> list[Finding]:
    """Answerable questions without a reference, and without evidence."""
    answerable = [question for question in questions if question.answerable]
    bare = [question.id for question in answerable if not question.references]
    blind = [question.id for question in answerable if not question.evidence and not question.documents]
    found = _some(
        ("no_reference", bare, "answerable questions have no reference", "Write one; they stay out of its metrics."),
    )
    if blind:
        text = f"{len(blind)} answerable questions have no evidence: retrieval is measured by reference_coverage there"
        remedy = "Normal for a start; mark evidence to see recall."
        found.append(Finding("no_evidence", "info", text, rows=tuple(blind), remedy=remedy))
    return found


def unanswerable(questions: Sequence[Question]) -> list[Finding]:
    """Return the share of questions that the documents do not answer."""
    rows = tuple(question.id for question in questions if not question.answerable)
    share = len(rows) / len(questions)
    text = f"{len(rows)} of {len(questions)} questions ({share:.0%}) are unanswerable"
    if not rows:
        remedy = "Add some (about one in ten): without them nobody sees whether a system makes answers up."
    elif share > 0.4:
        remedy = "Many: refusing always would score well. Add answerable questions."
    else:
        remedy = "A good share to see whether a system refuses when it should."
    return [Finding("unanswerable_share", "warning" if share > 0.4 else "info", text, rows=rows, remedy=remedy)]


def leakage(eval_set: EvalSet, pairs: Sequence[Pair]) -> list[Finding]:
    """Return what connects the two sides of the hold-out split: near-duplicates and shared evidence documents.

    Without a declared hold-out, the split that ``holdout: 0.3`` would make is looked at.
    """
    declared = bool(eval_set.holdout_share)
    split = eval_set if declared else eval_set.with_holdout(_HOLDOUT)
    open_ids = {question.id for question in split.development}
    questions = split.questions_
    near = [
        f"{questions[i].id} | {questions[j].id}"
        for i, j, _ in pairs
        if (questions[i].id in open_ids) != (questions[j].id in open_ids)
    ]
    sides: dict[str, set[bool]] = defaultdict(set)
    for question in questions:
        for name in _gold_documents(question):
            sides[name].add(question.id in open_ids)
    both = [name for name, seen in sides.items() if len(seen) == 2]
    suffix = "" if declared else f" (with holdout: {_HOLDOUT})"
    found = _some(
        ("leakage", near, f"pairs of near-equal questions lie on both sides of the hold-out{suffix}", "Drop one.")
    )
    if both:
        text = f"{len(both)} of {len(sides)} evidence documents are used on both sides of the hold-out{suffix}"
        remedy = "Normal for questions over several documents; a strict hold-out has none."
        found.append(Finding("shared_documents", "info", text, rows=tuple(both), remedy=remedy))
    return found


def languages(questions: Sequence[Question], documents: Sequence[Document]) -> list[Finding]:
    """Languages of questions and documents, questions that cross them, and labels that say something else."""
    asked = {question.id: language(question.text) for question in questions}
    told = {document.id: language(document.text[:20_000]) for document in documents}
    counts = ", ".join(f"{name} {count}" for name, count in Counter(asked.values()).most_common())
    over = ", ".join(f"{name} {count}" for name, count in Counter(told.values()).most_common()) or "none"
    found = [Finding("languages", "info", f"questions: {counts}; documents: {over}")]
    crossing = [
        question.id
        for question in questions
        if (golds := {told[name] for name in _gold_documents(question) if name in told})
        and asked[question.id] not in golds
    ]
    if crossing:
        text = (
            f"{len(crossing)} questions are in another language than their evidence: lexical retrieval cannot find it"
        )
        remedy = "Use a multilingual embedder, and give these questions a slice of their own."
        found.append(Finding("cross_language", "info", text, rows=tuple(crossing), remedy=remedy))
    wrong = [
        f"{question.id} ({question.meta['lang']}, looks like {asked[question.id]})"
        for question in questions
        if question.meta.get("lang", "")[:2].lower() in ("ko", "en")
        and asked[question.id] != question.meta["lang"][:2].lower()
    ]
    return found + _some(
        ("language_label", wrong, "questions are labelled with another language", "Correct the label.")
    )


def lengths(questions: Sequence[Question]) -> list[Finding]:
    """Lengths in characters: quartiles, and rows far outside."""
    found = []
    for what, sized in (
        ("questions", {question.id: len(question.text) for question in questions}),
        ("references", {question.id: len(question.references[0]) for question in questions if question.references}),
    ):
        if len(sized) < 4:
            continue
        low, middle, high = quantiles(sized.values(), n=4)
        text = (
            f"{what}: {min(sized.values())} to {max(sized.values())} characters, half between {low:.0f} and {high:.0f}"
        )
        found.append(Finding("lengths", "info", f"{text}, median {middle:.0f}"))
        bound = high + 6 * max(high - low, 20)
        far = [f"{name} ({size})" for name, size in sized.items() if size > bound]
        found += _some(
            ("far_longer", far, f"{what} are far longer than the others", "Check whether a document got in.")
        )
    return found


def slices(questions: Sequence[Question]) -> list[Finding]:
    """How many questions each type and slice has, and which are too small to say anything."""
    found = []
    for what, values in (
        ("type", Counter(question.type for question in questions)),
        ("slice", Counter(question.slice for question in questions)),
    ):
        named = {name: count for name, count in values.items() if name}
        if not named:
            continue
        listed = ", ".join(f"{name} {count}" for name, count in sorted(named.items(), key=lambda pair: -pair[1]))
        found.append(Finding("slices", "info", f"by {what}: {listed}"))
        small = [f"{name} ({count})" for name, count in named.items() if count < _SMALL_SLICE]
        if small:
            text = f"{len(small)} of {len(named)} {what}s have fewer than {_SMALL_SLICE} questions"
            remedy = f"{_SMALL_SLICE} questions show only differences above {detectable(_SMALL_SLICE):.0f} points."
            found.append(Finding("small_slice", "info", text, rows=tuple(small), remedy=remedy))
    return found


def coverage(questions: Sequence[Question], documents: Sequence[Document]) -> list[Finding]:
    """How many documents any question is about."""
    used = {name for question in questions for name in _gold_documents(question)}
    if not used or not documents:
        return []
    rows = tuple(document.id for document in documents if document.id not in used)
    text = f"{len(documents) - len(rows)} of {len(documents)} documents are evidence of some question"
    remedy = "Add questions about the others if users ask about them." if rows else ""
    return [Finding("document_coverage", "info", text, rows=rows, remedy=remedy)]


def _gold_documents(question: Question) -> set[str]:
    return {span.document for span in question.evidence if span.document} | set(question.documents)


def _numbers(text: str) -> list[str]:
    """Digits of a text: two questions that differ in a number ask different things."""
    return ["".join(char for char in word if char.isdigit()) for word in text.split() if any(map(str.isdigit, word))]


def _some(*kinds: tuple[str, list[str], str, str]) -> list[Finding]:
    """Warnings of the kinds that have rows, each with its count."""
    return [
        Finding(kind, "warning", f"{len(rows)} {text}", rows=tuple(rows), remedy=remedy)
        for kind, rows, text, remedy in kinds
        if rows
    ]

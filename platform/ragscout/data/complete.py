"""Draft questions to questions: normal form, identity, duplicates, what is missing. Each thing done is said."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ragscout.data.draft import Draft, DraftQuestion, Gold
from ragscout.data.findings import Finding, Severity
from ragscout.data.formats.splits import one_split
from ragscout.data.options import Limits, ReadOptions
from ragscout.data.read.encoding import ungarbled
from ragscout.data.read.loaded import bad_row
from ragscout.model.text import comparable, normalise

_MANY_EQUAL = 0.2  # share of questions that repeat another in everything but the id


def finish(draft: Draft, options: ReadOptions) -> list[DraftQuestion]:
    """Questions in their order, with ids, normal forms and joined judgements; findings go to the draft.

    Exact repeats are dropped with a warning; one id on two different questions is an error that names both lines.
    """
    one_split(draft, options)
    _join_judgements(draft)
    kept = [question for question in draft.questions if _clean(question, draft, options)]
    kept = _distinct(kept, draft, options)
    _missing(kept, draft)
    _garbled(kept, draft)
    return kept


def _garbled(questions: Sequence[DraftQuestion], draft: Draft) -> None:
    """Warn of UTF-8 that was once read as Windows-1252 and saved again: ``ì§ˆë¬¸`` was ``질문``."""
    rows = [f"{question.id} ({mended[:30]})" for question in questions if (mended := ungarbled(question.text))]
    if rows:
        text = f"{len(rows)} questions look like UTF-8 that was read in a Western encoding and saved again"
        remedy = "Export the file again from its source as UTF-8."
        draft.findings.append(Finding("garbled", "warning", text, questions[0].file, rows=tuple(rows), remedy=remedy))


def _clean(question: DraftQuestion, draft: Draft, options: ReadOptions) -> bool:
    """Bring one question to its normal form; ``False`` when it cannot be used."""
    where = (question.file, question.line)
    _warn_of_lost_characters(question, draft)
    question.text = normalise(question.text).strip()
    question.id = normalise(question.id).strip()
    if not question.text:
        said = bool(question.references or question.evidence or question.documents)
        text = "the question is empty" + (" although the row holds an answer" if said else "")
        remedy = "Write a question; where cells were merged, write it into every row" if said else "Write a question"
        draft.findings.append(bad_row(options.skip_bad_rows, "empty_question", text, *where, remedy=remedy))
        return False
    question.references = list(
        dict.fromkeys(text for reference in question.references if (text := normalise(reference).strip()))
    )
    question.documents = list(dict.fromkeys(normalise(name).strip() for name in question.documents))
    question.filter = {
        normalise(name): tuple(normalise(value) for value in values) for name, values in sorted(question.filter.items())
    }
    question.type, question.slice = normalise(question.type), normalise(question.slice)
    question.meta = {normalise(name): normalise(value) for name, value in question.meta.items()}
    for gold in question.evidence:
        gold.document, gold.label = normalise(gold.document).strip(), normalise(gold.label)
    if question.weight < 0:
        text = "a weight must not be negative"
        draft.findings.append(bad_row(options.skip_bad_rows, "bad_value", text, *where, value=str(question.weight)))
        return False
    _lengths(question, draft, options.limits)
    _answerable(question, draft)
    return True


def _warn_of_lost_characters(question: DraftQuestion, draft: Draft) -> None:
    held = (question.text, *question.references)
    lost = sum("\x00" in text or any("\ud800" <= char <= "\udfff" for char in text) for text in held)
    if lost:
        text = "NUL characters were dropped and lone surrogates became U+FFFD"
        draft.findings.append(
            Finding(
                "lost_characters",
                "warning",
                text,
                question.file,
                question.line,
                remedy="Check where the text comes from.",
            )
        )


def _lengths(question: DraftQuestion, draft: Draft, limits: Limits) -> None:
    for column, texts, limit in (
        ("question", [question.text], limits.question_characters),
        ("reference", question.references, limits.reference_characters),
    ):
        longest = max(map(len, texts), default=0)
        if longest > limit:
            draft.findings.append(
                Finding(
                    "too_long",
                    "warning",
                    f"far too long for a {column}: {longest:,} characters (usual are at most {limit:,})",
                    question.file,
                    question.line,
                    column=column,
                    rows=(question.id or str(question.line),),
                    remedy="Check whether a whole document got into the cell.",
                )
            )


def _answerable(question: DraftQuestion, draft: Draft) -> None:
    if question.answerable is False and question.references:
        text = "the question is marked as unanswerable and has a reference; the reference was left out"
        draft.findings.append(
            Finding(
                "unanswerable_with_reference",
                "warning",
                text,
                question.file,
                question.line,
                value=question.references[0],
                remedy="Correct one of the two.",
            )
        )
        question.references = []


def _join_judgements(draft: Draft) -> None:
    """Give every judged question its documents; queries without a judgement belong to another split."""
    if not draft.judgements:
        return
    _one_split(draft)
    wanted: dict[str, list[str]] = defaultdict(list)
    for judgement in draft.judgements:
        wanted[judgement.question].append(judgement.document)
    known = {question.id for question in draft.questions}
    strange = [name for name in wanted if name not in known]
    if strange:
        draft.findings.append(
            Finding(
                "judgement_without_question",
                "warning",
                f"{len(strange)} judged questions are not among the questions",
                draft.judgements[0].file,
                rows=tuple(strange),
                remedy="Upload their queries file too.",
            )
        )
    for question in draft.questions:
        question.documents += [name for name in wanted.get(question.id, ()) if name not in question.documents]
    silent = [question.id for question in draft.questions if question.id not in wanted]
    if silent and len(silent) < len(draft.questions):
        draft.questions = [question for question in draft.questions if question.id in wanted]
        text = f"{len(silent)} questions without a judgement were left out (they belong to another split)"
        draft.tell("no_judgement", text, draft.judgements[0].file, silent)


def _one_split(draft: Draft) -> None:
    """Of several files of judgements the test split counts, else the development split, else all."""
    files = list(dict.fromkeys(judgement.file for judgement in draft.judgements))
    stems = {PurePosixPath(file).stem.casefold(): file for file in files}
    chosen = next((stems[name] for name in ("test", "dev", "validation") if name in stems), "")
    if len(files) < 2 or not chosen:
        return
    draft.judgements = [judgement for judgement in draft.judgements if judgement.file == chosen]
    others = [file for file in files if file != chosen]
    remedy = "Pass --split to choose another."
    draft.tell("split", f"judgements of {chosen} were used, those of other splits left out", chosen, others, remedy)


def _distinct(questions: Sequence[DraftQuestion], draft: Draft, options: ReadOptions) -> list[DraftQuestion]:
    """Drop exact repeats, refuse ids with two meanings, name questions that have no id."""
    kept: dict[str, DraftQuestion] = {}
    repeats: dict[str, list[str]] = defaultdict(list)
    unnamed: Counter[str] = Counter()
    merged: list[str] = []
    asked: dict[str, str] = {}
    for question in sorted(questions, key=lambda item: not item.id):
        made = f"q-{hashlib.sha256(question.text.encode()).hexdigest()[:8]}"
        text = _seen(question.text)
        name = question.id or asked.get(text, made)
        asked.setdefault(text, name)
        known = kept.get(name)
        if known is None:
            question.id = name
            kept[name] = question
        elif _same(known, question):
            repeats[question.file].append(f"{name} (lines {known.line} and {question.line})")
        elif known.file != question.file and _seen(known.text) == text:
            _merge(known, question)
            merged.append(f"{name} ({known.file}:{known.line} and {question.file}:{question.line})")
        elif not question.id:
            unnamed[name] += 1
            question.id = f"{name}-{unnamed[name] + 1}"
            kept[question.id] = question
            draft.findings.append(_asked_again(known, question))
        else:
            draft.findings.append(_two_meanings(name, known, question, options))
    if merged:
        text = f"{len(merged)} questions stand in two files: answers were joined, the first evidence counts"
        draft.tell("merged_question", text, "", merged)
    order = {id(question): number for number, question in enumerate(questions)}
    final = sorted(kept.values(), key=lambda question: order[id(question)])
    _say_equal(final, draft)
    for file, rows in repeats.items():
        text = f"{len(rows)} rows repeat another row word for word and were dropped"
        draft.findings.append(Finding("repeated_row", "warning", text, file, rows=tuple(rows)))
    return final


def _asked_again(known: DraftQuestion, question: DraftQuestion) -> Finding:
    return Finding(
        "question_twice",
        "warning",
        f"the question of line {known.line} is asked again with another answer; both were kept",
        question.file,
        question.line,
        value=question.text,
        remedy="Put all accepted answers into one row.",
    )


def _merge(known: DraftQuestion, other: DraftQuestion) -> None:
    """Give a question what another file says of it: references, documents, evidence, metadata it lacks."""
    known.references = list(dict.fromkeys([*known.references, *other.references]))
    known.documents = list(dict.fromkeys([*known.documents, *other.documents]))
    if not known.evidence:
        known.evidence = other.evidence
    if known.answerable is None:
        known.answerable = other.answerable
    known.type, known.slice = known.type or other.type, known.slice or other.slice
    known.meta = other.meta | known.meta


def _say_equal(questions: Sequence[DraftQuestion], draft: Draft) -> None:
    """Say which questions have one text and ids of their own: each counts. Many equal in everything are a warning."""
    texts = [_seen(question.text) for question in questions]
    counts, whole = Counter(texts), Counter(map(_content, questions))
    rows = [question.id for question, text in zip(questions, texts, strict=True) if counts[text] > 1]
    if rows:
        same = len(questions) - len(whole) > _MANY_EQUAL * len(questions)
        text = f"{len(rows)} of {len(questions)} questions share {sum(count > 1 for count in counts.values())} texts"
        text += " under ids of their own" + (", with the same answers" if same else "") + "; each of them counts"
        remedy = "Keep one of each, with all accepted answers, unless they are meant to weigh more." if same else ""
        severity: Severity = "warning" if same else "info"
        draft.findings.append(Finding("equal_questions", severity, text, rows=tuple(rows), remedy=remedy))


def _content(question: DraftQuestion) -> tuple[object, ...]:
    """Return what a question says, by the look of its texts."""
    held = (tuple(map(_seen, question.references)), tuple(question.documents), tuple(_golds(question.evidence)))
    return _seen(question.text), *held, question.answerable


def _two_meanings(name: str, known: DraftQuestion, question: DraftQuestion, options: ReadOptions) -> Finding:
    first = f"line {known.line}" if known.file == question.file else f"{known.file}:{known.line}"
    return bad_row(
        options.skip_bad_rows,
        "duplicate_id",
        f"the id {name!r} names two different questions ({first} and line {question.line})",
        question.file,
        question.line,
        value=question.text,
        rows=(name,),
        remedy="Give every question its own id",
    )


def _same(one: DraftQuestion, two: DraftQuestion) -> bool:
    return _content(one) == _content(two)


def _seen(text: str) -> str:
    return " ".join(comparable(text).split())


def _golds(evidence: Iterable[Gold]) -> list[tuple[object, ...]]:
    return [(gold.document, gold.quote, gold.start, gold.end, gold.group) for gold in evidence]


def _missing(questions: Sequence[DraftQuestion], draft: Draft) -> None:
    """Say which questions have no reference, and which have neither reference nor evidence."""
    without = [q for q in questions if not q.references and q.answerable is not False]
    if not without or (len(without) == len(questions) and any(f.kind == "no_reference_column" for f in draft.findings)):
        return
    bare = [q for q in without if not q.evidence and not q.documents]
    for kind, found, text in (
        ("no_reference", [q for q in without if q not in bare], "questions have evidence but no reference answer"),
        ("neither", bare, "questions have neither a reference answer nor evidence"),
    ):
        if found:
            draft.findings.append(
                Finding(
                    kind,
                    "warning",
                    f"{len(found)} of {len(questions)} {text}; they stay out of the metrics that need them (no 0)",
                    found[0].file,
                    rows=tuple(f"{q.id} (line {q.line})" for q in found),
                    remedy="Add references, or mark questions without an answer as answerable = false.",
                )
            )

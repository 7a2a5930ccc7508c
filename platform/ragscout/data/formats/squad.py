"""SQuAD 1.1 and 2.0, KorQuAD, and the flat rows with a context and ``answers`` that they are redistributed as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, Gold, in_normal_form, register
from ragscout.data.findings import Finding, shorten
from ragscout.data.formats.shared import SAMPLES, each_question, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError, flag_of, offset_of, text_of, texts_of, written_object
from ragscout.data.read.loaded import Loaded, Record, bad_row

_SHAPE = (KeyError, IndexError, TypeError, AttributeError, ValueError)


@register
class Squad:
    """Contexts become documents, impossible questions stay unanswerable, answers give their offsets."""

    name = "squad"
    title = "SQuAD / KorQuAD"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        articles = item.whole.get("data") if isinstance(item.whole, dict) else None
        if isinstance(articles, list) and articles and isinstance(articles[0], dict):
            return 0.95 if "paragraphs" in articles[0] or "qas" in articles[0] else 0.0
        return 0.85 if item.has("question", "context", "answers") else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        if item.has("question", "context", "answers"):
            roles = {"id": "id", "question": "question", "context": "document text", "answers": "reference"}
            note_roles(draft, item, {**roles, "is_impossible": "unanswerable", "title": "document title"})
            each_question(item, draft, options, lambda record: _flat(record, item, draft))
            return
        draft.roles[item.path] = {"context": "document text", "question": "question", "answers": "reference"}
        for number, article in enumerate(item.whole["data"], 1):
            for title, context, qas in self._paragraphs(article, number, item, draft, options):
                document = draft.passage(title, context, item.path, number)
                for qa in qas:
                    self._add(qa, (document, context), number, item, draft, options)

    def _paragraphs(
        self, article: Any, number: int, item: Loaded, draft: Draft, options: ReadOptions
    ) -> Iterator[tuple[str, str, list[Any]]]:
        """(title, context, questions) of an article; KorQuAD 2 has one context per article."""
        try:
            title = text_of(article.get("title"))
            parts = article.get("paragraphs", [article])
            pieces = [(title, text_of(part["context"]), list(part["qas"])) for part in parts]
        except _SHAPE as error:
            text = f"article {number} does not have title, paragraphs, context and qas ({error})"
            draft.findings.append(bad_row(options.skip_bad_rows, "bad_row", text, item.path, 0))
            return
        yield from pieces

    def _add(
        self, qa: Any, passage: tuple[str, str], number: int, item: Loaded, draft: Draft, options: ReadOptions
    ) -> None:
        try:
            made = DraftQuestion(text_of(qa["question"]), item.path, number, text_of(qa.get("id")))
            given = qa.get("answers") or ([qa["answer"]] if isinstance(qa.get("answer"), dict) else [])
            answers = [(text_of(answer["text"]), offset_of(answer.get("answer_start"))) for answer in given]
            impossible = flag_of(qa.get("is_impossible"))
        except _SHAPE as error:
            text = f"a question of article {number} does not have the shape of SQuAD ({error})"
            draft.findings.append(bad_row(options.skip_bad_rows, "bad_row", text, item.path, 0, value=str(qa)))
            return
        _fill(made, passage, answers, impossible, draft)
        draft.questions.append(made)
        if len(draft.samples) < SAMPLES:
            draft.samples.append({"question": shorten(made.text), "answers": shorten("; ".join(made.references))})


def _flat(record: Record, item: Loaded, draft: Draft) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["question"]), item.path, record.line, text_of(values.get("id")))
    answers = written_object(values["answers"])
    if isinstance(answers, Mapping):
        texts = texts_of(answers.get("text"))
        starts = [offset_of(value) for value in answers.get("answer_start") or []]
    elif isinstance(answers, list) and all(isinstance(answer, Mapping) for answer in answers):
        texts = [text_of(answer.get("text")) for answer in answers]
        starts = [offset_of(answer.get("answer_start")) for answer in answers]
    else:
        texts, starts = texts_of(answers), []
    starts += [None] * (len(texts) - len(starts))
    context = text_of(values["context"])
    if not context.strip():
        raise CellError("context\x00a context is needed here")
    document = draft.passage(text_of(values.get("title")), context, item.path, record.line)
    impossible = flag_of(values.get("is_impossible"))
    if impossible is None and not texts:
        impossible = True
    _fill(made, (document, context), list(zip(texts, starts, strict=False)), impossible, draft)
    return made


def _fill(
    made: DraftQuestion,
    passage: tuple[str, str],
    answers: list[tuple[str, int | None]],
    impossible: bool | None,
    draft: Draft,
) -> None:
    made.answerable = not impossible if impossible is not None else None
    if impossible:
        return
    document, context = passage
    for text, start in answers:
        end = None if start is None else in_normal_form(context, start + len(text))
        start = in_normal_form(context, start)
        if text.strip() and text not in made.references:
            made.references.append(text)
        gold = Gold(document, text, start, end, 0)
        if gold not in made.evidence:
            made.evidence.append(gold)
    made.documents = [document]
    if impossible is False and not made.references:
        text = "the question is marked as answerable and has no answer"
        draft.findings.append(Finding("no_answer", "info", text, made.file, made.line, rows=(made.id,)))

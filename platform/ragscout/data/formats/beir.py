"""BEIR and MTEB folders: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/*.tsv``."""

from __future__ import annotations

from pathlib import PurePosixPath

from ragscout.data.draft import Draft, DraftQuestion, RelevanceJudgement, register
from ragscout.data.findings import Finding
from ragscout.data.formats.shared import each_question, note_roles
from ragscout.data.formats.table import read_documents
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError, number_of, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record, bad_row
from ragscout.data.roles import header_key

_QUERY = ("queryid", "qid", "query")
_CORPUS = ("corpusid", "docid", "documentid", "pid")
_SCORE = ("score", "relevance", "label")


@register
class Beir:
    """Three kinds of files that belong together; the join is made when all files are read. Plain BEIR has no
    references; ``answers`` in a query's metadata are taken as such."""

    name = "beir"
    title = "BEIR / MTEB"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if _qrels(item):
            return 0.9
        stem = PurePosixPath(item.path).stem.casefold()
        if "_id" in item.columns and "text" in item.columns:
            return 0.9 if stem.startswith(("quer", "corpus")) else 0.45
        return 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        roles = _qrels(item)
        if roles:
            _read_judgements(item, roles, draft, options)
        elif PurePosixPath(item.path).stem.casefold().startswith("quer"):
            note_roles(draft, item, {"_id": "id", "text": "question"})
            each_question(item, draft, options, lambda record: _question(record, item))
        else:
            read_documents(item, draft, options)


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["text"]), item.path, record.line, text_of(values["_id"]))
    meta = values.get("metadata")
    if isinstance(meta, dict) and meta.get("answers"):
        made.references = texts_of(meta["answers"])
    return made


def _qrels(item: Loaded) -> dict[str, str]:
    """Role to column when the file is a table of judgements: a query id, a corpus id, a score and nothing to read."""
    keys = {header_key(column): column for column in item.columns}
    found = {
        role: keys[name]
        for role, names in (("question", _QUERY), ("document", _CORPUS), ("score", _SCORE))
        for name in names[::-1]
        if name in keys
    }
    return found if {"question", "document", "score"} <= set(found) and len(keys) <= 4 else {}


def _read_judgements(item: Loaded, roles: dict[str, str], draft: Draft, options: ReadOptions) -> None:
    draft.roles[item.path] = {column: f"judgement {role}" for role, column in roles.items()}
    draft.kinds[item.path] = "judgements"
    split = PurePosixPath(item.path).stem
    if options.split and split != options.split:
        draft.tell("split", f"judgements of the split {split!r} were left out", item.path)
        return
    for record in item.records:
        try:
            score = number_of(record.values[roles["score"]])
            query = text_of(record.values[roles["question"]]).strip()
            document = text_of(record.values[roles["document"]]).strip()
        except CellError as error:
            draft.findings.append(
                bad_row(
                    options.skip_bad_rows,
                    "bad_value",
                    str(error),
                    item.path,
                    record.line,
                    column=roles["score"],
                    value=str(record.values.get(roles["score"])),
                )
            )
            continue
        if score is None or not query or not document:
            draft.findings.append(
                Finding("empty_judgement", "warning", "an incomplete judgement was left out", item.path, record.line)
            )
        elif score > 0:
            draft.judgements.append(RelevanceJudgement(query, document, item.path))

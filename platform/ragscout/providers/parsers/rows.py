"""Documents that come as rows: jsonl, json, csv, tsv, parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ragscout.model.text import comparable, normalise
from ragscout.providers.parsers.decode import decode, guessed
from ragscout.providers.parsers.dialect import find_dialect, physical_lines, records, separator_line

Row = Mapping[str, Any]

IDS = ("doc_id", "id", "_id", "docid", "document_id", "passage_id", "문서id", "문서번호", "아이디")
TITLES = ("title", "name", "제목", "문서명")
TEXTS = ("text", "contents", "content", "body", "passage", "document", "context", "본문", "내용", "텍스트")


METADATA = ("metadata", "meta", "메타데이터", "메타")
_META_CHARACTERS = 200
_META_COLUMNS = 50


def metadata(row: Row, taken: Iterable[str | None]) -> dict[str, str]:
    """Metadata of a row as texts: every short scalar column that is not ``taken``, and those of an object in a
    ``metadata`` column; at most 50, values of at most 200 characters."""
    known = set(taken)
    found: dict[str, str] = {}
    for name, value in row.items():
        if name in known or not isinstance(name, str):
            continue
        if str(name).strip().casefold() in METADATA:
            value = _object(value)
            if isinstance(value, Mapping):
                found |= {str(key): text for key, item in value.items() if (text := _scalar(item))}
        elif text := _scalar(value):
            found[name.strip()] = text
    return {normalise(name): normalise(text) for name, text in sorted(found.items())[:_META_COLUMNS]}


def _object(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else ""
    if isinstance(value, (str, int)):
        text = str(value).strip()
        return text if len(text) <= _META_CHARACTERS else ""
    return ""


def outline(value: Any, depth: int = 0) -> Iterator[str]:
    """JSON that is no list of documents, as ``name: value`` lines; nesting deeper than 60 levels is left out."""
    pad = "  " * depth
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value, 1) if isinstance(value, list) else ()
    for name, item in pairs:
        if isinstance(item, (Mapping, list)):
            if item and depth < 60:
                yield f"{pad}{name}:"
                yield from outline(item, depth + 1)
        elif item is not None and str(item).strip():
            yield f"{pad}{name}: {str(item).lower() if isinstance(item, bool) else item}"


def column(names: Iterable[str], accepted: Iterable[str]) -> str | None:
    """Return the first accepted column name that is there, whatever its case or spaces."""
    folded = {comparable(name).strip().casefold().replace(" ", "").replace("-", "_"): name for name in names}
    return next((folded[name] for name in accepted if name in folded), None)


def json_rows(data: bytes) -> tuple[list[Row], list[str], str]:
    """Rows of a jsonl file or of a json array, warnings, encoding.

    A SQuAD file gives one row per paragraph with the id ``title#n`` (n counts the article's paragraphs from 0).
    """
    text, guess = decode(data)
    text, encoding, said = text.lstrip("\ufeff"), guess.encoding, guessed(guess)
    try:
        return list(_objects(json.loads(text))), said, encoding
    except (ValueError, RecursionError):
        if text.lstrip()[:1] == "[":
            return [], ["it is not valid JSON"], encoding
    rows: list[Row] = []
    bad: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.extend(_objects(json.loads(line)))
        except (ValueError, RecursionError):
            bad.append(number)
    shown = ", ".join(map(str, bad[:10])) + (f" and {len(bad) - 10} more" if len(bad) > 10 else "")
    return rows, said + ([f"line {shown}: not valid JSON"] if bad else []), encoding


def _objects(value: Any) -> Iterator[Row]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item
    elif isinstance(value, dict) and isinstance(value.get("data"), list):
        for article in value["data"]:
            if not isinstance(article, dict):
                continue
            if not isinstance(article.get("paragraphs"), list):
                yield article
                continue
            for number, paragraph in enumerate(article["paragraphs"]):
                title = str(article.get("title", "article"))
                yield {"id": f"{title}#{number}", "title": title, "text": paragraph.get("context", "")}
    elif isinstance(value, dict):
        yield value


def csv_rows(data: bytes) -> tuple[list[Row], list[str], str]:
    """Rows of a csv or tsv file (separator and quoting found out), every value as text, warnings, encoding."""
    text, guess = decode(data)
    named, text = separator_line(text.lstrip("\ufeff"))
    bad: list[int] = []
    rows = list(records(physical_lines(text), find_dialect(text, delimiter=named), bad))
    said = [f"row {', '.join(map(str, bad[:10]))}: not a row that can be read"] if bad else []
    return list(rows), guessed(guess) + said, guess.encoding


def parquet_rows(data: bytes) -> tuple[list[Row], list[str], str]:
    """Rows of a parquet file, warnings, encoding."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(pa.BufferReader(data)).to_pylist(), [], "utf-8"
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # ValueError: text that is no UTF-8
        return [], [f"it cannot be read as parquet ({type(error).__name__})"], "utf-8"

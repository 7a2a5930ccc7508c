"""JSON and JSON lines. Lines end at LF only: U+2028 and U+0085 inside a string are text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.csvfile import broken_byte, too_many_rows
from ragscout.data.read.encoding import DAMAGED, Decoded
from ragscout.data.read.loaded import Loaded, Record, bad_row, union_of_keys
from ragscout.data.roles import document_roles, is_documents, question_roles
from ragscout.model.text import LONE_SURROGATES

LISTS = (
    *("data", "questions", "rows", "items", "records", "goldens", "test_cases", "samples", "results", "queries", "qa"),
    *(
        "documents",
        "corpus",
        "docs",
        "passages",
        "train",
        "dev",
        "validation",
        "test",
        "질문",
        "문항",
        "문서",
        "평가셋",
    ),
)
_SPACE = " \t\r\n"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Watch:
    """Hooks of the JSON parser: what is legal to the parser but doubtful to us."""

    def __init__(self) -> None:
        self.constants = 0
        self.lone = False
        self.repeated: list[str] = []
        self.decoder = json.JSONDecoder(parse_constant=self._constant, object_pairs_hook=self._pairs)

    def _constant(self, _word: str) -> None:
        self.constants += 1

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            names = [name for name, _ in pairs]
            self.repeated += sorted({name for name in names if names.count(name) > 1})
        return made

    def whole(self, value: Any, source: str) -> Any:
        """Return a parsed value whose texts can be stored: half a surrogate pair, escaped, becomes U+FFFD."""
        if not _SURROGATE.search(source):
            return value
        kept = _without_surrogates(value)
        self.lone = self.lone or kept != value
        return kept

    def report(self, path: str, line: int, findings: list[Finding]) -> None:
        """Report what was found in the object that was just parsed, and start anew."""
        if self.constants:
            text = "NaN or Infinity is not JSON; it was read as missing"
            findings.append(Finding("nan", "warning", text, path, line, remedy="Write null for a missing value."))
        if self.lone:
            text = "half of a surrogate pair is no character; it became U+FFFD"
            remedy = "Check where the text comes from: it was cut in the middle of a character."
            findings.append(Finding("lost_characters", "warning", text, path, line, remedy=remedy))
        for name in self.repeated:
            text = "the key stands twice in one object; the last one was used"
            findings.append(
                Finding("repeated_key", "warning", text, path, line, column=name, remedy="Remove one of them.")
            )
        self.constants, self.repeated, self.lone = 0, [], False


def load_jsonl(path: str, decoded: Decoded, options: ReadOptions) -> Loaded:
    """One object a line; blank lines are skipped, each bad line is named."""
    found = Loaded(path, "jsonl", encoding=decoded.encoding, findings=list(decoded.findings))
    text = decoded.text
    lines = text.split("\n") if "\n" in text else text.split("\r")
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=0)
    ended = text.endswith(("\n", "\r"))
    watch = _Watch()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        problem, value = _parse(watch, line.strip(_SPACE))
        if problem and number == last and not ended:
            problem = (
                f"the file seems to be cut in the middle of its last line ({problem}); {len(found.records)} good lines"
            )
        elif not problem and not isinstance(value, dict):
            problem = f"a line must hold an object with named fields, not {_kind(value)}"
        if problem:
            found.findings.append(
                bad_row(
                    options.skip_bad_rows,
                    "bad_line",
                    problem,
                    path,
                    number,
                    value=line.strip(),
                    remedy="Repair the line",
                )
            )
            continue
        watch.report(path, number, found.findings)
        if number in decoded.broken_lines and (column := _damaged(value)):
            found.findings.append(broken_byte(options.skip_bad_rows, path, number, column, line))
            continue
        found.records.append(Record(number, value))
        if len(found.records) > options.limits.rows:
            found.findings.append(too_many_rows(path, options.limits.rows))
            break
    found.columns = union_of_keys(found.records)
    return found


def load_json(path: str, decoded: Decoded, options: ReadOptions) -> Loaded:
    """Return a list of objects, an object that holds such a list, a table by columns, or a nested format in
    ``whole``."""
    found = Loaded(path, "json", encoding=decoded.encoding, findings=list(decoded.findings))
    if decoded.broken_lines:
        for line in sorted(decoded.broken_lines)[:20]:
            text = decoded.text.split("\n")[line - 1]
            found.findings.append(broken_byte(False, path, line, "", text))
        return found
    text = decoded.text
    watch = _Watch()
    start = len(text) - len(text.lstrip(_SPACE))
    if text[start : start + 1] == "[":
        _list(text, start, watch, found, options)
    else:
        problem, value = _parse(watch, text.strip(_SPACE))
        if problem:
            found.findings.append(_broken_json(path, text, problem))
            return found
        watch.report(path, 0, found.findings)
        found.whole = value
        tables = _tables(value)
        if tables:
            found.records = tables.pop(next(iter(tables)))
            found.parts = [
                Loaded(f"{path}#{name}", "json", union_of_keys(records), records, None, found.encoding)
                for name, records in tables.items()
            ]
        else:
            found.records = _by_rows(value) or _by_columns(value)
    found.columns = union_of_keys(found.records)
    return found


def _parse(watch: _Watch, text: str) -> tuple[str, Any]:
    try:
        value, end = watch.decoder.raw_decode(text)
    except json.JSONDecodeError as error:
        return f"not valid JSON, {error.msg.lower()}: character {error.pos + 1}", None
    except RecursionError:
        return "not readable: nested too deeply", None
    except ValueError:
        return "not readable: a number with too many digits", None
    if text[end:].strip(_SPACE):
        return f"not valid JSON, more text after the end of the object: character {end + 1}", None
    return "", watch.whole(value, text)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return LONE_SURROGATES.sub(DAMAGED, value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value


def _broken_json(path: str, text: str, problem: str) -> Finding:
    line = 1
    if ": character" in problem:
        position = int(problem.rsplit(" ", 1)[1]) - 1
        line = text.count("\n", 0, position) + 1
        if position >= len(text.rstrip()) - 1:
            problem += "; the file seems to be cut"
    return Finding("bad_json", "error", problem, path, line, remedy="Repair the file or export it again.")


def _list(text: str, start: int, watch: _Watch, found: Loaded, options: ReadOptions) -> None:
    """Items of a top-level list one by one, so that every record knows its line."""
    position, line, counted = start + 1, text.count("\n", 0, start) + 1, start
    while True:
        while text[position : position + 1] in (*_SPACE, ",") and position < len(text):
            position += 1
        line, counted = line + text.count("\n", counted, position), position
        if text[position : position + 1] == "]":
            return
        try:
            value, end = watch.decoder.raw_decode(text, position)
            value, position = watch.whole(value, text[position:end]), end
        except json.JSONDecodeError as error:
            problem = f"not valid JSON, {error.msg.lower()}: character {error.pos + 1}"
            found.findings.append(_broken_json(found.path, text, problem))
            return
        except (RecursionError, ValueError):
            text = "an item is nested too deeply or holds a number with too many digits"
            found.findings.append(Finding("bad_json", "error", text, found.path, line, remedy="Repair the file."))
            return
        watch.report(found.path, line, found.findings)
        if isinstance(value, dict):
            found.records.append(Record(line, value))
        else:
            text_ = f"an item of the list must be an object with named fields, not {_kind(value)}"
            found.findings.append(
                bad_row(
                    options.skip_bad_rows, "bad_item", text_, found.path, line, value=str(value), remedy="Repair it"
                )
            )
        if len(found.records) > options.limits.rows:
            found.findings.append(too_many_rows(found.path, options.limits.rows))
            return


def _tables(value: Any) -> dict[str, list[Record]]:
    """Return lists of objects, and objects of objects, under a usual name inside a top-level object."""
    if not isinstance(value, dict):
        return {}
    tables: dict[str, list[Record]] = {}
    for name in LISTS:
        held = value.get(name)
        if isinstance(held, list) and held and all(isinstance(item, dict) for item in held):
            tables[name] = [Record(number, item) for number, item in enumerate(held, 1)]
        elif isinstance(held, dict) and (records := _by_rows(held)):
            tables[name] = records
    return tables


def _by_rows(value: Any) -> list[Record]:
    """Return rows of an object of objects, where these are questions or documents; the name of a row is its id. An
    object that is one question with its answer is one row."""
    if not isinstance(value, dict) or not value:
        return []
    own = question_roles(value)[0]
    if "reference" in own and isinstance(value.get(own.get("question")), str):
        return [Record(1, value)]
    if not all(isinstance(row, dict) for row in value.values()):
        return []
    columns = list(dict.fromkeys(name for row in value.values() for name in row))
    if not is_documents(columns) and "question" not in question_roles(columns)[0]:
        return []
    named = "id" in question_roles(columns)[0] or "id" in document_roles(columns)
    return [
        Record(number, row if named else {"id": name, **row}) for number, (name, row) in enumerate(value.items(), 1)
    ]


def _by_columns(value: Any) -> list[Record]:
    """Return a table written by columns: lists of equal length, or objects with the same keys."""
    if not isinstance(value, dict) or not value:
        return []
    columns = list(value.values())
    if all(isinstance(column, list) for column in columns) and len({len(column) for column in columns}) == 1:
        return [
            Record(number, dict(zip(value, row, strict=True)))
            for number, row in enumerate(zip(*columns, strict=True), 1)
        ]
    if all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns) and len(columns) > 1:
        return [
            Record(number, {name: column[key] for name, column in value.items()})
            for number, key in enumerate(columns[0], 1)
        ]
    return []


def _damaged(value: dict[str, Any]) -> str:
    for name, item in value.items():
        if DAMAGED in json.dumps(item, ensure_ascii=False):
            return name
    return ""


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
    return kinds.get(type(value), "null")


def is_missing(value: Any) -> bool:
    """Whether a JSON or columnar value stands for nothing: null or NaN. Words like ``NA`` are values."""
    return value is None or (isinstance(value, float) and math.isnan(value))

"""CSV, TSV and semicolon-separated text. Cells stay text: ``NA``, ``None`` and ``001`` are what they say."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.encoding import DAMAGED, Decoded
from ragscout.data.read.loaded import Loaded, Record, bad_row
from ragscout.data.roles import recognised
from ragscout.data.write.sheets import unguarded
from ragscout.providers.parsers.dialect import STYLES, Dialect, find_dialect, physical_lines, separator_line

HEADER_WITHIN = 10  # title lines above the header that are looked through


class _Lines:
    """Physical lines of a text with their line ends, and how many were handed out."""

    def __init__(self, text: str) -> None:
        self.count = 0
        self.taken: list[str] = []
        self._rest = physical_lines(text)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._rest)
        self.count += 1
        self.taken.append(line)
        return line


def load_csv(path: str, decoded: Decoded, options: ReadOptions) -> Loaded:
    """Rows under the header that is found among the first lines.

    A quote that is never closed, a row with more cells than the header and a broken byte are problems of their rows;
    every row is looked at before anything is refused.
    """
    found = Loaded(path, "csv", encoding=decoded.encoding, findings=list(decoded.findings), textual=True)
    style = next((known for known in STYLES if known == options.dialect), None)
    if options.dialect and style is None:
        found.findings.append(_unknown_dialect(path, options.dialect))
        return found
    named, text = separator_line(decoded.text)
    dialect = find_dialect(text, recognised, options.delimiter or named, style)
    if dialect.style != "plain" and style is None:
        said = f"the table was read as {dialect.style!r}: {STYLES[dialect.style]}"
        remedy = f"If that is wrong, pass --dialect with one of: {', '.join(STYLES)}."
        found.findings.append(Finding("dialect", "info", said, path, remedy=remedy))
    rows = _rows(text, dialect, found, options)
    if not rows:
        return found
    header_at = _header(rows)
    if header_at:
        skipped = tuple(str(line) for line, _ in rows[:header_at])
        found.findings.append(
            Finding("title_rows", "info", "lines above the header are not part of the table", path, rows=skipped)
        )
    line, names = rows[header_at]
    found.columns = unique_names(names, path, line, found.findings)
    for line, cells in rows[header_at + 1 :]:
        record = _record(path, line, cells, found, decoded, options)
        if record is not None:
            found.records.append(record)
    guarded = tuple(
        str(record.line) for record in found.records if any(unguarded(cell) != cell for cell in record.values.values())
    )
    if guarded:
        text = "an apostrophe that keeps a spreadsheet from running a cell as a formula is not part of the text"
        found.findings.append(Finding("guarded_formula", "info", text, path, rows=guarded))
        for number, record in enumerate(found.records):
            plain = {name: unguarded(cell) for name, cell in record.values.items()}
            found.records[number] = Record(record.line, plain)
    return found


def _unknown_dialect(path: str, name: str) -> Finding:
    known = "; ".join(f"{style} ({meaning})" for style, meaning in STYLES.items())
    return Finding(
        "dialect_option", "error", "there is no such dialect", path, value=name, remedy=f"Dialects: {known}."
    )


def _rows(text: str, dialect: Dialect, found: Loaded, options: ReadOptions) -> list[tuple[int, list[str]]]:
    csv.field_size_limit(options.limits.cell_characters)
    lines = _Lines(text)
    reader = dialect.rows(lines)
    rows: list[tuple[int, list[str]]] = []
    while True:
        start, lines.taken = lines.count + 1, []
        try:
            cells = next(reader)
        except StopIteration:
            return rows
        except csv.Error as error:
            width = len(rows[-1][1]) if rows else 0
            mended = _mend(found, start, lines.taken, str(error), width, dialect, options)
            if mended is not None:
                rows.append((start, mended))
            continue
        if any(cell.strip() for cell in cells):
            rows.append((start, cells))
        if len(rows) > options.limits.rows:
            found.findings.append(too_many_rows(found.path, options.limits.rows))
            return rows


def _mend(
    found: Loaded, start: int, taken: list[str], error: str, width: int, dialect: Dialect, options: ReadOptions
) -> list[str] | None:
    """Return the cells of a row with a stray quotation mark, if there are as many as in the row before (``width``)."""
    raw = "".join(taken)
    if "field limit" in error:
        found.findings.append(
            bad_row(
                options.skip_bad_rows,
                "huge_field",
                f"a cell is longer than the limit of {options.limits.cell_characters:,} characters",
                found.path,
                start,
                remedy="Shorten it",
            )
        )
        return None
    if len(taken) == 1 and "unexpected end" not in error:
        try:
            cells = next(dialect.rows([raw], strict=False))
        except (csv.Error, StopIteration):
            cells = []
        if len(cells) >= max(width, 1):
            found.findings.append(
                Finding(
                    "stray_quote",
                    "warning",
                    "a quotation mark inside a quoted cell is not doubled; the row was read as well as possible",
                    found.path,
                    start,
                    value=raw.strip(),
                    remedy='Write " inside a quoted cell as "".',
                )
            )
            return cells
    found.findings.append(
        bad_row(
            options.skip_bad_rows,
            "unclosed_quote",
            f"a quotation mark opened here is not closed properly ({len(taken)} lines were swallowed)",
            found.path,
            start,
            value=taken[0].strip() if taken else "",
            remedy="Close the quotation mark, name the way of quoting with --dialect",
        )
    )
    return None


def too_many_rows(path: str, limit: int) -> Finding:
    """Return the error for a table beyond the row limit."""
    return Finding(
        "too_many_rows",
        "error",
        f"the file has more than {limit:,} rows",
        path,
        remedy="Split it or raise the limit 'rows'.",
    )


def _header(rows: list[tuple[int, list[str]]]) -> int:
    scores = [recognised(cells) for _, cells in rows[:HEADER_WITHIN]]
    return scores.index(max(scores)) if max(scores) > 0 and scores[0] == 0 else 0


def unique_names(names: list[str], path: str, line: int, findings: list[Finding]) -> tuple[str, ...]:
    """Column names made unique and non-empty; a repeated name is a warning."""
    made: list[str] = []
    for number, name in enumerate(names, 1):
        name = name.strip() or f"column {number}"
        if name in made:
            findings.append(
                Finding(
                    "repeated_column",
                    "warning",
                    "two columns have the same name; the first is used",
                    path,
                    line,
                    column=name,
                    remedy="Rename one of them.",
                )
            )
            name = f"{name} ({number})"
        made.append(name)
    return tuple(made)


def _record(
    path: str, line: int, cells: list[str], found: Loaded, decoded: Decoded, options: ReadOptions
) -> Record | None:
    width = len(found.columns)
    extra = [cell for cell in cells[width:] if cell.strip()]
    if extra:
        found.findings.append(
            bad_row(
                options.skip_bad_rows,
                "too_many_cells",
                f"{len(cells)} cells under a header of {width}",
                path,
                line,
                value=extra[0],
                remedy="Put a cell that holds the separator in quotation marks, name the way of quoting with --dialect",
            )
        )
        return None
    if len(cells) < width:
        found.findings.append(
            Finding(
                "missing_cells",
                "warning",
                f"{len(cells)} cells under a header of {width}; the missing ones were read as empty",
                path,
                line,
                value=cells[0],
                remedy="Check whether the row was cut.",
            )
        )
        cells = cells + [""] * (width - len(cells))
    values = dict(zip(found.columns, cells, strict=False))
    if decoded.broken_lines and not damaged(values, path, line, found.findings, options):
        return None
    return Record(line, values)


def damaged(values: dict[str, str], path: str, line: int, findings: list[Finding], options: ReadOptions) -> bool:
    """Whether no cell holds bytes that did not decode; each that does is a problem of its row."""
    fine = True
    for column, cell in values.items():
        if isinstance(cell, str) and DAMAGED in cell:
            findings.append(broken_byte(options.skip_bad_rows, path, line, column, cell))
            fine = False
    return fine


def broken_byte(skip: bool, path: str, line: int, column: str, value: str) -> Finding:
    """Return the problem of a row with bytes that did not decode."""
    at = max(0, value.find(DAMAGED) - 20)
    return bad_row(
        skip,
        "broken_bytes",
        "bytes that do not decode",
        path,
        line,
        column=column,
        value=value[at : at + 60],
        remedy="Save the file again in UTF-8 from its source, or name the encoding with --encoding",
    )

"""What a reader has to say about the user's data, and the error that says all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragscout.model.errors import EvalSetError

Severity = Literal["info", "warning", "error"]
SHOWN_PROBLEMS = 20  # problems of one upload printed in an error; the rest are counted
SHOWN_ROWS = 10  # rows named in one line for people; the JSON form holds all of them


@dataclass(frozen=True)
class Finding:
    """One thing a reader found.

    ``kind`` is a short stable word; ``line`` counts from 1 (a row number in workbooks and columnar files), 0 when the
    finding concerns the whole file; ``rows`` are the question ids or line numbers it touches.
    """

    kind: str
    severity: Severity
    message: str
    file: str = ""
    line: int = 0
    column: str = ""
    value: str = ""
    remedy: str = ""
    rows: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Place in the user's data: file, line, column."""
        place = self.file or "evaluation set"
        if self.line:
            place += f":{self.line}"
        return f"{place}, column {self.column!r}" if self.column else place

    def text(self) -> str:
        """*where: what is wrong; got X. What to do.*"""
        said = f"{self.where}: {self.message}"
        if self.value:
            said += f"; got {shorten(self.value)!r}"
        said = said.rstrip(".") + "."
        if self.rows:
            named = ", ".join(self.rows[:SHOWN_ROWS])
            more = f" and {len(self.rows) - SHOWN_ROWS} more" if len(self.rows) > SHOWN_ROWS else ""
            said += f" Rows ({len(self.rows)}): {named}{more}."
        return f"{said} {self.remedy}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are set, as plain values."""
        found = {name: getattr(self, name) for name in ("kind", "severity", "message", "file", "line", "column")}
        found |= {"value": shorten(self.value), "remedy": self.remedy, "rows": list(self.rows)}
        return {name: value for name, value in found.items() if value not in ("", 0, [])}


def finding_from_json(data: dict[str, Any]) -> Finding:
    """Inverse of ``Finding.as_json``."""
    return Finding(**{**data, "rows": tuple(data.get("rows", ()))})


def shorten(text: str, width: int = 80) -> str:
    """Return a value cut to ``width`` characters, with its true length."""
    return text if len(text) <= width else f"{text[: width - 1]}… ({len(text):,} characters)"


def refuse(findings: Iterable[Finding]) -> None:
    """Do nothing when no finding is an error.

    Raises:
        EvalSetError: with every error, up to twenty in words and the rest as a count.
    """
    errors = sorted((item for item in findings if item.severity == "error"), key=lambda item: (item.file, item.line))
    if errors:
        raise EvalSetError(problems(errors))


def problems(errors: Sequence[Finding]) -> str:
    """All problems as one message: one line for one problem, a list for several."""
    if len(errors) == 1:
        return errors[0].text()
    lines = [f"{len(errors)} problems:"]
    lines += [f"  {item.text()}" for item in errors[:SHOWN_PROBLEMS]]
    if len(errors) > SHOWN_PROBLEMS:
        lines.append(f"  and {len(errors) - SHOWN_PROBLEMS} more.")
    return "\n".join(lines)

"""Review by a person: decisions that survive an interruption, and the sheet in which they can be made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from ragscout.data.findings import refuse
from ragscout.data.options import DEFAULT_OPTIONS
from ragscout.data.read.workbook import load_workbook
from ragscout.data.write.sheets import SheetPage, workbook
from ragscout.model.errors import EvalSetError

Verdict = Literal["accept", "change", "drop"]
VERDICTS: Mapping[str, Verdict] = {
    "accept": "accept",
    "a": "accept",
    "ok": "accept",
    "수락": "accept",
    "승인": "accept",
    "change": "change",
    "move": "change",
    "edit": "change",
    "수정": "change",
    "이동": "change",
    "drop": "drop",
    "d": "drop",
    "삭제": "drop",
    "제외": "drop",
}


@dataclass(frozen=True)
class ReviewDecision:
    """What a person said of one item. ``key``: identity of the item; ``value``: what stands in its place after a
    change, by field."""

    key: str
    verdict: Verdict
    value: Mapping[str, str]


class Log(Protocol):
    """Where decisions are written down: a journal of the store."""

    def append(self, kind: str, payload: Mapping[str, object]) -> int:
        """Append an entry and return its sequence number."""
        ...

    def entries(self, after: int = 0) -> Sequence[Any]:
        """Entries with ``kind`` and ``payload``, in order."""
        ...


def decide(log: Log, decision: ReviewDecision) -> None:
    """Write a decision down at once; a later one on the same item replaces it."""
    log.append("decided", {"key": decision.key, "verdict": decision.verdict, "value": dict(decision.value)})


def decisions(log: Log) -> dict[str, ReviewDecision]:
    """Return the last decision on every item, by key."""
    found: dict[str, ReviewDecision] = {}
    for entry in log.entries():
        if entry.kind == "decided":
            payload = entry.payload
            found[payload["key"]] = ReviewDecision(payload["key"], payload["verdict"], payload["value"])
    return found


def write_sheet(path: Path, title: str, rows: Iterable[Mapping[str, str]]) -> int:
    """Write rows as a workbook with a header and return their number.

    Raises:
        EvalSetError: the file is there already or cannot be written.
    """
    if path.exists():
        raise EvalSetError(f"{path}: the file is there already. Name another one, or remove it first.")
    kept = list(rows)
    data = workbook([SheetPage(title, [list(kept[0]), *(list(row.values()) for row in kept)] if kept else [])])
    try:
        path.write_bytes(data)
    except OSError as error:
        raise EvalSetError(f"{path}: cannot be written; got {error.strerror}. Name another place.") from None
    return len(kept)


def read_sheet(path: Path, known: Iterable[str], editable: Sequence[str]) -> tuple[list[ReviewDecision], int]:
    """Decisions of a sheet that ``write_sheet`` made and a person filled in, and how many rows were left undecided.

    Args:
        path: the workbook.
        known: keys of the items that may be decided on.
        editable: columns whose text may be changed.

    Raises:
        EvalSetError: the file cannot be read, or a row says something unknown; every such row is named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvalSetError(f"{path}: cannot be read; got {error.strerror}. Name the file that was exported.") from None
    loaded = load_workbook(path.name, data, DEFAULT_OPTIONS)
    refuse(loaded.findings)
    allowed, found, open_, wrong = set(known), list[ReviewDecision](), 0, list[str]()
    for record in loaded.records:
        row = {name: str(value or "") for name, value in record.values.items()}
        said, key = row.get("decision", "").strip().casefold(), row.get("key", "").strip()
        if not said:
            open_ += 1
        elif key not in allowed:
            wrong.append(f"row {record.line}: the item {key!r} is not in this version")
        elif said not in VERDICTS:
            wrong.append(f"row {record.line}: the decision {said!r} is unknown")
        else:
            found.append(ReviewDecision(key, VERDICTS[said], {name: row.get(name, "").strip() for name in editable}))
    if wrong:
        more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise EvalSetError(
            f"{path}: {len(wrong)} rows cannot be used; got {'; '.join(wrong[:10])}{more}. Write accept, change or "
            "drop into the column decision, and leave the column key as it is."
        )
    return found, open_

"""What an upload says about itself: for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragscout.data import parsing
from ragscout.data.findings import SHOWN_PROBLEMS, Finding, finding_from_json, shorten
from ragscout.model.text import display_width

_ROWS_KEPT = 1000  # rows of one finding kept in the registry
_MARKS = {"error": "✗", "warning": "!", "info": "·"}


@dataclass(frozen=True)
class FileReport:
    """How one file was understood. ``kind``: questions, documents, judgements, both; ``roles``: column to role."""

    path: str
    kind: str
    format: str = ""
    encoding: str = ""
    rows: int = 0
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UploadReport:
    """Counts, languages, formats, column roles, sample rows and findings of one version."""

    name: str
    version: int
    digest: str
    new: bool
    parent: str = ""
    questions: int = 0
    with_reference: int = 0
    with_evidence: int = 0
    unanswerable: int = 0
    documents: int = 0
    document_files: int = 0
    characters: int = 0
    question_languages: Mapping[str, int] = field(default_factory=dict)
    document_languages: Mapping[str, int] = field(default_factory=dict)
    files: tuple[FileReport, ...] = ()
    samples: tuple[Mapping[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    inherited: str = ""
    parsing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that a person should look at."""
        return tuple(item for item in self.findings if item.severity == "warning")

    @property
    def languages(self) -> Mapping[str, int]:
        """Languages of the questions, or of the documents when there are no questions."""
        return self.question_languages or self.document_languages

    def lines(self) -> list[str]:
        """Return the report as text, one line each."""
        state = "new version" if self.new else "already there, nothing was added"
        made = [f"{self.name}@{self.version} ({state}), {self.digest[:12]}"]
        if self.questions:
            made.append(
                f"  questions   {self.questions:,} ({_counts(self.question_languages)}): {self.with_reference:,} with "
                f"a reference, {self.with_evidence:,} with evidence, {self.unanswerable:,} unanswerable"
            )
        if self.documents:
            made.append(
                f"  documents   {self.documents:,} ({_counts(self.document_languages)}), {self.characters:,} characters"
            )
        made += parsing.lines(dict(self.parsing))
        if self.inherited:
            made.append(f"  {self.inherited}")
        for file in self.files:
            made.append(f"  {_file(file)}")
        for number, sample in enumerate(self.samples, 1):
            cells = " | ".join(f"{name}: {_one_line(value)}" for name, value in sample.items())
            made.append(f"  row {number}       {cells}")
        shown = sorted(self.findings, key=lambda item: ("error", "warning", "info").index(item.severity))
        made += [f"  {_MARKS[item.severity]} {item.text()}" for item in shown[:SHOWN_PROBLEMS]]
        if len(shown) > SHOWN_PROBLEMS:
            made.append(f"  and {len(shown) - SHOWN_PROBLEMS} more findings (see them with --json).")
        return made

    def as_json(self) -> dict[str, Any]:
        """Plain values, complete."""
        made = {name: value for name, value in self.__dict__.items() if name not in ("files", "findings", "samples")}
        made |= {"parsing": dict(self.parsing), "question_languages": dict(self.question_languages)}
        made |= {"document_languages": dict(self.document_languages)}
        made["files"] = [{**file.__dict__, "roles": dict(file.roles)} for file in self.files]
        made["samples"] = [dict(sample) for sample in self.samples]
        made["findings"] = [item.as_json() for item in self.findings]
        return made

    def as_info(self) -> dict[str, Any]:
        """Return what the registry keeps: the JSON form, long lists of rows cut."""
        made = self.as_json()
        for item in made["findings"]:
            if len(item.get("rows", ())) > _ROWS_KEPT:
                item["rows"] = [*item["rows"][:_ROWS_KEPT], f"and {len(item['rows']) - _ROWS_KEPT} more"]
        made["files"] = made["files"][:_ROWS_KEPT]
        return made


def report_from_info(info: Mapping[str, Any]) -> UploadReport:
    """Inverse of ``UploadReport.as_info``."""
    known = {name: info[name] for name in UploadReport.__dataclass_fields__ if name in info}
    known["files"] = tuple(FileReport(**file) for file in info.get("files", ()))
    known["samples"] = tuple(info.get("samples", ()))
    known["findings"] = tuple(finding_from_json(dict(item)) for item in info.get("findings", ()))
    return UploadReport(**known)


def count_languages(found: Iterable[str]) -> dict[str, int]:
    """Language to number, the most frequent first."""
    counts: dict[str, int] = {}
    for name in found:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _counts(languages: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in languages.items()) or "no language"


def _file(file: FileReport) -> str:
    roles = ", ".join(f"{column} = {role}" for column, role in file.roles.items())
    said = f"{file.path}: {file.kind}"
    said += f", {file.format}" if file.format else ""
    said += f", {file.encoding}" if file.encoding else ""
    said += f", {file.rows:,} rows" if file.rows else ""
    return f"{said}; {roles}" if roles else said


def _one_line(value: str, width: int = 60) -> str:
    plain = " ".join(value.split())
    return (
        plain
        if display_width(plain) <= width
        else shorten(plain, width // 2 if display_width(plain) > len(plain) else width)
    )

"""``diff``: what changed between two versions, question by question and file by file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ragscout.model.evalset import EvalSet, Question

_SHOWN = 20
_WHAT = {"text": ("text",), "reference": ("references", "answerable"), "evidence": ("evidence", "documents")}


@dataclass(frozen=True)
class VersionDifference:
    """Ids by what happened to them. ``changed``: question id to what changed; ``comparable``: questions whose old
    results still hold, because text, references and evidence are the same."""

    first: str
    second: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]
    comparable: int
    files_added: tuple[str, ...]
    files_removed: tuple[str, ...]
    files_changed: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not any(
            (self.added, self.removed, self.changed, self.files_added, self.files_removed, self.files_changed)
        )

    def lines(self) -> list[str]:
        """For people."""
        made = [
            f"{self.first} -> {self.second}: {self.comparable} questions are unchanged, their results stay comparable"
        ]
        for name, rows in (
            ("questions added", self.added),
            ("questions removed", self.removed),
            ("questions changed", tuple(f"{row} ({', '.join(what)})" for row, what in self.changed.items())),
            ("documents added", self.files_added),
            ("documents removed", self.files_removed),
            ("documents changed", self.files_changed),
        ):
            if rows:
                more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
                made.append(f"  {name} ({len(rows)}): {', '.join(rows[:_SHOWN])}{more}")
        return made

    def as_json(self) -> dict[str, Any]:
        """Plain values, complete."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def diff(first: EvalSet, second: EvalSet) -> VersionDifference:
    """Compare two versions. Questions are matched by id, then by text (a row without an id of its own has one made of
    its text)."""
    old = {question.id: question for question in first.questions_}
    new = {question.id: question for question in second.questions_}
    by_text = {question.text: question.id for question in first.questions_ if question.id not in new}
    pairs: dict[str, tuple[Question, Question]] = {}
    added = []
    for name, question in new.items():
        match = name if name in old else by_text.get(question.text, "")
        if match:
            pairs[match] = (old[match], question)
        else:
            added.append(name)
    changed = {name: what for name, (one, two) in pairs.items() if (what := _what(one, two))}
    old_files = {file.path: file.sha256 for file in first.files}
    new_files = {file.path: file.sha256 for file in second.files}
    return VersionDifference(
        f"{first.name}@{first.version}",
        f"{second.name}@{second.version}",
        tuple(added),
        tuple(name for name in old if name not in pairs),
        changed,
        sum(one.full_key == two.full_key for one, two in pairs.values()),
        tuple(path for path in new_files if path not in old_files),
        tuple(path for path in old_files if path not in new_files),
        tuple(path for path, sha256 in new_files.items() if old_files.get(path, sha256) != sha256),
    )


def _what(one: Question, two: Question) -> tuple[str, ...]:
    found = [name for name, fields in _WHAT.items() if any(getattr(one, at) != getattr(two, at) for at in fields)]
    others = ("type", "slice", "weight", "must_pass", "meta", "filter")
    return (*found, *(["labels"] if any(getattr(one, at) != getattr(two, at) for at in others) else []))

"""Files that did not change since they were uploaded are not read again, and every change is seen."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from tests_data_store import MemoryBlobs, MemoryRegistry

from ragscout.data import opening, seen
from ragscout.data.opening import open_eval_set
from ragscout.data.options import DEFAULT_OPTIONS, ReadOptions
from ragscout.model.evalset import EvalSet


class MemoryNotes:
    """Notes in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def memo_get(self, kind: str, keys: Iterable[str]) -> Mapping[str, str]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def memo_put(self, kind: str, items: Mapping[str, str]) -> Mapping[str, str]:
        self.kept = {**items, **self.kept}
        return {key: self.kept[key] for key in items}


class Place:
    """An evaluation set in a folder, opened again and again; ``reads`` counts uploads."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.reads = folder / "set", 0
        self.notes, self.blobs, self.registry = MemoryNotes(), MemoryBlobs(), MemoryRegistry()
        (self.folder / "documents").mkdir(parents=True)
        self.write("documents/leave.md", "Every employee gets 15 days of leave.")
        self.write("questions.csv", "question,reference\nHow many days of leave?,15 days\n")
        real = opening.upload_path

        def counted(*args: object, **more: object) -> object:
            self.reads += 1
            return real(*args, **more)  # type: ignore[arg-type]

        patch.setattr(opening, "upload_path", counted)

    def write(self, name: str, text: str, age: float = 60.0) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, (time.time() - age,) * 2)

    def open(self, options: ReadOptions = DEFAULT_OPTIONS) -> EvalSet:
        return open_eval_set(
            "./set",
            blobs=self.blobs,
            registry=self.registry,
            base=self.folder.parent,
            options=options,
            notes=self.notes,
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    # a file's own change of status cannot be dated back
    monkeypatch.setattr(seen, "SETTLED", 0)
    return Place(tmp_path, monkeypatch)


def test_what_did_not_change_is_read_once(place: Place) -> None:
    first = place.open()
    again = place.open()
    assert place.reads == 1
    assert (again.name, again.version, again.digest) == (first.name, first.version, first.digest)
    assert [question.text for question in again.development] == [question.text for question in first.development]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("documents/leave.md", "Every employee gets 25 days of leave."),  # of the same length
        ("documents/new.md", "Expenses are paid within ten days."),
        ("questions.csv", "question,reference\nHow many days of leave?,25 days\n"),
    ],
)
def test_every_change_is_seen(place: Place, name: str, text: str) -> None:
    first = place.open()
    place.write(name, text, age=30.0)
    assert place.open().digest != first.digest and place.reads == 2


def test_a_file_that_is_gone_is_missed(place: Place) -> None:
    place.write("documents/more.md", "Expenses are paid within ten days.")
    first = place.open()
    (place.folder / "documents" / "more.md").unlink()
    assert place.open().digest != first.digest


def test_other_options_read_again(place: Place) -> None:
    place.open()
    place.open(ReadOptions(skip_bad_rows=True))
    assert place.reads == 2


def test_files_that_are_very_new_are_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "SETTLED", 3_600_000_000_000)
    place.open()
    place.open()
    assert place.reads == 2 and not place.notes.kept


def test_what_lies_behind_a_link_is_read_again(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (place.folder / "documents" / "linked").symlink_to(tmp_path / "elsewhere")
    (place.folder / "documents" / "round").symlink_to(place.folder)
    place.open()
    place.open()
    assert place.reads == 2 and not place.notes.kept


def test_a_version_that_was_removed_is_uploaded_again(place: Place) -> None:
    first = place.open()
    place.registry.evalset_remove(first.name, first.version)
    assert place.open().digest == first.digest and place.reads == 2

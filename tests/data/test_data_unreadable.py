"""Files that cannot be read, names that are no text, half characters: one line each, nothing is stored."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import EvalSetError

Write = Callable[..., Path]
ROWS = "question,answer,doc\nHow long?,15 days,휴가.md\n"


def refused(store: Any, path: Path) -> str:
    with pytest.raises(EvalSetError) as caught:
        store.upload(path)
    assert store.empty
    said = str(caught.value)
    said.encode("utf-8")
    assert "\n" not in said
    return said


def test_file_without_permission(store: Any, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("q.csv", ROWS)
    locked = write("documents/locked.md", "text")
    read = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    said = refused(store, tmp_path)
    assert said.startswith("documents/locked.md: it cannot be read; got Permission denied. ")
    assert "permissions" in said


def test_folder_without_permission(store: Any, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = write("documents/inner/a.md", "text").parent
    walk = Path.iterdir

    def denied(path: Path) -> Any:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return walk(path)

    monkeypatch.setattr(Path, "iterdir", denied)
    assert refused(store, tmp_path).startswith(f"{locked}: it cannot be read; got Permission denied.")


def test_korean_name_of_another_system(store: Any, write: Write, tmp_path: Path) -> None:
    write("q.csv", ROWS)
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / os.fsdecode("휴가.md".encode("cp949"))).write_text("It is 15 days.", encoding="utf-8")
    done = store.upload(tmp_path)
    assert done.eval_set.questions_[0].documents == ("휴가.md",)
    assert "file_name" in {item.kind for item in done.report.warnings}


def test_name_that_is_no_text(store: Any, write: Write, tmp_path: Path) -> None:
    write("q.csv", ROWS)
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("text", encoding="utf-8")
    assert refused(store, tmp_path).startswith("caf\\xe9.md: the bytes of the name are neither")


def test_name_in_a_tar_that_is_no_text(store: Any, write: Write) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("café.md"), io.BytesIO(b""))
    assert "caf\\xe9.md" in refused(store, write("set.tar", stream.getvalue()))


@pytest.mark.parametrize("name", ["q.jsonl", "q.json"])
def test_half_characters_are_replaced_wherever_they_stand(name: str, write: Write, tmp_path: Path, store: Any) -> None:
    row = {
        "question": "a \ud800?",
        "answer": ["x\udc00"],
        "type": "\ud801",
        "k\ud802": "v\ud803",
        "smile": "\U0001f600",
    }
    text = json.dumps(row) if name.endswith("l") else json.dumps([row])
    done = store.upload(write(name, text))
    json.dumps(done.report.as_info(), ensure_ascii=False).encode("utf-8")
    (question,) = done.eval_set.questions_
    assert (question.text, question.references, question.type) == ("a \ufffd?", ("x\ufffd",), "\ufffd")
    assert question.meta == {"k\ufffd": "v\ufffd", "smile": "\U0001f600"}
    assert [item.kind for item in done.report.warnings] == ["lost_characters"]

"""Archives: nothing leaves its folder, nothing is followed, bombs are stopped while unpacking."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.data import Limits
from ragscout.data.read.archive import unpack
from ragscout.model.errors import EvalSetError

QUESTIONS = b"question,answer\na?,x\n"
Write = Callable[..., Path]


def zipped(members: dict[str, bytes], **more: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def refused(data: bytes, name: str = "a.zip", **limits: Any) -> str:
    with pytest.raises(EvalSetError) as caught:
        list(unpack(name, data, Limits(**limits)))
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        zipped({"set/questions.csv": QUESTIONS, "set/documents/a.md": b"text", "__MACOSX/x": b"x"}),
        zipped({"questions.csv": QUESTIONS, "documents/a.md": b"text"}),
    ],
)
def test_a_zip_is_a_folder(data: bytes, store: Any, write: Write) -> None:
    done = store.upload(write("mine.zip", data))
    assert (done.eval_set.name, done.eval_set.count, done.report.documents) == ("mine", 1, 1)
    assert done.eval_set.files[0].path == "a.md"
    assert not done.report.warnings


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_tar(mode: str, store: Any, write: Write) -> None:
    data = tarred([(tarfile.TarInfo("./q.csv"), QUESTIONS), (tarfile.TarInfo("./documents/a.md"), b"text")], mode)
    suffix = {"w:": ".tar", "w:gz": ".tgz", "w:bz2": ".tar.bz2", "w:xz": ".tar.xz"}[mode]
    done = store.upload(write(f"mine{suffix}", data))
    assert (done.eval_set.name, done.eval_set.count, done.report.documents) == ("mine", 1, 1)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "..\\x", "C:\\x", "C:x", "a\\..\\..\\x"])
def test_traversal(path: str) -> None:
    assert "leaves its folder" in refused(zipped({"ok.txt": b"x", path: b"x"}))
    assert "leaves its folder" in refused(tarred([(tarfile.TarInfo(path), b"x")]), "a.tgz")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices(kind: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.linkname = kind, "/etc/passwd"
    assert "a link or a special file" in refused(tarred([(info, b"")]), "a.tgz")


def test_a_link_in_a_zip() -> None:
    info = zipfile.ZipInfo("x")
    info.external_attr = 0o120777 << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "a link" in refused(stream.getvalue())


def test_a_size_that_lies() -> None:
    data = bytearray(zipped({"x.txt": b"0" * 5_000_000}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark)
        data[at + offset : at + offset + 4] = struct.pack("<I", 10)
    said = refused(bytes(data))
    assert "damaged" in said or "larger than it says" in said


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_a_bomb_is_stopped_while_unpacking(suffix: str) -> None:
    zeros = bytes(40_000_000)
    data = zipped({"z": zeros}) if suffix == "zip" else tarred([(tarfile.TarInfo("z"), zeros)])
    assert "ratio" in refused(data, f"a.{suffix}", ratio_from=1_000_000)


def test_overlapping_members() -> None:
    data = zipped({"a": b"x" * 100, "b": b"x" * 100})
    at = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 1)
    lying = data[: at + 42] + struct.pack("<I", 0) + data[at + 46 :]
    assert "overlap" in refused(lying)


def test_limits() -> None:
    data = zipped({f"{number}.txt": b"x" for number in range(5)})
    assert "too many files" in refused(data, files=4)
    assert "too large" in refused(data, total_bytes=4)
    assert "holds too much" in refused(tarred([(tarfile.TarInfo("a"), b"xx")]), "a.tgz", file_bytes=1)


def test_twenty_thousand_files() -> None:
    assert "too many files" in refused(zipped({f"{number}": b"" for number in range(20_001)}))


def test_nested_archives_are_not_opened(store: Any, write: Write) -> None:
    inner = zipped({"q.csv": QUESTIONS})
    done = store.upload(write("a.zip", zipped({"inner.zip": inner, "q.csv": QUESTIONS})))
    assert [item.kind for item in done.report.warnings] == ["nested_archive"]


def test_names_in_cp949(store: Any, write: Write) -> None:
    data = zipped({"documents/XXXX.md": "휴가는 25일".encode(), "q.csv": QUESTIONS})
    name = "휴가".encode("cp949")
    assert len(name) == 4
    done = store.upload(write("a.zip", data.replace(b"XXXX", name)))
    assert [file.path for file in done.eval_set.files] == ["휴가.md"]


@pytest.mark.parametrize("cut", [10, 60, 100])
def test_damaged_archives(cut: int) -> None:
    data = zipped({"a.txt": b"text" * 100})
    assert "damaged" in refused(data[:-cut])
    assert "damaged" in refused(tarred([(tarfile.TarInfo("a"), b"x" * 5000)])[:-20], "a.tgz")


def test_two_files_of_one_name(store: Any, write: Write) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("q.csv", QUESTIONS)
            archive.writestr("q.csv", b"question\nb?\n")
    with pytest.raises(EvalSetError, match="same path"):
        store.upload(write("a.zip", stream.getvalue()))


def test_a_directory_that_points_before_the_file() -> None:
    data = zipped({"a.txt": b"text" * 100})
    at = data.rfind(b"PK\x05\x06")
    lying = data[: at + 16] + struct.pack("<I", 2**31) + data[at + 20 :]
    assert "damaged" in refused(lying)

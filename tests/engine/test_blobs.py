import errno
import os
import uuid
from pathlib import Path

import pytest

from ragscout.model.errors import StoreError
from ragscout.store.blobs import Blobs, DamagedBlobError, FolderBlobs, is_digest
from ragscout.store.opening import open_blobs
from ragscout.store.remote_blobs import FsspecBlobs
from ragscout.testing.store import BlobsKit, damage


class TestFolderBlobs(BlobsKit):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        return FolderBlobs(tmp_path / "한글 폴더")


class TestMemoryBlobs(BlobsKit):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return FsspecBlobs(f"memory://{uuid.uuid4().hex}")


def test_damage_is_found_and_named(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"precious")
    place = blobs.local_path(digest)
    assert place is not None
    damage([place])
    with pytest.raises(DamagedBlobError, match=f"blob {digest[:12]} is damaged") as caught:
        blobs.read(digest)
    assert caught.value.digest == digest
    blobs.set_aside(digest)
    assert len(list((tmp_path / "damaged").iterdir())) == 1


def test_a_blob_cut_short_is_repaired_by_the_next_put(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"precious")
    place = blobs.local_path(digest)
    assert place is not None
    place.chmod(0o644)
    place.write_bytes(b"pre")
    assert blobs.put(b"precious") == digest
    assert blobs.read(digest) == b"precious"


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(tmp_path)
    kept = blobs.put(b"kept")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"disk full; nothing was lost. Free space there and run again"):
            blobs.put(b"lost")
    assert list(blobs.list()) == [kept]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert blobs.read(blobs.put(b"lost")) == b"lost"


def test_blobs_are_read_only(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    place = blobs.local_path(blobs.put(b"x"))
    assert place is not None
    assert place.stat().st_mode & 0o222 == 0


def test_open_blobs(tmp_path: Path) -> None:
    assert isinstance(open_blobs(str(tmp_path)), FolderBlobs)
    assert isinstance(open_blobs(f"file://{tmp_path}"), FolderBlobs)
    assert isinstance(open_blobs("memory://x"), FsspecBlobs)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_blobs("nosuchprotocol://x")


def test_is_digest() -> None:
    assert is_digest("0a" * 32)
    assert not is_digest("0A" * 32)
    assert not is_digest("0a" * 31)

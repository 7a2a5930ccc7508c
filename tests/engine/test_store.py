import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ragscout.model.errors import StoreError
from ragscout.model.outcome import Usage
from ragscout.store import location
from ragscout.store.location import parse_location
from ragscout.store.schema import VERSION_TABLE
from ragscout.store.store import CellData, Store
from ragscout.testing.store import StoreKit, damage, in_threads


class TestStore(StoreKit):
    pass


WRITER = """
import sys
from ragscout.store.store import CellData, Store
store = Store.open(sys.argv[1])
print("ready", flush=True)
item = 0
while True:
    data = {"value": "x" * 20000 + str(item)}
    store.write_cells("n", {f"q{item}": CellData(data)})
    store.save_value(f"k{item}", lambda folder: (folder / "f").write_bytes(b"y" * 50000 + str(item).encode()) and None)
    item += 1
"""


def test_a_killed_writer_leaves_a_whole_store(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    for seconds in (0.05, 0.2, 0.4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    store = Store.open(folder)
    assert store.check() == []
    cells = store.ledger.counts()["cells"]
    assert cells > 0
    found = store.read_cells("n", [f"q{item}" for item in range(cells)])
    assert len(found) == cells
    assert all(cell.data["value"].endswith(f"x{key[1:]}") for key, cell in found.items())
    for digest in store.blobs.list():
        store.blobs.read(digest)
    assert store.write_cells("n", {"after": CellData({"value": 1})}) == 1


def test_a_damaged_shard_is_set_aside_and_reported(folder_store: Store) -> None:
    folder_store.write_cells("n", {"a": CellData({"value": 1}), "b": CellData({"value": 2})})
    folder_store.write_cells("n", {"c": CellData({"value": 3})})
    shard = folder_store.ledger.cells("n", ["a"])["a"].shard
    place = folder_store.blobs.local_path(shard)
    assert place is not None
    damage([place])
    store = Store.open(folder_store.location)
    assert {key: cell.data for key, cell in store.read_cells("n", ["a", "b", "c"]).items()} == {"c": {"value": 3}}
    assert store.damage == [f"shard {shard[:12]} was set aside with 2 cells; they are computed again."]
    assert store.ledger.cells_present("n", ["a", "b", "c"]) == {"c"}
    assert store.write_cells("n", {"a": CellData({"value": 1}), "b": CellData({"value": 2})}) == 2
    assert len(store.read_cells("n", ["a", "b", "c"])) == 3


def test_a_damaged_value_is_set_aside_and_reported(folder_store: Store) -> None:
    folder_store.save_value("k", lambda folder: (folder / "f").write_bytes(b"abc") and None)
    digest = next(item for item in folder_store.blobs.list() if folder_store.blobs.read(item) == b"abc")
    place = folder_store.blobs.local_path(digest)
    assert place is not None
    damage([place])
    assert folder_store.value_folder("k") is None
    assert folder_store.damage == [f"blob {digest[:12]} was set aside with 1 values; they are computed again."]
    folder_store.save_value("k", lambda folder: (folder / "f").write_bytes(b"abc") and None)
    folder = folder_store.value_folder("k")
    assert folder is not None
    assert (folder / "f").read_bytes() == b"abc"


def abc(folder: Path) -> None:
    (folder / "f").write_bytes(b"abc")


@pytest.mark.parametrize("linked", [True, False])
def test_bytes_that_change_without_their_number_are_found(folder_store: Store, linked: bool) -> None:
    """Local files of a value are hard links to its blobs, or copies of them where the disk has no links."""
    folder_store.save_value("k", abc)
    folder = folder_store.value_folder("k")
    assert folder is not None
    place = folder / "f"
    if not linked:
        place.unlink()
        place.write_bytes(b"abc")
    place.chmod(0o644)
    with place.open("r+b") as stream:
        stream.write(b"axc")
    store = Store.open(folder_store.location)
    if linked:
        assert store.value_folder("k") is None, "the blob is damaged too: the value is computed again"
        store.save_value("k", abc)
    again = store.value_folder("k")
    assert again is not None and (again / "f").read_bytes() == b"abc"
    assert len(store.damage) == linked
    assert Store.open(folder_store.location).check() == []


@pytest.mark.parametrize("linked", [True, False])
def test_check_repairs_what_it_says(folder_store: Store, linked: bool) -> None:
    folder_store.save_value("k", abc)
    folder = folder_store.value_folder("k")
    assert folder is not None
    place = folder / "f"
    if not linked:
        place.unlink()
        place.write_bytes(b"axc")
    else:
        place.chmod(0o644)
        place.write_bytes(b"axc")
    store = Store.open(folder_store.location)
    (said,) = store.check()
    assert ("computed again" if linked else "put there again") in said
    if linked:
        assert store.value_folder("k") is None
        store.save_value("k", abc)
    again = store.value_folder("k")
    assert again is not None and (again / "f").read_bytes() == b"abc"
    assert Store.open(folder_store.location).check() == []


def test_an_incomplete_materialised_value_is_made_again(folder_store: Store) -> None:
    folder_store.save_value("k", lambda folder: (folder / "f").write_bytes(b"abc") and None)
    first = folder_store.value_folder("k")
    assert first is not None
    (first / "f").unlink()
    store = Store.open(folder_store.location)
    again = store.value_folder("k")
    assert again == first
    assert (again / "f").read_bytes() == b"abc"
    shutil.rmtree(again)
    assert store.value_folder("k") == first
    assert (first / "f").read_bytes() == b"abc"


def test_racing_readers_get_one_folder(folder_store: Store) -> None:
    folder_store.save_value("k", lambda folder: (folder / "f").write_bytes(b"abc") and None)
    folders = in_threads(6, lambda number: Store.open(folder_store.location).value_folder("k"))
    assert len(set(folders)) == 1
    assert folders[0] is not None
    assert (folders[0] / "f").read_bytes() == b"abc"


def test_full_disk_in_mid_write(folder_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_store.write_cells("n", {"a": CellData({"value": 1})})

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="disk full; nothing was lost"):
            folder_store.write_cells("n", {"b": CellData({"value": 2})})
    with pytest.raises(StoreError, match="disk full; nothing was lost"):
        folder_store.save_value("k", write)
    assert sorted(folder_store.read_cells("n", ["a", "b"])) == ["a"]
    assert folder_store.check() == []
    folder_store.write_cells("n", {"b": CellData({"value": 2})})
    assert sorted(folder_store.read_cells("n", ["a", "b"])) == ["a", "b"]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "smb3"])
def test_a_network_file_system_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = str(tmp_path.resolve()).replace(" ", "\\040")
    monkeypatch.setattr(location, "mounts", lambda: f"/dev/sda / ext4 rw 0 0\nserver:/x {point} {kind} rw 0 0\n")
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "store")
    assert str(caught.value) == (
        f"{tmp_path / 'store'}: a store cannot lie on a network file system; got {kind} mounted at {tmp_path}. Use a "
        "folder on a local disk, or a team store: store:?blobs=URL&ledger=postgresql://..."
    )
    assert not (tmp_path / "store").exists()


def test_a_local_disk_inside_a_network_mount_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"server:/x / nfs4 rw 0 0\n/dev/sdb {tmp_path.resolve()} ext4 rw 0 0\n"
    monkeypatch.setattr(location, "mounts", lambda: text)
    Store.open(tmp_path / "store").close()


def test_locations() -> None:
    team = parse_location("store:?blobs=s3%3A%2F%2Fb%2Fp&ledger=postgresql%3A%2F%2Fu%3Ap%40h%2Fd")
    assert (team.blobs, team.ledger, team.folder) == ("s3://b/p", "postgresql://u:p@h/d", None)
    assert parse_location(team.text) == team
    with pytest.raises(StoreError, match=r"one URL is not enough; got one that begins with 's3://'"):
        parse_location("s3://bucket/key")
    with pytest.raises(StoreError, match="Give exactly two"):
        parse_location("store:?blobs=x")


def test_nothing_is_made_when_only_looking(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store here"):
        Store.open(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


def test_a_store_of_a_newer_version(folder_store: Store) -> None:
    with folder_store.ledger.writing() as connection:
        connection.execute(sa.text(f"update {VERSION_TABLE} set version_num = '0999'"))
    with pytest.raises(StoreError, match="written by a newer ragscout"):
        Store.open(folder_store.location)


def test_folders_with_odd_names(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "what? 100% of #1 한글")
    store.write_cells("n", {"a": CellData({"value": 1})})
    assert (tmp_path / "what? 100% of #1 한글" / "ledger.sqlite").is_file()
    assert sorted(Store.open(store.location).read_cells("n", ["a"])) == ["a"]
    assert [item.name for item in tmp_path.iterdir()] == ["what? 100% of #1 한글"]


def test_leftovers_of_killed_processes_are_cleared(folder_store: Store) -> None:
    old, new = folder_store.folder / "tmp" / "old", folder_store.folder / "blobs" / "tmp" / "new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    (old / "half").write_bytes(b"half")
    os.utime(old, (0, 0))
    folder_store.compact()
    assert not old.exists()
    assert new.exists()


def test_a_damaged_evaluation_set_is_reported(folder_store: Store) -> None:
    file = folder_store.blobs.put("문서".encode())
    manifest = folder_store.blobs.put(json.dumps({"files": [{"sha256": file}]}).encode())
    folder_store.ledger.evalset_add("handbook", manifest, "", {}, manifest)
    assert folder_store.check() == []
    folder_store.blobs.remove(file)
    assert folder_store.check() == ["evaluation set handbook@1 is damaged; upload it again."]


def test_size(folder_store: Store) -> None:
    folder_store.write_cells("n", {"a": CellData({"value": 1}, Usage(1))})
    size = folder_store.size()
    assert size.blobs == 1
    assert 0 < size.bytes < 500
    assert size.rows["cells"] == 1

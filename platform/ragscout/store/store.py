"""The store: what was computed once, found again by key. Blobs hold bytes, the ledger says what they mean."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragscout.model.errors import StoreError
from ragscout.model.outcome import Usage
from ragscout.model.stages import made_of_vectors
from ragscout.store.blobs import Blobs, DamagedBlobError, copy_out, disk_errors, file_digest, is_digest, verify
from ragscout.store.ledger import Ledger
from ragscout.store.location import Location, parse_location, refuse_network
from ragscout.store.opening import open_blobs
from ragscout.store.rows import CellRef, CellRow, ShardRows
from ragscout.store.shards import CellData, Row, ShardReader, encode_shard

__all__ = ["CellData", "Store", "StoreSize"]


_NOTHING = Usage()
_DAY = 86_400.0


@dataclass(frozen=True)
class StoreSize:
    """What a store holds: number of blobs, their bytes, and rows per ledger table."""

    blobs: int
    bytes: int
    rows: Mapping[str, int]


class Store:
    """Values of whole nodes, cells of per-question nodes. Safe to use from many threads and processes at once.

    Damage is never fatal: what is damaged is set aside, forgotten, listed in ``damage`` and so computed again.
    """

    def __init__(self, location: Location, *, create: bool = True, timeout: float = 30.0) -> None:
        """Open a store; see ``open``."""
        self._location = location
        if location.folder is not None:
            refuse_network(location.folder)
            if not create and not location.folder.is_dir():
                raise StoreError(
                    f"{location.folder}: there is no store here. Run a sweep first, or name another folder."
                )
            with disk_errors(location.folder):
                location.folder.mkdir(parents=True, exist_ok=True)
        self.location = location.text
        self.ledger = Ledger(location.ledger, create=create, timeout=timeout)
        self.blobs: Blobs = open_blobs(location.blobs)
        self.folder = location.folder or _cache_folder(location)
        self.damage: list[str] = []
        """What was found damaged since the store was opened, one sentence each, for the board and the log."""
        self._shards = ShardReader(self.blobs)
        self._checked: set[str] = set()

    @classmethod
    def open(cls, location: str | Path, create: bool = True, timeout: float = 30.0) -> Store:
        """Open a folder, or ``store:?blobs=URL&ledger=URL`` for a team.

        Args:
            location: the folder, or the text that ``.location`` of another process gave.
            create: whether a missing store is made.
            timeout: seconds to wait for another program's lock on the ledger.

        Raises:
            StoreError: a network file system, no write access, a full disk, a locked ledger, a store written by a
                newer version, or no store and ``create`` false.
        """
        return cls(parse_location(location), create=create, timeout=timeout)

    def close(self) -> None:
        """Give the ledger's connections back."""
        self.ledger.close()

    def save_value(
        self, key: str, write: Callable[[Path], None], usage: Usage = _NOTHING, notes: Mapping[str, float] | None = None
    ) -> None:
        """Keep a whole node's value: ``write`` fills an empty folder, which becomes blobs and one ledger row."""
        with self._temporary() as folder:
            write(folder)
            files: dict[str, list[str | int]] = {}
            for path in sorted(item for item in folder.rglob("*") if item.is_file()):
                files[path.relative_to(folder).as_posix()] = [self.blobs.put_file(path), path.stat().st_size]
        manifest = self.blobs.put(json.dumps({"files": files}, sort_keys=True, ensure_ascii=False).encode())
        self.ledger.value_commit(key, manifest, usage, notes or {})

    def value_folder(self, key: str) -> Path | None:
        """Return a value's files in a read-only local folder, ``None`` when it has to be computed (also after
        damage)."""
        row = self.ledger.value(key)
        if row is None:
            return None
        target = self.folder / "values" / row.manifest
        if row.manifest in self._checked and target.is_dir():
            return target
        try:
            files = self._manifest(row.manifest)
            if not _intact(target, files):
                self._materialise(target, files)
        except DamagedBlobError as error:
            self._value_damaged(row.manifest, error)
            return None
        self._checked.add(row.manifest)
        return target

    def write_cells(self, node: str, cells: Mapping[str, CellData]) -> int:
        """Keep cells by question key in one shard; returns how many were new. An empty mapping changes nothing."""
        if not cells:
            return 0
        shard = self.write_shard(node, cells)
        return self.ledger.cells_commit(node, shard.shard, shard.rows)

    def write_shard(self, node: str, cells: Mapping[str, CellData]) -> ShardRows:
        """Keep the bytes of cells in one shard; they are visible once the rows that this returns are committed."""
        data, order = encode_shard(node, {key: cell.data for key, cell in cells.items()})
        rows = tuple(
            CellRow(key, row, "failure" in cells[key].data, cells[key].usage, cells[key].path)
            for row, key in enumerate(order)
        )
        return ShardRows(node, self.blobs.put(data), rows)

    def read_cells(self, node: str, question_keys: Iterable[str]) -> dict[str, CellData]:
        """Cells by question key; missing ones are absent, and so are those of a damaged shard."""
        return self.load_cells(node, self.ledger.cells(node, question_keys))

    def load_cells(self, node: str, refs: Mapping[str, CellRef]) -> dict[str, CellData]:
        """Cells by question key, from where the ledger said that they lie; those of a damaged shard are absent."""
        found: dict[str, CellData] = {}
        again: list[str] = []
        for shard, wanted in _by_shard(refs).items():
            rows = self._rows(shard)
            if rows is None:
                again += wanted
                continue
            for key in wanted:
                ref = refs[key]
                found[key] = CellData(rows[ref.row][1], ref.usage, ref.path)
        if again:
            # a compaction may have moved these cells between the two reads; whoever is left is really damaged
            for key, ref in self.ledger.cells(node, again).items():
                rows = self._rows(ref.shard)
                if rows is None:
                    self._shard_damaged(ref.shard)
                else:
                    found[key] = CellData(rows[ref.row][1], ref.usage, ref.path)
        return found

    def compact(self, node: str | None = None) -> int:
        """Join the shards of each node (or of one) to one; returns how many shards went away.

        What killed processes left in the store's temporary folders for more than a day is removed as well.
        """
        _clear_old(self.folder / "tmp", self.folder / "blobs" / "tmp")
        gone = 0
        for name, shards in sorted(self.ledger.cell_shards(node).items()):
            whole = {shard: self._rows(shard) for shard in sorted(shards)} if len(shards) > 1 else {}
            joined = [shard for shard, rows in whole.items() if rows is not None]
            if len(joined) < 2:
                continue
            cells = {key: data for shard in joined for key, data in whole[shard] or () if key in shards[shard]}
            data, order = encode_shard(name, cells)
            target = self.blobs.put(data)
            self.ledger.cells_move(name, joined, target, {key: row for row, key in enumerate(order)})
            for shard in joined:
                if shard != target:
                    self.blobs.remove(shard)
                    self._shards.forget(shard)
                    gone += 1
        return gone

    def check(self) -> list[str]:
        """Verify every blob that the ledger names; damage is set aside and forgotten. Returns what was found."""
        before = len(self.damage)
        for manifest in sorted(self.ledger.manifests()):
            try:
                files = self._manifest(manifest)
                for digest, _ in files.values():
                    verify(self.blobs, digest)
                self._check_copy(manifest, files)
            except DamagedBlobError as error:
                self._value_damaged(manifest, error)
        for shard in sorted({shard for shards in self.ledger.cell_shards().values() for shard in shards}):
            self._shards.forget(shard)
            if self._rows(shard) is None:
                self._shard_damaged(shard)
        for shard in sorted(self.ledger.vector_shards()):
            try:
                verify(self.blobs, shard)
            except DamagedBlobError:
                self.vectors_damaged(shard)
        for row in self.ledger.evalsets():
            try:
                self._check_evalset(row.manifest)
            except DamagedBlobError as error:
                self.blobs.set_aside(error.digest)
                self.damage.append(f"evaluation set {row.name}@{row.version} is damaged; upload it again.")
        return self.damage[before:]

    def size(self) -> StoreSize:
        """How much the store holds."""
        sizes = [self.blobs.size(digest) for digest in self.blobs.list()]
        return StoreSize(len(sizes), sum(sizes), self.ledger.counts())

    def vectors_damaged(self, shard: str) -> None:
        """Set a damaged vector shard aside and forget it, with the embed and index values that refer to vectors: they
        are made again from the memo, and only the lost vectors are computed again."""
        self.blobs.set_aside(shard)
        lost = self.ledger.vectors_drop_shard(shard)
        self.ledger.values_drop_stages(made_of_vectors())
        self.damage.append(f"vector shard {shard[:12]} was set aside with {lost} vectors; they are computed again.")

    def _rows(self, shard: str) -> Sequence[Row] | None:
        try:
            return self._shards.rows(shard)
        except DamagedBlobError:
            return None

    def _shard_damaged(self, shard: str) -> None:
        self.blobs.set_aside(shard)
        self._shards.forget(shard)
        lost = self.ledger.cells_drop_shard(shard)
        if lost:
            self.damage.append(f"shard {shard[:12]} was set aside with {lost} cells; they are computed again.")

    def _value_damaged(self, manifest: str, error: DamagedBlobError) -> None:
        self.blobs.set_aside(error.digest)
        self._checked.discard(manifest)
        lost = self.ledger.values_drop_manifest(manifest)
        self.damage.append(f"blob {error.digest[:12]} was set aside with {lost} values; they are computed again.")

    def _manifest(self, digest: str) -> dict[str, tuple[str, int]]:
        try:
            files = json.loads(self.blobs.read(digest))["files"]
            return {name: (str(blob), int(size)) for name, (blob, size) in files.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedBlobError(self.blobs.location, digest, "is not a manifest") from error

    def _check_copy(self, manifest: str, files: Mapping[str, tuple[str, int]]) -> None:
        """Put a value's local files there again where they are not what their blobs hold."""
        target = self.folder / "values" / manifest
        if target.is_dir() and not _intact(target, files):
            self._materialise(target, files)
            self.damage.append(f"the local files of value {manifest[:12]} were damaged; they were put there again.")

    def _check_evalset(self, manifest: str) -> None:
        """Verify the manifest of an evaluation set and the uploaded files that it lists."""
        listed = json.loads(self.blobs.read(manifest)) if is_digest(manifest) else {}
        for item in listed.get("files", ()):
            verify(self.blobs, item["sha256"])

    def _materialise(self, target: Path, files: Mapping[str, tuple[str, int]]) -> None:
        with self._temporary() as folder:
            whole = folder / "value"
            whole.mkdir()
            for name, (digest, _) in files.items():
                copy_out(self.blobs, digest, whole / name)
            with disk_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists() and not _intact(target, files):
                    target.rename(folder / "damaged")
                # another process may have been faster; its folder holds the same bytes
                with contextlib.suppress(OSError):
                    whole.rename(target)
        if not _complete(target, files):
            raise StoreError(f"{target}: the value's files could not be put there. Check the folder's permissions.")

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        folder = self.folder / "tmp" / uuid.uuid4().hex
        with disk_errors(self.folder):
            try:
                folder.mkdir(parents=True)
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _by_shard(refs: Mapping[str, CellRef]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, ref in refs.items():
        found.setdefault(ref.shard, []).append(key)
    return found


def _complete(folder: Path, files: Mapping[str, tuple[str, int]]) -> bool:
    """Whether a materialised value has all its files with their sizes (cut short by a power failure it has not)."""
    try:
        return folder.is_dir() and all((folder / name).stat().st_size == size for name, (_, size) in files.items())
    except FileNotFoundError:
        return False


def _intact(folder: Path, files: Mapping[str, tuple[str, int]]) -> bool:
    """Whether a materialised value holds the bytes that it should: a hard link is damaged with its blob."""
    return _complete(folder, files) and all(file_digest(folder / name) == digest for name, (digest, _) in files.items())


def _clear_old(*folders: Path) -> None:
    for folder in folders:
        for item in folder.iterdir() if folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - item.stat().st_mtime < _DAY:
                    continue
                if item.is_dir():
                    shutil.rmtree(item, ignore_errors=True)
                else:
                    item.unlink()


def _cache_folder(location: Location) -> Path:
    """Where a team's store puts values on this machine: ``RAGSCOUT_CACHE``, else the user's cache folder."""
    base = os.environ.get("RAGSCOUT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    if not os.access(root if root.exists() else Path.home(), os.W_OK):
        root = Path(tempfile.gettempdir())
    return root / "ragscout" / hashlib.sha256(location.blobs.encode()).hexdigest()[:16]

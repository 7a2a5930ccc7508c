"""Where a store lies: a local folder, or a pair of URLs for a team."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote

from sqlalchemy import URL

from ragscout.model.errors import StoreError

NETWORK_TYPES = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "afpfs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ncpfs",
        "coda",
        "davfs",
    }
    | {
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.goofys",
        "fuse.gcsfuse",
        "fuse.blobfuse",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.davfs",
    }
)
"""File system types whose locks do not hold across machines; SQLite on them can lose data."""

LEDGER = "ledger.sqlite"


@dataclass(frozen=True)
class Location:
    """``blobs``: folder or fsspec URL; ``ledger``: SQLAlchemy URL; ``folder``: the store's own folder, ``None`` for a
    team's store."""

    blobs: str
    ledger: str
    folder: Path | None = None

    @property
    def text(self) -> str:
        """One text from which ``parse_location`` gives this location again. It can hold a database password."""
        if self.folder is not None:
            return str(self.folder)
        return f"store:?blobs={quote(self.blobs, safe='')}&ledger={quote(self.ledger, safe='')}"


def parse_location(location: str | Path) -> Location:
    """Return a folder's path, or ``store:?blobs=URL&ledger=URL`` with both URLs percent-encoded.

    Raises:
        StoreError: when the text is neither.
    """
    text = str(location)
    if text.startswith("store:?"):
        parts = {name: values[-1] for name, values in parse_qs(text.removeprefix("store:?")).items()}
        if set(parts) != {"blobs", "ledger"}:
            raise StoreError(
                f"store location: it names {sorted(parts)}; got a text that begins with 'store:?'. Give exactly two "
                "percent-encoded URLs: store:?blobs=URL&ledger=URL."
            )
        return Location(parts["blobs"], parts["ledger"])
    if "://" in text:
        scheme = text.split("://", 1)[0]
        raise StoreError(
            f"store location: one URL is not enough; got one that begins with '{scheme}://'. A team's store needs two: "
            "store:?blobs=URL&ledger=URL; a store for one machine is a folder."
        )
    folder = Path(text).expanduser().absolute()
    url = URL.create("sqlite", database=str(folder / LEDGER))
    return Location(str(folder / "blobs"), url.render_as_string(), folder)


def refuse_network(folder: Path) -> None:
    """Refuse a folder on a network file system, where SQLite's locks do not hold.

    Raises:
        StoreError: with the mount point and its type.
    """
    place = folder.resolve()
    best, kind = Path("/"), ""
    for line in mounts().splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[1]))
        if place.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, fields[2]
    if kind in NETWORK_TYPES:
        raise StoreError(
            f"{folder}: a store cannot lie on a network file system; got {kind} mounted at {best}. Use a folder on a "
            "local disk, or a team store: store:?blobs=URL&ledger=postgresql://..."
        )


def mounts() -> str:
    """Return what the kernel says is mounted; empty where there is no such list."""
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

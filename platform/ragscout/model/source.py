"""The digest of parts of this program: what was made from them by another version is made anew."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIXES = (".py", ".toml")


@functools.cache
def source_digest(*packages: str) -> str:
    """Return the SHA-256 of the source and the texts of some packages of this program, those below them included."""
    hashed = hashlib.sha256()
    for package in packages:
        for path in sorted(path for path in (ROOT / package).rglob("*") if path.suffix in SUFFIXES):
            hashed.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return hashed.hexdigest()

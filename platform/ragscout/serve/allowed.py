"""What a bundle from elsewhere may reach: only addresses and keys that the user has allowed by name.

A bundle names its own addresses and the environment variables of its keys. Whoever wrote it could name any, so nothing
is sent and no key is read before the user has said so. What was allowed is remembered by the bundle's digest in a file
of the user's own; a bundle that was exported here is known from its export.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ragscout.model.errors import BundleError

if TYPE_CHECKING:
    from ragscout.spec import Connection

ALLOW = "RAGSCOUT_ALLOW"
"""Environment variable with names that are allowed to every bundle, parted by commas: for servers."""


def reaches(connections: Iterable[Connection], network: Iterable[str]) -> tuple[str, ...]:
    """Return the names of what a bundle wants: hosts (with their ports where given) and variables of keys, sorted."""
    from ragscout.providers.client import DEFAULT_BASE_URL

    found = {_host(str(address)) for address in network}
    for item in connections:
        found |= {_host(item.base_url or DEFAULT_BASE_URL.get(item.provider, "")), item.key_env}
    return tuple(sorted(found - {""}))


def refuse_unallowed(path: Path, digest: str, wanted: Sequence[str], allow: Iterable[str]) -> None:
    """Refuse a bundle that wants more than it may have; remember what is newly allowed.

    Args:
        path: of the bundle, for the message.
        digest: of the bundle.
        wanted: what it wants (see ``reaches``).
        allow: names that the user allows to this bundle from now on.

    Raises:
        BundleError: an address or a variable is not allowed; the message names all of them and the option.
    """
    before = set(_remembered().get(digest, ()))
    everywhere = {name.strip() for name in os.environ.get(ALLOW, "").split(",")}
    held = before | set(allow)
    if missing := [name for name in wanted if name not in held | everywhere]:
        options = " ".join(f"--allow {name}" for name in missing)
        raise BundleError(
            f"{path}: the bundle would send questions and passages to an address, or use a key, that you have not "
            f"allowed; got {', '.join(missing)}. If you trust it, allow them by name, once: {options}"
        )
    if not set(wanted) & held <= before:
        remember(digest, [name for name in wanted if name in held])


def remember(digest: str, names: Sequence[str]) -> None:
    """Keep what a bundle may reach, for later loads by this user. Where nothing can be kept, it is asked for again."""
    if not names:
        return
    place = _memory()
    made = place.with_suffix(f".{os.getpid()}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(json.dumps(_remembered() | {digest: sorted(set(names))}, indent=1) + "\n", encoding="utf-8")
        made.replace(place)
    except OSError as error:
        logging.getLogger(__name__).warning("%s: what a bundle may reach is not remembered; got %s.", place, error)


def _remembered() -> dict[str, list[str]]:
    try:
        found = json.loads(_memory().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _memory() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "ragscout" / "bundles.json"


def _host(address: str) -> str:
    """Host of an address, with its port where it is given."""
    return urlsplit(address if "//" in address else f"//{address}").netloc.rpartition("@")[2].lower()

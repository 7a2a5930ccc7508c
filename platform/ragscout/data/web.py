"""Web pages by address, through the one HTTP client and its policy."""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ragscout.data.findings import Finding
from ragscout.data.options import Limits
from ragscout.data.read.list_files import RawFile
from ragscout.model.errors import EvalSetError, SpecError
from ragscout.providers.network import NetworkPolicy, client
from ragscout.providers.parse import KINDS

_AT_ONCE = 8
_SECONDS = 30.0
_ODD = re.compile(r"[^\w.\-]+")
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "text/csv": ".csv",
}


def fetch(
    addresses: Sequence[str], place: Path, policy: NetworkPolicy, limits: Limits, findings: list[Finding]
) -> list[RawFile]:
    """Copy pages into a folder. What cannot be had is a warning with its reason; nothing at all is an error.

    Raises:
        SpecError: the policy forbids a host.
        EvalSetError: no address gave a page, or together they are too large.
    """
    if len(addresses) > limits.files:
        raise EvalSetError(f"too many addresses; got {len(addresses):,}. At most {limits.files:,} are allowed.")
    for address in addresses:
        policy.require(urlsplit(address).hostname or "", f"a request for {address}")
    place.mkdir()
    outcomes = asyncio.run(_all(addresses, place, policy, limits))
    files: dict[str, RawFile] = {}
    lost: dict[str, list[str]] = {}
    for address, outcome in zip(addresses, outcomes, strict=True):
        if isinstance(outcome, str):
            lost.setdefault(outcome, []).append(address)
        else:
            path = outcome.path
            if path in files:
                path = f"{hashlib.sha256(address.encode()).hexdigest()[:8]}-{path}"
            files[path] = RawFile(path, outcome.size, outcome.read, False, outcome.root)
    total = sum(file.size for file in files.values())
    if total > limits.total_bytes:
        raise EvalSetError(f"the pages are too large together; got {total:,} bytes ('total_bytes').")
    for reason, rows in lost.items():
        text = f"{len(rows)} addresses were left out: {reason}"
        findings.append(Finding("unread_address", "warning", text, rows=tuple(rows), remedy="Check the addresses."))
    if not files:
        reasons = "; ".join(lost)
        raise EvalSetError(
            f"{addresses[0]}: none of {len(addresses)} addresses gave a page; got {reasons}. Check them."
        )
    findings.append(Finding("snapshot", "info", f"{len(files):,} pages were copied from the web"))
    return list(files.values())


async def _all(addresses: Sequence[str], place: Path, policy: NetworkPolicy, limits: Limits) -> list[RawFile | str]:
    import httpx

    gate = asyncio.Semaphore(_AT_ONCE)
    async with client(policy, _SECONDS, "a request for a page", follow_redirects=True) as http:

        async def one(number: int, address: str) -> RawFile | str:
            async with gate:
                try:
                    async with http.stream("GET", address, headers={"User-Agent": "ragscout"}) as response:
                        if response.status_code != 200:
                            return f"status {response.status_code}"
                        target, size = place / str(number), 0
                        with target.open("wb") as out:
                            async for block in response.aiter_bytes(1 << 16):
                                size += len(block)
                                if size > limits.file_bytes:
                                    return f"larger than {limits.file_bytes:,} bytes"
                                out.write(block)
                        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
                except httpx.HTTPError as error:
                    return type(error).__name__
                except SpecError as error:
                    return f"redirected: {error}"
            return RawFile(_path(address, kind), size, target.read_bytes, False, urlsplit(address).hostname or "web")

        return await asyncio.gather(*(one(number, address) for number, address in enumerate(addresses)))


def _path(address: str, kind: str) -> str:
    """Return an address as a document's path: host, path and query, with a suffix that a parser knows."""
    parts = urlsplit(address)
    names = [_ODD.sub("-", unicodedata.normalize("NFC", unquote(name))).strip("-.") for name in parts.path.split("/")]
    query = _ODD.sub("-", parts.query).strip("-")
    path = "/".join([parts.hostname or "web", *(name for name in names if name)])
    path += f"-{query[:80]}" if query else ""
    known = PurePosixPath(path).suffix.lower() in KINDS and "/" in path
    return path[:240] if known else path[:240] + _SUFFIXES.get(kind, ".html" if not kind else ".txt")

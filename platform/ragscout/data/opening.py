"""``open_eval_set``: a reference in a sweep file to the version it means."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from ragscout.data.options import DEFAULT_OPTIONS, ReadOptions
from ragscout.data.registry import BlobStore, Registry, VersionRow, load_manifest
from ragscout.data.report import UploadReport, report_from_info
from ragscout.data.seen import Notes, recalled, remember, signature
from ragscout.model.errors import EvalSetError
from ragscout.model.evalset import EvalSet

if TYPE_CHECKING:
    from ragscout.data.uploading import Uploaded

_BESIDE = ("documents", "docs", "corpus.jsonl", "corpus.parquet", "corpus.csv", "corpus.json", "문서")


def open_eval_set(
    reference: str,
    *,
    blobs: BlobStore,
    registry: Registry,
    base: Path,
    options: ReadOptions = DEFAULT_OPTIONS,
    notes: Notes | None = None,
) -> EvalSet:
    """Return the evaluation set named by ``name@version``, by ``name`` (the newest version), or by a path.

    A path (relative to ``base``, else to the working directory) is uploaded first, so that what is used is always a
    pinned version: a folder as it is, a file of questions with the documents that lie beside it. With ``notes``, files
    that did not change since they were uploaded are not read again.

    Raises:
        EvalSetError: no such name, version or path; or the files have problems.
    """
    name, at, number = reference.rpartition("@")
    if at and number.isdigit():
        return _load(_row(registry, name, int(number)), blobs)
    if "/" not in reference and registry.evalset(reference) is not None:
        return _load(_row(registry, reference, None), blobs)
    for path in dict.fromkeys((base / reference, Path(reference))):
        if path.exists():
            return _at_path(path, blobs, registry, options, notes)
    raise _unknown(registry, reference)


def _at_path(path: Path, blobs: BlobStore, registry: Registry, options: ReadOptions, notes: Notes | None) -> EvalSet:
    if notes is None:
        return upload_path(path, blobs=blobs, registry=registry, options=options).eval_set
    seen = signature(_paths(path), options)
    known = recalled(seen, notes)
    if known is not None:
        for row in registry.evalsets(known[0]):
            if row.digest == known[1]:
                return _load(row, blobs)
    eval_set = upload_path(path, blobs=blobs, registry=registry, options=options).eval_set
    remember(seen, eval_set.name, eval_set.digest, notes)
    return eval_set


def upload_path(
    path: Path, *, blobs: BlobStore, registry: Registry, options: ReadOptions = DEFAULT_OPTIONS
) -> Uploaded:
    """Upload a folder, or a file with the documents beside it, under the name that the path suggests."""
    from ragscout.data.uploading import upload

    return upload(_paths(path), blobs=blobs, registry=registry, options=options)


def _paths(path: Path) -> list[Path]:
    """Return what belongs to a path: a file of questions has its documents beside it."""
    if path.is_file() and not path.name.startswith("corpus"):
        return [path, *[path.parent / beside for beside in _BESIDE if (path.parent / beside).exists()][:1]]
    return [path]


def show(reference: str, *, registry: Registry) -> UploadReport:
    """Return the report of a registered version.

    Raises:
        EvalSetError: no such name or version.
    """
    row = find(reference, registry)
    return report_from_info({**row.info, "version": row.version})


def describe(reference: str, *, blobs: BlobStore, registry: Registry) -> UploadReport:
    """As ``show``; the manifest is read too, so that damage is found.

    Raises:
        EvalSetError: no such name or version, or its manifest cannot be read.
    """
    _load(find(reference, registry), blobs)
    return show(reference, registry=registry)


def remove(reference: str, *, registry: Registry) -> bool:
    """Take a version (or, with a name alone, the newest) off the list; sweeps that pinned it keep it.

    Raises:
        EvalSetError: no such name or version.
    """
    row = find(reference, registry)
    return registry.evalset_remove(row.name, row.version)


def find(reference: str, registry: Registry) -> VersionRow:
    """Return the registry's row of ``name`` or ``name@version``.

    Raises:
        EvalSetError: no such name or version.
    """
    name, at, number = reference.rpartition("@")
    return _row(registry, name, int(number)) if at and number.isdigit() else _row(registry, reference, None)


def _row(registry: Registry, name: str, version: int | None) -> VersionRow:
    row = registry.evalset(name, version)
    if row is None:
        raise _unknown(registry, name if version is None else f"{name}@{version}")
    return row


def _load(row: VersionRow, blobs: BlobStore) -> EvalSet:
    return load_manifest(blobs, row.manifest, row.version)


def _unknown(registry: Registry, reference: str) -> EvalSetError:
    known = sorted({f"{row.name}@{row.version}" for row in registry.evalsets()})
    near = difflib.get_close_matches(reference, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(known[:20]) or "none"
    return EvalSetError(
        f"evaluation set {reference!r}: no such path, name or version. {hint}Registered: {listed}. Upload it with: "
        "ragscout upload PATH"
    )

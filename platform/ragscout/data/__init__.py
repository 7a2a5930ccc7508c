"""Data in: any evaluation set and any documents, checked and versioned.

Names are loaded when they are first used: whoever opens a version that is there needs no reader of any format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.model.lazy import loader

if TYPE_CHECKING:
    from ragscout.data.checking import check, detectable
    from ragscout.data.comparing import VersionDifference, diff
    from ragscout.data.findings import Finding
    from ragscout.data.opening import describe, find, open_eval_set, remove, show, upload_path
    from ragscout.data.options import Limits, ReadOptions, column_roles
    from ragscout.data.registry import BlobStore, Registry, load_manifest
    from ragscout.data.report import FileReport, UploadReport
    from ragscout.data.sources import Remote, read_addresses, snapshot
    from ragscout.data.starting import starter
    from ragscout.data.uploading import Uploaded, upload
    from ragscout.data.write.export import EXPORT_FORMATS, export, not_held

__all__ = [
    "EXPORT_FORMATS",
    "BlobStore",
    "FileReport",
    "Finding",
    "Limits",
    "ReadOptions",
    "Registry",
    "Remote",
    "UploadReport",
    "Uploaded",
    "VersionDifference",
    "check",
    "column_roles",
    "describe",
    "detectable",
    "diff",
    "export",
    "find",
    "load_manifest",
    "not_held",
    "open_eval_set",
    "read_addresses",
    "remove",
    "show",
    "snapshot",
    "starter",
    "upload",
    "upload_path",
]
_PLACES = {
    "BlobStore": "ragscout.data.registry",
    "EXPORT_FORMATS": "ragscout.data.write.export",
    "FileReport": "ragscout.data.report",
    "Finding": "ragscout.data.findings",
    "Limits": "ragscout.data.options",
    "ReadOptions": "ragscout.data.options",
    "Registry": "ragscout.data.registry",
    "Remote": "ragscout.data.sources",
    "UploadReport": "ragscout.data.report",
    "Uploaded": "ragscout.data.uploading",
    "VersionDifference": "ragscout.data.comparing",
    "check": "ragscout.data.checking",
    "column_roles": "ragscout.data.options",
    "describe": "ragscout.data.opening",
    "detectable": "ragscout.data.checking",
    "diff": "ragscout.data.comparing",
    "export": "ragscout.data.write.export",
    "find": "ragscout.data.opening",
    "load_manifest": "ragscout.data.registry",
    "not_held": "ragscout.data.write.export",
    "open_eval_set": "ragscout.data.opening",
    "read_addresses": "ragscout.data.sources",
    "remove": "ragscout.data.opening",
    "show": "ragscout.data.opening",
    "snapshot": "ragscout.data.sources",
    "starter": "ragscout.data.starting",
    "upload": "ragscout.data.uploading",
    "upload_path": "ragscout.data.opening",
}
__getattr__ = loader(__name__, _PLACES)

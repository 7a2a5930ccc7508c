"""Data in: any evaluation set and any documents, checked and versioned."""

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

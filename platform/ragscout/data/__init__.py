"""Data in: any evaluation set and any documents, checked and versioned."""

from ragscout.data.findings import Finding
from ragscout.data.opening import find, open_eval_set, remove, show, upload_path
from ragscout.data.options import Limits, ReadOptions
from ragscout.data.registry import BlobStore, Registry, load_manifest
from ragscout.data.report import FileReport, UploadReport
from ragscout.data.uploading import Uploaded, upload

__all__ = [
    "BlobStore",
    "FileReport",
    "Finding",
    "Limits",
    "ReadOptions",
    "Registry",
    "UploadReport",
    "Uploaded",
    "find",
    "load_manifest",
    "open_eval_set",
    "remove",
    "show",
    "upload",
    "upload_path",
]

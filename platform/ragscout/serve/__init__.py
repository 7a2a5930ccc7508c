"""Exported configurations: bundles, and pipelines that answer exactly as measured."""

from ragscout.serve.bundle import Bundle, export, load
from ragscout.serve.pipeline import Pipeline, Reply, Source
from ragscout.serve.verification import VerifyReport, verify

__all__ = ["Bundle", "Pipeline", "Reply", "Source", "VerifyReport", "export", "load", "verify"]

"""Exported configurations: bundles, and pipelines that answer exactly as measured."""

from ragscout.serve.bundle import Bundle, export, load
from ragscout.serve.pipeline import AnswerSource, Pipeline, Reply
from ragscout.serve.verification import VerifyReport, verify

__all__ = ["AnswerSource", "Bundle", "Pipeline", "Reply", "VerifyReport", "export", "load", "verify"]

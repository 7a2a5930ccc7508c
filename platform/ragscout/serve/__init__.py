"""Exported configurations: bundles, and pipelines that answer exactly as measured.

Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.model.lazy import loader

if TYPE_CHECKING:
    from ragscout.serve.bundle import Bundle, export, load
    from ragscout.serve.pipeline import AnswerSource, Pipeline, Reply
    from ragscout.serve.verification import VerifyReport, verify

__all__ = ["AnswerSource", "Bundle", "Pipeline", "Reply", "VerifyReport", "export", "load", "verify"]
_PLACES = {
    "AnswerSource": "ragscout.serve.pipeline",
    "Bundle": "ragscout.serve.bundle",
    "Pipeline": "ragscout.serve.pipeline",
    "Reply": "ragscout.serve.pipeline",
    "VerifyReport": "ragscout.serve.verification",
    "export": "ragscout.serve.bundle",
    "load": "ragscout.serve.bundle",
    "verify": "ragscout.serve.verification",
}
__getattr__ = loader(__name__, _PLACES)

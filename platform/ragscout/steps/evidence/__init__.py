"""Stage ``evidence``: gold quotes to places in this corpus."""

from ragscout.steps.evidence.place import Place

__all__ = ["Place"]

"""Stage ``query``: what is really sent to the retrievers."""

from ragscout.steps.query.as_asked import AsAsked

__all__ = ["AsAsked"]

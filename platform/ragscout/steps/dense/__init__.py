"""Stage ``dense``: rankings by vectors."""

from ragscout.steps.dense.nearest import Nearest

__all__ = ["Nearest"]

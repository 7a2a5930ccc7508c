"""Stage ``fuse``: one ranking from the retrievers' rankings."""

from ragscout.steps.fuse.only import DenseOnly, LexicalOnly
from ragscout.steps.fuse.rrf import RRF
from ragscout.steps.fuse.weighted import WeightedFusion

__all__ = ["RRF", "DenseOnly", "LexicalOnly", "WeightedFusion"]

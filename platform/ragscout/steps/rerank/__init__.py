"""Stage ``rerank``: a better order for the first ranks."""

from ragscout.steps.rerank.cross_encoder import CrossEncoder
from ragscout.steps.rerank.none import NoReranking

__all__ = ["CrossEncoder", "NoReranking"]

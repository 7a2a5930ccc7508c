"""Stage ``index``: vectors to a dense index."""

from ragscout.model.values import register_codec
from ragscout.steps.index.lancedb import IndexCodec, LanceDB

register_codec("index", IndexCodec())

__all__ = ["IndexCodec", "LanceDB"]

"""Stage ``lexicon``: chunks to a lexical index."""

from ragscout.model.values import register_codec
from ragscout.steps.lexicon.bm25 import BM25
from ragscout.steps.lexicon.codec import LexiconCodec
from ragscout.steps.lexicon.lancedb_fts import LanceDBFts

register_codec("lexicon", LexiconCodec())

__all__ = ["BM25", "LanceDBFts", "LexiconCodec"]

"""Stage ``corpus``: files to documents."""

from ragscout.model.values import register_codec
from ragscout.steps.corpus.codec import CorpusCodec
from ragscout.steps.corpus.parse import Parse
from ragscout.steps.corpus.sample import Sample

register_codec("corpus", CorpusCodec())

__all__ = ["CorpusCodec", "Parse", "Sample"]

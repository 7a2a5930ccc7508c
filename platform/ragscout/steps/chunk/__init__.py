"""Stage ``chunk``: documents to chunks whose offsets reproduce the text."""

from ragscout.model.values import register_codec
from ragscout.steps.chunk.characters import Characters
from ragscout.steps.chunk.codec import ChunksCodec
from ragscout.steps.chunk.markdown import Markdown
from ragscout.steps.chunk.parent_child import ParentChild
from ragscout.steps.chunk.sentences import Sentences
from ragscout.steps.chunk.tokens import Tokens

register_codec("chunk", ChunksCodec())

__all__ = ["Characters", "ChunksCodec", "Markdown", "ParentChild", "Sentences", "Tokens"]

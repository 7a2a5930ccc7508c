"""Stage ``embed``: chunks to vectors, and the encoder for the queries."""

from ragscout.model.values import register_codec
from ragscout.steps.embed.codec import EmbeddedCodec
from ragscout.steps.embed.hashing import Hashing
from ragscout.steps.embed.openai import OpenAI
from ragscout.steps.embed.sentence_transformers import SentenceTransformers
from ragscout.steps.embed.static import Static
from ragscout.steps.embed.use_multilingual import UseMultilingual

register_codec("embed", EmbeddedCodec())

__all__ = ["EmbeddedCodec", "Hashing", "OpenAI", "SentenceTransformers", "Static", "UseMultilingual"]

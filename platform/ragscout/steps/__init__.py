"""How things are done: one package per stage, one module per component.

Importing this package fills the registry of ``ragscout.model.step``; no heavy library is loaded.
"""

from ragscout.steps import (
    chunk,
    corpus,
    dense,
    embed,
    evidence,
    fuse,
    generate,
    index,
    lexical,
    lexicon,
    measure,
    prompt,
    query,
    rerank,
)

__all__ = [
    "chunk",
    "corpus",
    "dense",
    "embed",
    "evidence",
    "fuse",
    "generate",
    "index",
    "lexical",
    "lexicon",
    "measure",
    "prompt",
    "query",
    "rerank",
]

"""How things are done: one package per stage, one module per component.

Importing this package fills the registry of ``ragscout.model.step``, other packages' components included (entry-point
group ``ragscout.steps``); no heavy library is loaded.
"""

from importlib.metadata import entry_points

from ragscout.steps import (
    chunk,
    context,
    corpus,
    dense,
    embed,
    evidence,
    fit,
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
    "context",
    "corpus",
    "dense",
    "embed",
    "evidence",
    "fit",
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

for _plugin in entry_points(group="ragscout.steps"):
    _plugin.load()

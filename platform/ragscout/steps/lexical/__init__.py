"""Stage ``lexical``: rankings by words."""

from ragscout.steps.lexical.bm25 import BM25Search

__all__ = ["BM25Search"]

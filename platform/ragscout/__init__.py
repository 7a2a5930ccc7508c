"""ragscout: evaluation and model selection for retrieval-augmented generation.

The public names, loaded when they are first used: importing ``ragscout`` loads no heavy library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.model.lazy import loader

if TYPE_CHECKING:
    from ragscout.data import upload
    from ragscout.model.config import Configuration
    from ragscout.model.errors import RagscoutError
    from ragscout.model.evalset import EvalSet, Question, Span
    from ragscout.model.outcome import Failure, Score
    from ragscout.model.results.board import Board
    from ragscout.model.step import Step, step
    from ragscout.serve import Pipeline
    from ragscout.sweep import Sweep
    from ragscout.version import __version__

__all__ = [
    "Board",
    "Configuration",
    "EvalSet",
    "Failure",
    "Pipeline",
    "Question",
    "RagscoutError",
    "Score",
    "Span",
    "Step",
    "Sweep",
    "__version__",
    "step",
    "upload",
]
_PLACES = {
    "Board": "ragscout.model.results.board",
    "Configuration": "ragscout.model.config",
    "EvalSet": "ragscout.model.evalset",
    "Failure": "ragscout.model.outcome",
    "Pipeline": "ragscout.serve",
    "Question": "ragscout.model.evalset",
    "RagscoutError": "ragscout.model.errors",
    "Score": "ragscout.model.outcome",
    "Span": "ragscout.model.evalset",
    "Step": "ragscout.model.step",
    "Sweep": "ragscout.sweep",
    "step": "ragscout.model.step",
    "__version__": "ragscout.version",
    "upload": "ragscout.data",
}
__getattr__ = loader(__name__, _PLACES)

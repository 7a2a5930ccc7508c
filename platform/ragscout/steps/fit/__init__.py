"""Stage ``fit``: what is learnt from the questions of a training split."""

from ragscout.model.values import register_codec
from ragscout.steps.fit.codec import PlainCodec, WorkedCodec
from ragscout.steps.fit.examples import Examples
from ragscout.steps.fit.none import NoFit
from ragscout.steps.fit.worked import WorkedExamples

register_codec("fit", PlainCodec())
register_codec("fit", WorkedCodec(), name="examples", holds=WorkedExamples)

__all__ = ["Examples", "NoFit"]

"""Stage ``context``: a ranking to the passages that prompt, answer and judge are given."""

from ragscout.steps.context.as_retrieved import AsRetrieved
from ragscout.steps.context.parents import Parents

__all__ = ["AsRetrieved", "Parents"]

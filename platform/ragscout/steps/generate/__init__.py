"""Stage ``generate``: a prompt to an answer."""

from ragscout.steps.generate.chat import Chat
from ragscout.steps.generate.extractive import Extractive

__all__ = ["Chat", "Extractive"]

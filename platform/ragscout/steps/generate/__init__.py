"""Stage ``generate``: a prompt to an answer."""

from ragscout.steps.generate.chat import Chat
from ragscout.steps.generate.extractive import Extractive
from ragscout.steps.generate.http import Http
from ragscout.steps.generate.recorded import Recorded

__all__ = ["Chat", "Extractive", "Http", "Recorded"]

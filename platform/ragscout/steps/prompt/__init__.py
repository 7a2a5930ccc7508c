"""Stage ``prompt``: a question and its passages to chat messages."""

from ragscout.steps.prompt.few_shot import FewShot
from ragscout.steps.prompt.template import Template

__all__ = ["FewShot", "Template"]

"""Stage ``prompt``: a question and its passages to chat messages."""

from ragscout.steps.prompt.template import Template

__all__ = ["Template"]

"""The installed version of ragscout."""

from importlib.metadata import version

__version__ = version("ragscout")

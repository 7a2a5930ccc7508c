"""The verbs of ``ragscout judge``."""

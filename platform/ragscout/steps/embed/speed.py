"""How fast encoders work, for estimates before anything runs.

Measured wall clock per core on idle cores (AVX2), texts of about 60 tokens in batches of 32.
"""

from __future__ import annotations

MEASURED = "measured on two idle cores"
TOKENS = 60
"""Tokens of the texts that were measured."""
TEXTS_PER_SECOND = {"minilm": 83.0, "use-multilingual": 340.0, "wordllama": 12_500.0, "hashing": 20_000.0}
UNKNOWN_ENCODER = 40.0
DIMENSIONS = {"minilm": 384, "use-multilingual": 512, "wordllama": 256, "hashing": 512}
UNKNOWN_DIMENSION = 1024

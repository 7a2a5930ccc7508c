"""Metrics that need an encoder model."""

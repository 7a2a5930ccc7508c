"""Metrics that compare an answer with its references."""

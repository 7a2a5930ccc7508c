"""Metrics of the passages that were retrieved."""

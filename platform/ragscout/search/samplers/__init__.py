"""Optuna behind an adapter, and the study that mirrors a search."""

"""Metrics of other libraries behind one door each."""

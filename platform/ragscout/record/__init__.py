"""Recorders: projections of a sweep that can be deleted and rebuilt."""

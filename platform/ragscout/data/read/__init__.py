"""Readers: bytes of any container to records."""

"""One module per family of file formats: bytes in, text or rows out. ``ragscout.providers.parse`` is the front."""

"""One verb a file: what is done with evaluation sets."""

"""One verb a file: what is done with sweeps and bundles."""

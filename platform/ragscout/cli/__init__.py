"""The command line: one verb a file, and what verbs share."""

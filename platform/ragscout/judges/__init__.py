"""Judging the judge: what people's labels say about automatic scores."""

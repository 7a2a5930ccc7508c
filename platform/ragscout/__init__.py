"""ragscout: evaluation and model selection for retrieval-augmented generation."""

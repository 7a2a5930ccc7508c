"""Clients of models, model files, the network policy, parsing and tokenising. Steps and the engine call these."""

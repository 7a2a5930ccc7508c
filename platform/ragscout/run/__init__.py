"""How a sweep runs: its rounds, its budget, its closing, and what can be read of it meanwhile."""

"""Plain statistics over arrays. They know nothing of sweeps."""

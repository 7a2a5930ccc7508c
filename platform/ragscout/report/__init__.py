"""What a sweep says to people beyond the board: why a row stands where it does, pages, comparisons of sweeps."""

"""Proposers, early stopping, statistics and the leaderboard."""

"""The leaderboard, and what may be claimed from it."""

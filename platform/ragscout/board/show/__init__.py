"""The leaderboard as text and as a spreadsheet."""

"""What a sweep comes to: measurements, boards, the journal, and why it ended."""

"""What the board says in words, in English and in Korean."""

"""Runs: bulk jobs over a list that is written down first, done in the background, and undone."""

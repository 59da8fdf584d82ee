"""Verdicts: each line on its own, then the lines as a set."""

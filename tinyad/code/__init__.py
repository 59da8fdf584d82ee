"""Derivations as NumPy code: which statement of a hand-written backward pass is wrong, and what it should have been."""

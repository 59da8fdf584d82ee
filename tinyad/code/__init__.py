"""Derivations as NumPy code."""

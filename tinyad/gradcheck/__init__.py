"""Compute derivatives from function values, and the effect of rounding on them."""

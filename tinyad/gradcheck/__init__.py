"""Derivatives from function values, and what rounding may do to them."""

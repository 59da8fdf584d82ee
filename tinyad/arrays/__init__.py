"""Matrices: read, sized, repeated, and functions of them that NumPy has in no stable form."""

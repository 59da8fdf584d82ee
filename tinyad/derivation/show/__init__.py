"""Derivations and reports as text, pages, MathML and notebook cells."""

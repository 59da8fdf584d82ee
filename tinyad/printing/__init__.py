"""Formulas as text, LaTeX and MathML; a tape as numbered equations."""

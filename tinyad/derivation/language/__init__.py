"""Texts to syntax trees: Unicode, ASCII and LaTeX give one tree."""

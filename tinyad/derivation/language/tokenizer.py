"""Tokens of a text, in LaTeX or in plain notation."""

from __future__ import annotations

from tinyad.derivation.language import latex_tokens, plain_tokens
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Token


def tokens_of(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of source.text[start:end]: LaTeX if there is a backslash in it, else plain text."""
    if "\\" in source.text[start:end]:
        return latex_tokens.tokens(source, start, end)
    return plain_tokens.tokens(source, start, end)


def tokens_without_ends(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of source.text[start:end] without the ends of lines."""
    return [token for token in tokens_of(source, start, end) if token.kind != "end"]

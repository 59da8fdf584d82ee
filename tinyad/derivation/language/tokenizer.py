"""Tokens of a text, in LaTeX, with the macros of its document, or in plain notation."""

from __future__ import annotations

from tinyad.derivation.language import latex_tokens, plain_tokens
from tinyad.derivation.language.macros import Expansion, ExpansionError
from tinyad.derivation.language.source import DerivationError, LimitError, Source
from tinyad.derivation.language.syntax_tree import Token


def tokens_of(source: Source, start: int, end: int, *, latex: bool = False) -> list[Token]:
    """Return the tokens of source.text[start:end]: LaTeX if there is a backslash in it, or if `latex`; else plain."""
    text = source.text[start:end]
    if "\\" not in text and not latex:
        return plain_tokens.tokens(source, start, end)
    if source.macros is None or "\\" not in text:
        return latex_tokens.tokens(source, start, end)
    return _tokens_of_expansion(source, text, start)


def _tokens_of_expansion(source: Source, text: str, start: int) -> list[Token]:
    """Return the tokens after all macros are expanded, each where the macro that gave it is used."""
    assert source.macros is not None
    try:
        expansion = Expansion(text, start, source.macros, source.check_time)
    except ExpansionError as error:
        raise source.error(error.message, error.start, error.end) from None
    if expansion.text == text:
        return latex_tokens.tokens(source, start, start + len(text))
    working = Source(expansion.text, source.name)
    try:
        found = latex_tokens.tokens(working, 0, len(expansion.text))
    except LimitError:
        raise
    except DerivationError as error:
        raise source.error(error.message, *expansion.place(error.at, error.to)) from None
    places = (expansion.place(token.start, token.end) for token in found)
    return [token._replace(start=at, end=to) for token, (at, to) in zip(found, places, strict=True)]


def tokens_without_ends(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of source.text[start:end] without the ends of lines."""
    return [token for token in tokens_of(source, start, end) if token.kind != "end"]

"""Tokens of a text, in LaTeX, with the macros of its document, or in plain notation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tinyad.derivation.language import latex_tokens, plain_tokens
from tinyad.derivation.language.list_markers import without_marks
from tinyad.derivation.language.macros import Expansion, ExpansionError
from tinyad.derivation.language.names import FUNCTIONS
from tinyad.derivation.language.source import DerivationError, LimitError, Source
from tinyad.derivation.language.syntax_tree import Token

WHOLE = re.compile(r"\\\\|\\begin\b|\\\[|\$\$|%")  # what makes LaTeX of all the lines around it
LATEX = re.compile(r"[\\$&~]")
WORDS = "|".join(word for word in FUNCTIONS if len(word) > 2 and word.isalpha())
PROGRAM = re.compile(  # the signs of a program, names of functions among them, as in tanh'(z) and log p
    rf"\*\*|\.T\b|@|\.\w+\(|(?<![\w^])(?:[A-Za-z]\w\w+\(|(?:{WORDS})(?![A-Za-z0-9_]))"
)
OPENED, CLOSED = "([{", ")]}"


def tokens_of(source: Source, start: int, end: int, *, latex: bool = False) -> list[Token]:
    """Return the tokens of source.text[start:end]: LaTeX if there is a backslash in it, or if `latex`; else plain."""
    text = source.text[start:end]
    if "\\" not in text and not latex:
        return plain_tokens.tokens(source, start, end)
    if source.macros is not None and "\\" in text:
        return _tokens_of_expansion(source, text, start)
    return latex_tokens.tokens(source, start, end) if latex else _tokens_of_text(source, text, start, end)


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


def _tokens_of_text(source: Source, text: str, start: int, end: int) -> list[Token]:
    """Return the tokens of LaTeX; a line that is written as in a program, between such lines, is plain text."""
    if WHOLE.search(text) or "\n" not in text.strip("\n"):
        return latex_tokens.tokens(source, start, end)
    tokens: list[Token] = []
    for first, last in _formulas(text):
        program = not LATEX.search(text, first, last) and PROGRAM.search(text, first, last)
        reader = plain_tokens if program else latex_tokens
        tokens += reader.tokens(source, start + first, start + last)
    return tokens


def _formulas(text: str) -> Iterator[tuple[int, int]]:
    """Yield where lines begin and end, with those together that brackets join."""
    first = at = depth = 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        depth += sum(line.count(c) for c in OPENED) - sum(line.count(c) for c in CLOSED)
        if depth <= 0:
            yield first, at
            first, depth = at, 0
    if first < len(text):
        yield first, len(text)


def tokens_of_lines(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of the lines of a block, without the marks of a list before them."""
    text, known = source.text, source.tokens
    if (start, end) not in known:
        unmarked = source.with_text(text[:start] + without_marks(text[start:end]) + text[end:])
        known[start, end] = tokens_of(unmarked, start, end)
    found: list[Token] = known[start, end]
    return found


def tokens_without_ends(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of source.text[start:end] without the ends of lines and wide spaces."""
    return [token for token in tokens_of(source, start, end) if token.kind not in ("end", "quad")]

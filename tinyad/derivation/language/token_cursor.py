"""A position in a row of tokens: what comes next, what is expected, and errors that point there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Token


class TokenCursor:
    """Go through tokens, and fail with the position reached."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens: Sequence[Token] = ()
        self.at = 0

    @property
    def token(self) -> Token:
        """The token that is next; behind the last one an end."""
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        end = self.tokens[-1].end if self.tokens else 0
        return Token("end", "", end, end)

    @property
    def end(self) -> int:
        """Where the token that was read last ends."""
        return self.tokens[self.at - 1].end

    def ahead(self, k: int = 1) -> Token:
        """The token `k` places further on."""
        at = self.at + k
        return self.tokens[at] if at < len(self.tokens) else Token("end", "", self.token.end, self.token.end)

    def is_op(self, *texts: str) -> bool:
        """Whether one of these operators is next."""
        return self.token.kind == "op" and self.token.text in texts

    def took(self, *texts: str) -> bool:
        """Whether one of these operators was next; if so, the cursor is behind it now."""
        found = self.is_op(*texts)
        self.at += found
        return found

    def fail(self, message: str, token: Token | Node | None = None) -> NoReturn:
        """Raise an error that points at a token, or at the next one."""
        token = token or self.token
        raise self.source.error(message, token.start, token.end)

    def unexpected(self) -> NoReturn:
        """Raise an error about the next token."""
        token = self.token
        self.no_comparison(token)
        if token.kind == "close":
            self.fail(f"{token.text} closes nothing")
        self.fail(f"{token.text!r} cannot stand here")

    def no_comparison(self, token: Token, before: Token | None = None) -> None:
        """Refuse a > 0."""
        if token.kind == "op" and token.text in ("<", ">"):
            before = before or self.tokens[max(0, self.at - 1)]
            name = before.text if before.kind == "word" else "a"
            self.fail(f"there are no comparisons: what is 1 where {name} > 0 and 0 elsewhere is relu'({name})", token)

    def expect(self, kind: str, text: str | None = None) -> Token:
        """Read a token of this kind."""
        token = self.token
        if token.kind != kind or (text is not None and token.text != text):
            self.no_comparison(token)
            what = text or {"word": "a name", "open": "a bracket", "close": "a closing bracket"}.get(kind, kind)
            found = repr(token.text) if token.text else "the end of the line"
            self.fail(f"{what} is awaited here, not {found}")
        self.at += 1
        return token

    def group(self) -> list[Token]:
        """Read a script, a numerator or a denominator: its tokens."""
        self.expect("group(")
        depth, start = 1, self.at
        while depth:
            if self.token.kind == "end" and self.at >= len(self.tokens):
                self.fail("a group has no end")
            depth += {"group(": 1, ")group": -1}.get(self.token.kind, 0)
            self.at += 1
        return list(self.tokens[start : self.at - 1])

    @contextmanager
    def within(self, tokens: Sequence[Token]) -> Iterator[None]:
        """Go through other tokens for a while, and then on from here."""
        outer = self.tokens, self.at
        self.tokens, self.at = tokens, 0
        try:
            yield
        finally:
            self.tokens, self.at = outer

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
        """Return the next token, or an end after the last one."""
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        end = self.tokens[-1].end if self.tokens else 0
        return Token("end", "", end, end)

    @property
    def end(self) -> int:
        """Return where the previous token ends."""
        return self.tokens[self.at - 1].end

    def ahead(self, k: int = 1) -> Token:
        """Return the token `k` places further on."""
        at = self.at + k
        return self.tokens[at] if at < len(self.tokens) else Token("end", "", self.token.end, self.token.end)

    def is_op(self, *texts: str) -> bool:
        """Return whether one of these operators is next."""
        return self.token.kind == "op" and self.token.text in texts

    def accept(self, *texts: str) -> bool:
        """Read one of these operators if it is next, and return whether it was."""
        accepted = self.is_op(*texts)
        self.at += accepted
        return accepted

    def fail(self, message: str, token: Token | Node | None = None) -> NoReturn:
        """Raise an error that points at a token, or at the next one."""
        token = token or self.token
        raise self.source.error(message, token.start, token.end)

    def unexpected(self) -> NoReturn:
        """Raise an error about the next token."""
        token = self.token
        self.refuse_comparison(token)
        if token.kind == "close":
            self.fail(f"{token.text} has no opening bracket")
        self.fail(f"{token.text!r} is not expected here")

    def refuse_comparison(self, token: Token, before: Token | None = None) -> None:
        """Fail at a comparison such as a > 0."""
        if token.kind == "op" and token.text in ("<", ">"):
            before = before or self.tokens[max(0, self.at - 1)]
            name = before.text if before.kind == "word" else "a"
            message = f"comparisons are not supported: write relu'({name}) for 1 where {name} > 0 and 0 elsewhere"
            self.fail(message + "; for an inner product write ⟨x, y⟩" * (token.text == "<"), token)

    def expect(self, kind: str, text: str | None = None) -> Token:
        """Read a token of this kind, or fail."""
        token = self.token
        if token.kind != kind or (text is not None and token.text != text):
            self.refuse_comparison(token)
            what = text or {"word": "a name", "open": "a bracket", "close": "a closing bracket"}.get(kind, kind)
            actual = repr(token.text) if token.text else "the end of the line"
            self.fail(f"expected {what}, not {actual}")
        self.at += 1
        return token

    def group(self) -> list[Token]:
        """Read a script, a numerator or a denominator; return its tokens."""
        self.expect("group(")
        depth, start = 1, self.at
        while depth:
            if self.token.kind == "end" and self.at >= len(self.tokens):
                self.fail("this group has no end")
            depth += {"group(": 1, ")group": -1}.get(self.token.kind, 0)
            self.at += 1
        return list(self.tokens[start : self.at - 1])

    @contextmanager
    def within(self, tokens: Sequence[Token]) -> Iterator[None]:
        """Read other tokens inside this context, then go on from here."""
        outer = self.tokens, self.at
        self.tokens, self.at = tokens, 0
        try:
            yield
        finally:
            self.tokens, self.at = outer

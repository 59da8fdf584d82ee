"""Operands that begin with a word, ∇, ∂ or a fraction: derivatives, differentials, calls of functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from tinyad.derivation.language.name_parser import DERIVATIVE_LETTERS, NameParser, is_derivative
from tinyad.derivation.language.names import Scripts, unbracketed
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, Ref, Token
from tinyad.derivation.language.token_cursor import TokenCursor

HIGHER = "3456789"


class SubFormulas(Protocol):
    """Reads the formulas inside of a primary."""

    def expression(self) -> Node:
        """Read a formula."""

    def primary(self) -> Node:
        """Read an operand without its exponents."""

    def operand(self) -> Node:
        """Read an operand with its exponents."""

    def inside(self, tokens: Sequence[Token]) -> Node:
        """Return the formula that all of these tokens make."""

    def listed(self) -> list[Node]:
        """Read formulas with commas between them."""


class Primaries:
    """Read what a word, ∇, ∂ or a fraction begins; `formulas` reads what is inside."""

    def __init__(self, cursor: TokenCursor, reader: NameParser, builder: NodeBuilder, formulas: SubFormulas) -> None:
        self.cursor, self.reader, self.formulas = cursor, reader, formulas
        self.names, self.node = reader.names, builder.node

    def word(self) -> Node:
        """What a word begins."""
        token = self.cursor.expect("word")
        if token.text == "δ" and self.cursor.token.kind in ("word", "group("):
            return self.derivative_of(token)  # LaTeX: δ is a word of its own
        if token.text == "d" and self.cursor.token.kind == "word" and self.of_the_loss():
            return self.derivative_of(token)  # LaTeX: d z_1
        if token.text == "deriv" and self.cursor.token.kind == "open":
            return self.deriv(token)
        if token.text == "e" and self.cursor.is_op("^") and not self.names.is_known("e"):
            self.cursor.at += 1
            power = self.formulas.inside(self.cursor.group())
            return self.node("call", (power,), Ref("exp"), token.start, self.cursor.end)
        begun = self.cursor.at
        groups, end = self.reader.script_groups()
        found = self.names.scripts(groups)
        ref = self.names.ref(token.text, found)
        if found.above and found.above in HIGHER and not self.names.is_known(ref.key):  # x^3
            found = found._replace(above="", powers=(*found.powers, found.above))
            ref = self.names.ref(token.text, found)
        if self.function_here(ref.key):
            return self.call(ref, found, token)
        if token.text == "I" and not self.names.is_known(ref.key):
            self.cursor.at = begun
            return self.node("eye", (), self.size(), token.start, self.cursor.end)
        below = self.cursor.ahead()
        if (
            self.cursor.is_op("/")
            and is_derivative(token)
            and below.kind == "word"
            and below.text[0] in DERIVATIVE_LETTERS
        ):
            quotient = self.quotient(token, found, end)
            if quotient is not None:
                return quotient
        if token.text == "d" and self.names.differentials and self.cursor.token.kind in ("word", "open", "group("):
            part = self.formulas.primary()
            return self.node("differential", (part,), None, token.start, part.end)
        return self.reader.named(token, found, end)

    def size(self) -> str | None:
        """1_{(n,1)}, I_{n×n}: the size as it is written, or None."""
        if not self.cursor.took("_"):
            return None
        inner, _ = unbracketed(self.cursor.group())
        for before, token in pairwise(inner):
            self.cursor.no_comparison(token, before)
        return "".join(t.text for t in inner if t.kind not in ("group(", ")group"))

    def of_the_loss(self) -> bool:
        """Whether a d that stands alone is that of dz, the derivative of the loss for z."""
        return not self.names.differentials and not self.names.is_known("d")

    def function_here(self, key: str) -> bool:
        """Whether a key is a function, and its argument follows."""
        known = key in self.names.functions and not self.names.is_known(key)
        return known and (self.cursor.token.kind in ("open", "word", "group(", "frac") or self.cursor.is_op("'", "∇"))

    def derivative_of(self, token: Token) -> Node:
        """δ h^{(t)}"""
        if self.cursor.token.kind == "group(":
            self.cursor.at += 1
            inside = self.derivative_of(token)
            self.cursor.expect(")group")
            return inside
        word = self.cursor.expect("word")
        groups, end = self.reader.script_groups()
        found = self.names.scripts(groups)
        ref = self.reader.one_ref(word.text, found)
        return self.reader.powers(self.node("d", (), (ref, None), token.start, end), found)

    def nabla(self) -> Node:
        """∇_{z24} L, ∇z24 L, ∇z24"""
        token = self.cursor.expect("op", "∇")
        if self.cursor.took("_") or self.cursor.token.kind == "group(":
            inner: Sequence[Token] = self.cursor.group()
        else:
            begun = self.cursor.at
            self.cursor.expect("word")
            self.reader.script_groups()
            inner = self.cursor.tokens[begun : self.cursor.at]
        ref, found = self.reader.whole_name(inner, token)
        end = self.cursor.end
        if self.cursor.token.kind == "word" and self.cursor.token.text == self.names.loss:
            end = self.cursor.token.end
            self.cursor.at += 1
        return self.reader.powers(self.node("d", (), (ref, None), token.start, end), found)

    def partial(self) -> Node:
        """∂L/∂z24, ∂f/∂x"""
        token = self.cursor.expect("op", "∂")
        above = self.formulas.operand() if not self.cursor.is_op("/") else None
        self.cursor.expect("op", "/")
        self.cursor.expect("op", "∂")
        begun = self.cursor.at
        below = self.cursor.expect("word")
        _, end = self.reader.script_groups()
        ref, found = self.reader.whole_name(self.cursor.tokens[begun : self.cursor.at], below)
        return self.reader.powers(self.derived(above, ref, token.start, end), found)

    def quotient(self, token: Token, found: Scripts, end: int) -> Node | None:
        """dL/dz24 and dtanh/dx(c), in plain text."""
        slash, below = self.cursor.at, self.cursor.ahead().text[1:]
        self.cursor.at += 2
        groups, below_end = self.reader.script_groups()
        scripts = self.names.scripts(groups)
        above = token.text[1:]
        if above == self.names.loss:
            ref = self.reader.one_ref(below, scripts)
            return self.reader.powers(self.node("d", (), (ref, None), token.start, below_end), scripts)
        derived = self.names.ref(above, found)
        if derived.key in self.names.functions:
            return self.prime(Ref(derived.key, None, found.indices), token.start)
        if self.names.is_known(derived.key):
            name, ref = self.node("name", (), derived, token.start, end), self.names.ref(below, scripts)
            return self.reader.powers(self.node("jacobian", (name,), ref, token.start, below_end), scripts)
        self.cursor.at = slash
        return None

    def derived(self, above: Node | None, below: Ref | Node, start: int, end: int) -> Node:
        """∂above/∂below; without `above`, of what stands next to it."""
        if above is None:
            body = self.formulas.operand()
            return self.node("jacobian", (body,), below, start, body.end)
        if above.kind == "name" and above.value.key == self.names.loss:
            if not isinstance(below, Ref):
                self.cursor.fail("one name is awaited below the derivative of the loss", below)
            return self.node("d", (), (below, None), start, end)
        return self.node("jacobian", (above,), below, start, end)

    def fraction(self) -> Node:
        r"""\frac{∂J}{∂z}, \frac{df}{dx}|_{x}, \frac{a}{b}"""
        token = self.cursor.expect("frac")
        above, below = self.cursor.group(), self.cursor.group()
        end = self.cursor.end
        if not (len(below) > 1 and begins_derivative(above) and begins_derivative(below)):
            return self.node("/", (self.formulas.inside(above), self.formulas.inside(below)), None, token.start, end)
        key = self.reader.key_of(above[1:])
        if key is not None and key.key in self.names.functions and not self.names.is_known(key.key):
            return self.prime(key, token.start)
        ref, found = self.denominator(below[1:], token)
        node = self.formulas.inside(above[1:]) if above[1:] else None
        return self.reader.powers(self.derived(node, ref, token.start, end), found)

    def denominator(self, tokens: Sequence[Token], near: Token) -> tuple[Ref | Node, Scripts]:
        """What stands behind the ∂ below."""
        try:
            return self.reader.whole_name(tokens, near)
        except DerivationError:
            return self.formulas.inside(tokens), Scripts()  # ∂a/∂tanh(c): derived for a formula

    def call(self, ref: Ref, found: Scripts, token: Token) -> Node:
        """A function with its arguments: in brackets, or the operand that follows."""
        if self.cursor.is_op("'"):
            return self.reader.powers(self.prime(ref, token.start), found)
        if self.cursor.token.kind == "open":
            self.cursor.at += 1
            parts = self.formulas.listed()
            end = self.cursor.expect("close").end
        else:
            parts = [self.formulas.operand()]
            end = parts[0].end
        if len(parts) > 2:
            self.cursor.fail(f"{token.text} of {len(parts)} arguments", token)
        return self.reader.powers(self.node("call", tuple(parts), ref, token.start, end), found)

    def prime(self, function: Ref, start: int) -> Node:
        """f' with its argument: in brackets, or after a bar."""
        while self.cursor.took("'"):
            pass
        if self.cursor.took("|"):
            if not self.cursor.took("_"):
                self.cursor.fail("after | the argument is awaited, as in |_{x}")
            argument = self.formulas.inside(self.cursor.group())
        elif self.cursor.token.kind == "open":
            self.cursor.at += 1
            argument = self.formulas.expression()
            self.cursor.expect("close")
        else:
            self.cursor.fail(f"the derivative of a function is taken somewhere: {function.key}'(x)")
        return self.node("prime", (argument,), function, start, self.cursor.end)

    def deriv(self, token: Token) -> Node:
        """deriv(dz, x, y, '*')"""
        self.cursor.expect("open")
        parts: list[Node] = []
        while self.cursor.token.kind != "string":
            parts.append(self.formulas.expression())
            self.cursor.expect("op", ",")
        symbol = self.cursor.expect("string").text
        end = self.cursor.expect("close").end
        if len(parts) > 3:
            self.cursor.fail("deriv takes dz, x, y and an operator, or dz, x and an operator", token)
        return self.node("deriv", tuple(parts), symbol, token.start, end)


def begins_derivative(tokens: Sequence[Token]) -> bool:
    """Whether ∂ or d comes first."""
    return bool(tokens) and (tokens[0].kind, tokens[0].text) in (("op", "∂"), ("word", "d"))

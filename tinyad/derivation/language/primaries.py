"""Operands that begin with a word, ∇, ∂ or a fraction: derivatives, differentials, calls of functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from tinyad.derivation.language.name_parser import DERIVATIVE_LETTERS, NameParser, is_derivative
from tinyad.derivation.language.names import Scripts, exponent, unbracketed
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Ref, Token
from tinyad.derivation.language.token_cursor import TokenCursor


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

    def __init__(self, cursor: TokenCursor, names: NameParser, builder: NodeBuilder, formulas: SubFormulas) -> None:
        self.cursor, self.name_parser, self.formulas = cursor, names, formulas
        self.names, self.node = names.names, builder.node

    def word(self) -> Node:
        """Read what a word begins."""
        token = self.name_parser.whole_word()
        special = self.special_word(token)
        if special is not None:
            return special
        first = self.cursor.at
        groups, end = self.name_parser.script_groups()
        scripts = self.names.scripts(groups)
        ref = self.names.ref(token.text, scripts)
        if exponent(scripts.above) is not None and not self.names.is_known(ref.key):  # x^3, x^{-1/2}
            scripts = scripts._replace(above="", powers=(*scripts.powers, scripts.above))
            ref = self.names.ref(token.text, scripts)
            end = self.name_parser.end_before_power(first) if groups[-1][0] == "^" else end
        if self.calls_function(ref.key):
            return self.call(ref, scripts, token)
        if token.text == "I" and not self.names.is_known(ref.key):
            self.cursor.at = first
            return self.node("eye", (), self.size(), token.start, self.cursor.end)
        return (
            self.quotient(token, scripts, end)
            or self.differential(token)
            or self.name_parser.named(token, scripts, end)
        )

    def special_word(self, token: Token) -> Node | None:
        """Read the derivative, the deriv(...) or the power of e that a word begins, or return None."""
        following = self.cursor.token
        is_sign = token.text == "δ" and not self.names.is_known("δ")
        if is_sign and following.kind in ("word", "group("):  # LaTeX: δ is a word of its own
            return self.derivative_of(token)
        if token.text == "d" and following.kind == "word" and self.d_begins_derivative():  # LaTeX: d z_1
            return self.quotient_of_letters(token) or self.derivative_of(token)
        if token.text == "deriv" and following.kind == "open":
            return self.deriv(token)
        if token.text == "e" and self.cursor.is_op("^") and not self.names.is_known("e"):
            self.cursor.at += 1
            power = self.formulas.inside(self.cursor.group())
            return self.node("call", (power,), Ref("exp"), token.start, self.cursor.end)
        return None

    def differential(self, token: Token) -> Node | None:
        """Read d(x) and d x where d was declared a differential, or return None."""
        following = self.cursor.token.kind
        if token.text != "d" or not self.names.differentials or following not in ("word", "open", "group("):
            return None
        part = self.formulas.primary()
        return self.node("differential", (part,), None, token.start, part.end)

    def size(self) -> str | None:
        """Read the size in 1_{(n,1)} or I_{n×n}; return its text, or None."""
        if not self.cursor.accept("_"):
            return None
        inner, _ = unbracketed(self.cursor.group())
        for before, token in pairwise(inner):
            self.cursor.refuse_comparison(token, before)
        return "".join(t.text for t in inner if t.kind not in ("group(", ")group"))

    def d_begins_derivative(self) -> bool:
        """Return whether a d on its own is that of dz, the derivative of the loss for z."""
        return not self.names.differentials and not self.names.is_known("d")

    def calls_function(self, key: str) -> bool:
        """Return whether a key is a function and its argument follows."""
        known = key in self.names.functions and not self.names.is_known(key)
        return known and (self.cursor.token.kind in ("open", "word", "group(", "frac") or self.cursor.is_op("'", "∇"))

    def derivative_of(self, token: Token) -> Node:
        """Read the name behind a δ or d on its own: δ h^{(t)}."""
        if self.cursor.token.kind == "group(":
            self.cursor.at += 1
            inside = self.derivative_of(token)
            self.cursor.expect(")group")
            return inside
        word = self.name_parser.whole_word()
        groups, end = self.name_parser.script_groups()
        scripts = self.names.scripts(groups)
        ref = self.name_parser.known_ref(word.text, scripts)
        return self.name_parser.powers(self.node("d", (), (ref, None), token.start, end), scripts)

    def nabla(self) -> Node:
        """Read ∇_{z24} L, ∇z24 L or ∇z24."""
        token = self.cursor.expect("op", "∇")
        if self.cursor.accept("_") or self.cursor.token.kind == "group(":
            inner: Sequence[Token] = self.cursor.group()
        else:
            first = self.cursor.at
            self.name_parser.whole_word()
            self.name_parser.script_groups()
            inner = self.cursor.tokens[first : self.cursor.at]
        ref, scripts = self.name_parser.single_name(inner, token)
        end = self.cursor.end
        if self.cursor.token.kind == "word" and self.cursor.token.text == self.names.loss:
            end = self.cursor.token.end
            self.cursor.at += 1
        return self.name_parser.powers(self.node("d", (), (ref, None), token.start, end), scripts)

    def partial(self) -> Node:
        """Read ∂L/∂z24 or ∂f/∂x."""
        token = self.cursor.expect("op", "∂")
        above = self.formulas.operand() if not self.cursor.is_op("/") else None
        self.cursor.expect("op", "/")
        self.cursor.expect("op", "∂")
        first = self.cursor.at
        below = self.name_parser.whole_word()
        _, end = self.name_parser.script_groups()
        ref, scripts = self.name_parser.single_name(self.cursor.tokens[first : self.cursor.at], below)
        return self.name_parser.powers(self.derived(above, ref, token.start, end), scripts)

    def quotient(self, token: Token, scripts: Scripts, end: int) -> Node | None:
        """Read dL/dz24 or dtanh/dx(c), as in plain text, or return None."""
        slash, denominator = self.cursor.at, self.cursor.ahead()
        if not (self.cursor.is_op("/") and is_derivative(token) and denominator.kind == "word"):
            return None
        if denominator.text[0] not in DERIVATIVE_LETTERS:
            return None
        below = denominator.text[1:]
        self.cursor.at += 2
        groups, below_end = self.name_parser.script_groups()
        below_scripts = self.names.scripts(groups)
        above = token.text[1:]
        if above == self.names.loss:
            ref = self.name_parser.known_ref(below, below_scripts)
            return self.name_parser.powers(self.node("d", (), (ref, None), token.start, below_end), below_scripts)
        derived = self.names.ref(above, scripts)
        if derived.key in self.names.functions:
            return self.prime(Ref(derived.key, None, scripts.indices), token.start)
        if self.names.is_known(derived.key):
            name, ref = self.node("name", (), derived, token.start, end), self.names.ref(below, below_scripts)
            return self.name_parser.powers(self.node("jacobian", (name,), ref, token.start, below_end), below_scripts)
        self.cursor.at = slash
        return None

    def quotient_of_letters(self, token: Token) -> Node | None:
        """Read dL/dz in LaTeX, where d and L are signs of their own, or return None."""
        first = self.cursor.at
        above = self.name_parser.whole_word()
        groups, end = self.name_parser.script_groups()
        rest = self.cursor.tokens[self.cursor.at : self.cursor.at + 3]
        slash, d, name = ([t.kind, t.text] for t in rest) if len(rest) == 3 else ([], [], [])
        if slash != ["op", "/"] or d != ["word", "d"] or name[:1] != ["word"]:
            self.cursor.at = first
            return None
        self.cursor.at += 2
        below = self.name_parser.whole_word()
        below_groups, below_end = self.name_parser.script_groups()
        scripts = self.names.scripts(below_groups)
        ref = self.name_parser.known_ref(below.text, scripts)
        if above.text == self.names.loss and not groups:
            return self.name_parser.powers(self.node("d", (), (ref, None), token.start, below_end), scripts)
        derived = self.names.ref(above.text, self.names.scripts(groups))
        if self.names.is_known(derived.key):
            jacobian = self.node(
                "jacobian", (self.node("name", (), derived, above.start, end),), ref, token.start, below_end
            )
            return self.name_parser.powers(jacobian, scripts)
        self.cursor.at = first
        return None

    def derived(self, above: Node | None, below: Ref | Node, start: int, end: int) -> Node:
        """Return ∂above/∂below; without `above`, the derivative of the operand that follows."""
        if above is None:
            body = self.formulas.operand()
            return self.node("jacobian", (body,), below, start, body.end)
        if above.kind == "name" and above.value.key == self.names.loss:
            if not isinstance(below, Ref):
                self.cursor.fail("expected one name below the derivative of the loss", below)
            return self.node("d", (), (below, None), start, end)
        return self.node("jacobian", (above,), below, start, end)

    def fraction(self) -> Node:
        r"""Read \frac{∂J}{∂z}, \frac{df}{dx}|_{x} or \frac{a}{b}."""
        token = self.cursor.expect("frac")
        above, below = self.cursor.group(), self.cursor.group()
        end = self.cursor.end
        if not (len(below) > 1 and begins_derivative(above) and begins_derivative(below)):
            return self.node("/", (self.formulas.inside(above), self.formulas.inside(below)), None, token.start, end)
        key = self.name_parser.function_name(above[1:])
        if key is not None and key.key in self.names.functions and not self.names.is_known(key.key):
            return self.prime(key, token.start)
        ref, scripts = self.denominator(below[1:], token)
        node = self.formulas.inside(above[1:]) if above[1:] else None
        return self.name_parser.powers(self.derived(node, ref, token.start, end), scripts)

    def denominator(self, tokens: Sequence[Token], near: Token) -> tuple[Ref | Node, Scripts]:
        """Return the name or the formula after the lower ∂, and the scripts of the name."""
        try:
            return self.name_parser.single_name(tokens, near)
        except LimitError:
            raise
        except DerivationError:
            return self.formulas.inside(tokens), Scripts()  # ∂a/∂tanh(c): derived for a formula

    def call(self, ref: Ref, scripts: Scripts, token: Token) -> Node:
        """Read the arguments of a function: in brackets, or the operand that follows."""
        if self.cursor.is_op("'"):
            return self.name_parser.powers(self.prime(ref, token.start), scripts)
        if self.cursor.token.kind == "open":
            self.cursor.at += 1
            parts = self.formulas.listed()
            end = self.cursor.expect("close").end
        else:
            parts = [self.formulas.operand()]
            end = parts[0].end
        if len(parts) > 2:
            self.cursor.fail(f"{token.text} takes one argument or two, not {len(parts)}", token)
        return self.name_parser.powers(self.node("call", tuple(parts), ref, token.start, end), scripts)

    def prime(self, function: Ref, start: int) -> Node:
        """Read the argument of f', in brackets or after a bar."""
        while self.cursor.accept("'"):
            pass
        if self.cursor.accept("|"):
            if not self.cursor.accept("_"):
                self.cursor.fail("expected the argument after |, as in |_{x}")
            argument = self.formulas.inside(self.cursor.group())
        elif self.cursor.token.kind == "open":
            self.cursor.at += 1
            argument = self.formulas.expression()
            self.cursor.expect("close")
        else:
            self.cursor.fail(f"the derivative of a function needs an argument: {function.key}'(x)")
        return self.node("prime", (argument,), function, start, self.cursor.end)

    def deriv(self, token: Token) -> Node:
        """Read deriv(dz, x, y, '*')."""
        self.cursor.expect("open")
        parts: list[Node] = []
        while self.cursor.token.kind != "string":
            parts.append(self.formulas.expression())
            self.cursor.expect("op", ",")
        symbol = self.cursor.expect("string").text
        end = self.cursor.expect("close").end
        if len(parts) > 3:
            self.cursor.fail("deriv needs dz, x, y and an operator, or dz, x and an operator", token)
        return self.node("deriv", tuple(parts), symbol, token.start, end)


def begins_derivative(tokens: Sequence[Token]) -> bool:
    """Return whether ∂ or d comes first."""
    return bool(tokens) and (tokens[0].kind, tokens[0].text) in (("op", "∂"), ("word", "d"))

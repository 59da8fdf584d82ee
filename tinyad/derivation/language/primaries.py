"""Names, derivatives, differentials and calls: what begins with a word, ∇, ∂ or a fraction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from tinyad.derivation.language.cursor import Cursor
from tinyad.derivation.language.names import Scripts, unbracketed
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, Ref, Token

DERIVATIVE_LETTERS = ("d", "δ", "∂")
POWERS = {"T": "transpose", "2": "square", "-1": "inverse"}
HIGHER = "3456789"


class Formulas(Protocol):
    """A reader of the formulas inside of names, derivatives and calls."""

    def expression(self) -> Node:
        """Read a formula."""

    def atom(self) -> Node:
        """Read an operand without its exponents."""

    def operand(self) -> Node:
        """Read an operand with its exponents."""


class Primaries:
    """A reader of names and of what is made of them; `formulas` reads what stands inside."""

    def __init__(self, cursor: Cursor, formulas: Formulas) -> None:
        self.cursor, self.formulas = cursor, formulas

    def inside(self, tokens: Sequence[Token]) -> Node:
        """The formula that all of these tokens make."""
        with self.cursor.within(tokens):
            node = self.formulas.expression()
            if self.cursor.at < len(tokens):
                self.cursor.unexpected()
            return node

    # Words

    def script_groups(self) -> tuple[list[tuple[str, list[Token]]], int]:
        """The scripts that follow a name, and where the name with those that belong to it ends."""
        groups: list[tuple[str, list[Token]]] = []
        end = self.cursor.end
        while self.cursor.is_op("_", "^") and self.cursor.ahead().kind == "group(":
            sign = self.cursor.token.text
            self.cursor.at += 1
            groups.append((sign, self.cursor.group()))
            if not self.cursor.names.scripts(groups[-1:]).powers:
                end = self.cursor.end
        return groups, end

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
        return not self.cursor.names.differentials and not self.cursor.names.is_known("d")

    def word(self) -> Node:  # noqa: C901, PLR0911  a case for each thing that a word may begin
        """Read what a word begins."""
        token = self.cursor.expect("word")
        if token.text == "δ" and self.cursor.token.kind in ("word", "group("):
            return self.derivative_of(token)  # LaTeX: δ is a word of its own
        if token.text == "d" and self.cursor.token.kind == "word" and self.of_the_loss():
            return self.derivative_of(token)  # LaTeX: d z_1
        if token.text == "deriv" and self.cursor.token.kind == "open":
            return self.deriv(token)
        if token.text == "e" and self.cursor.is_op("^") and not self.cursor.names.is_known("e"):
            self.cursor.at += 1
            power = self.inside(self.cursor.group())
            return self.cursor.node("call", (power,), Ref("exp"), token.start, self.cursor.end)
        begun = self.cursor.at
        groups, end = self.script_groups()
        found = self.cursor.names.scripts(groups)
        ref = self.cursor.names.ref(token.text, found)
        if found.above and found.above in HIGHER and not self.cursor.names.is_known(ref.key):  # x^3
            found = found._replace(above="", powers=(*found.powers, found.above))
            ref = self.cursor.names.ref(token.text, found)
        if self.function_here(ref.key):
            return self.call(ref, found, token)
        if token.text == "I" and not self.cursor.names.is_known(ref.key):
            self.cursor.at = begun
            return self.cursor.node("eye", (), self.size(), token.start, self.cursor.end)
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
        if (
            token.text == "d"
            and self.cursor.names.differentials
            and self.cursor.token.kind in ("word", "open", "group(")
        ):
            part = self.formulas.atom()
            return self.cursor.node("differential", (part,), None, token.start, part.end)
        return self.named(token, found, end)

    def function_here(self, key: str) -> bool:
        """Whether a key is a function, and its argument follows."""
        known = key in self.cursor.names.functions and not self.cursor.names.is_known(key)
        return known and (self.cursor.token.kind in ("open", "word", "group(", "frac") or self.cursor.is_op("'", "∇"))

    # Names

    def named(self, token: Token, found: Scripts, end: int) -> Node:
        """The one reading of a word: a name, a derivative d..., or several names side by side."""
        word = token.text
        readings = [self.name(ref, found, token.start, end) for ref in self.refs(word, found)]
        readings += self.derivatives(token, found, end)
        unnamed = self.cursor.names.ref("_", found)  # d_3 in a printed routine
        if not readings and word in ("d", "δ") and self.cursor.names.is_known(unnamed.key):
            readings = [self.cursor.node("d", (), (unnamed, None), token.start, end)]
        if not readings:
            product = self.product(token, found, end)
            if product is not None:
                return product
            readings = [self.unknown(token, found, end)]
        if len(readings) > 1:
            said = " or ".join(describe(node) for node in readings[:2])
            self.cursor.fail(
                f"{self.cursor.source.text[token.start : end]} has two readings, {said}: rename one of them", token
            )
        return self.tight_shift(readings[0], token)

    def refs(self, word: str, found: Scripts) -> list[Ref]:
        """The known names that a word can be: as it is written, or else with its scripts run together."""
        whole = self.cursor.names.ref(word, found)
        return [whole] if self.cursor.names.is_known(whole.key) else self.run_together(word, found)

    def run_together(self, word: str, found: Scripts) -> list[Ref]:
        """WfC, ft, z24: the known names whose letters a word has, script or not."""
        if found.below or found.above:
            return []
        return [
            ref._replace(time=found.time or ref.time, indices=found.indices)
            for ref in self.cursor.names.flat(word)
            if not (found.time and ref.time)
        ]

    def derivatives(self, token: Token, found: Scripts, end: int) -> list[Node]:
        """dz and δz of known names z, as derivatives of the loss or as differentials."""
        if not is_derivative(token):
            return []
        refs, start = self.refs(token.text[1:], found), token.start
        if not (self.cursor.names.differentials and token.text[0] == "d"):
            return [self.powers(self.cursor.node("d", (), (ref, None), start, end), found) for ref in refs]
        moved = [self.cursor.node("name", (), ref, start, end) for ref in refs]
        return [self.powers(self.cursor.node("differential", (name,), None, start, end), found) for name in moved]

    def product(self, token: Token, found: Scripts, end: int) -> Node | None:
        """A word that is several names; the scripts belong to the last."""
        products = self.cursor.names.products(token.text)
        if len(products) > 1:
            said = " or ".join(" ".join(ref.key for ref in refs) for refs in products[:2])
            self.cursor.fail(f"{token.text} has two readings, {said}: put spaces between the names", token)
        if not products:
            return None
        *before, last = products[0]
        last = last._replace(time=found.time or last.time, indices=found.indices)
        nodes = [self.cursor.node("name", (), ref, token.start, end) for ref in before]
        nodes.append(self.name(last, found, token.start, end))
        product = nodes[0]
        for node in nodes[1:]:
            product = self.cursor.node("*", (product, node), None, token.start, end)
        return product

    def unknown(self, token: Token, found: Scripts, end: int) -> Node:
        """A name that nothing declares; behind a d, the derivative of one."""
        word = token.text
        if len(word) > 1 and word[0] in "dδ":
            return self.powers(
                self.cursor.node("d", (), (self.cursor.names.ref(word[1:], found), None), token.start, end), found
            )
        return self.name(self.cursor.names.ref(word, found), found, token.start, end)

    def tight_shift(self, node: Node, token: Token) -> Node:
        """Ct-1, without spaces, is C at t - 1."""
        sign, number = self.cursor.token, self.cursor.ahead()
        ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
        tight = (
            self.cursor.is_op("+", "-")
            and not sign.spaced
            and self.cursor.source.text[sign.start - 1] == self.cursor.names.time
        )
        whole = number.kind == "number" and number.text.isdigit() and not number.spaced
        if ref is None or ref.time != ("t", 0) or not (tight and whole):
            return node
        self.cursor.at += 2
        shifted = ref._replace(time=("t", int(sign.text + number.text)))
        return node._replace(value=shifted if node.kind == "name" else (shifted, node.value[1]), end=number.end)

    def name(self, ref: Ref, found: Scripts, start: int, end: int) -> Node:
        """A name, and the powers of it."""
        return self.powers(self.cursor.node("name", (), ref, start, end), found)

    def powers(self, node: Node, found: Scripts) -> Node:
        """A node with the powers that were among its scripts."""
        for power in found.powers:
            kind, value = (POWERS[power], None) if power in POWERS else ("power", int(power))
            node = self.cursor.node(kind, (node,), value, node.start, self.cursor.end)
        return node

    def whole_name(self, tokens: Sequence[Token], near: Token) -> tuple[Ref, Scripts]:
        """The one name that these tokens spell."""
        with self.cursor.within(tokens):
            token = self.cursor.expect("word")
            groups, end = self.script_groups()
            found = self.cursor.names.scripts(groups)
            node = self.named(token, found._replace(powers=()), end)
            if self.cursor.at < len(tokens) or node.kind != "name":
                self.cursor.fail("expected one name after ∇ or ∂", near)
            return node.value, found

    # Derivatives

    def one_ref(self, word: str, found: Scripts) -> Ref:
        """The known name that a word is, or the word itself where there is none, or more than one."""
        refs = self.refs(word, found)
        return refs[0] if len(refs) == 1 else self.cursor.names.ref(word, found)

    def derivative_of(self, token: Token) -> Node:
        """δ h^{(t)}"""
        if self.cursor.token.kind == "group(":
            self.cursor.at += 1
            inside = self.derivative_of(token)
            self.cursor.expect(")group")
            return inside
        word = self.cursor.expect("word")
        groups, end = self.script_groups()
        found = self.cursor.names.scripts(groups)
        ref = self.one_ref(word.text, found)
        return self.powers(self.cursor.node("d", (), (ref, None), token.start, end), found)

    def nabla(self) -> Node:
        """∇_{z24} L, ∇z24 L, ∇z24"""
        token = self.cursor.expect("op", "∇")
        if self.cursor.took("_") or self.cursor.token.kind == "group(":
            inner: Sequence[Token] = self.cursor.group()
        else:
            begun = self.cursor.at
            self.cursor.expect("word")
            self.script_groups()
            inner = self.cursor.tokens[begun : self.cursor.at]
        ref, found = self.whole_name(inner, token)
        end = self.cursor.end
        if self.cursor.token.kind == "word" and self.cursor.token.text == self.cursor.names.loss:
            end = self.cursor.token.end
            self.cursor.at += 1
        return self.powers(self.cursor.node("d", (), (ref, None), token.start, end), found)

    def partial(self) -> Node:
        """∂L/∂z24, ∂f/∂x"""
        token = self.cursor.expect("op", "∂")
        above = self.formulas.operand() if not self.cursor.is_op("/") else None
        self.cursor.expect("op", "/")
        self.cursor.expect("op", "∂")
        begun = self.cursor.at
        below = self.cursor.expect("word")
        _, end = self.script_groups()
        ref, found = self.whole_name(self.cursor.tokens[begun : self.cursor.at], below)
        return self.powers(self.derived(above, ref, token.start, end), found)

    def quotient(self, token: Token, found: Scripts, end: int) -> Node | None:
        """dL/dz24 and dtanh/dx(c), in plain text."""
        slash, below = self.cursor.at, self.cursor.ahead().text[1:]
        self.cursor.at += 2
        groups, below_end = self.script_groups()
        scripts = self.cursor.names.scripts(groups)
        above = token.text[1:]
        if above == self.cursor.names.loss:
            ref = self.one_ref(below, scripts)
            return self.powers(self.cursor.node("d", (), (ref, None), token.start, below_end), scripts)
        derived = self.cursor.names.ref(above, found)
        if derived.key in self.cursor.names.functions:
            return self.prime(Ref(derived.key, None, found.indices), token.start)
        if self.cursor.names.is_known(derived.key):
            name, ref = self.cursor.node("name", (), derived, token.start, end), self.cursor.names.ref(below, scripts)
            return self.powers(self.cursor.node("jacobian", (name,), ref, token.start, below_end), scripts)
        self.cursor.at = slash
        return None

    def derived(self, above: Node | None, below: Ref | Node, start: int, end: int) -> Node:
        """∂above/∂below; without `above`, of what stands next to it."""
        if above is None:
            body = self.formulas.operand()
            return self.cursor.node("jacobian", (body,), below, start, body.end)
        if above.kind == "name" and above.value.key == self.cursor.names.loss:
            if not isinstance(below, Ref):
                self.cursor.fail("expected one name below the derivative of the loss", below)
            return self.cursor.node("d", (), (below, None), start, end)
        return self.cursor.node("jacobian", (above,), below, start, end)

    def fraction(self) -> Node:
        r"""\frac{∂J}{∂z}, \frac{df}{dx}|_{x}, \frac{a}{b}"""
        token = self.cursor.expect("frac")
        above, below = self.cursor.group(), self.cursor.group()
        end = self.cursor.end
        if not (len(below) > 1 and begins_derivative(above) and begins_derivative(below)):
            return self.cursor.node("/", (self.inside(above), self.inside(below)), None, token.start, end)
        key = self.key_of(above[1:])
        if key is not None and key.key in self.cursor.names.functions and not self.cursor.names.is_known(key.key):
            return self.prime(key, token.start)
        ref, found = self.denominator(below[1:], token)
        node = self.inside(above[1:]) if above[1:] else None
        return self.powers(self.derived(node, ref, token.start, end), found)

    def denominator(self, tokens: Sequence[Token], near: Token) -> tuple[Ref | Node, Scripts]:
        """What stands behind the ∂ below."""
        try:
            return self.whole_name(tokens, near)
        except DerivationError:
            return self.inside(tokens), Scripts()  # ∂a/∂tanh(c): derived for a formula

    # Functions

    def key_of(self, tokens: Sequence[Token]) -> Ref | None:
        """The function that these tokens name, or None."""
        if not tokens or tokens[0].kind != "word":
            return None
        with self.cursor.within(tokens):
            self.cursor.at = 1
            groups, _ = self.script_groups()
            at_end = self.cursor.at == len(tokens)
        return self.cursor.names.ref(tokens[0].text, self.cursor.names.scripts(groups)) if at_end else None

    def prime(self, function: Ref, start: int) -> Node:
        """f' with its argument: in brackets, or after a bar."""
        while self.cursor.took("'"):
            pass
        if self.cursor.took("|"):
            if not self.cursor.took("_"):
                self.cursor.fail("expected the argument after |, as in |_{x}")
            argument = self.inside(self.cursor.group())
        elif self.cursor.token.kind == "open":
            self.cursor.at += 1
            argument = self.formulas.expression()
            self.cursor.expect("close")
        else:
            self.cursor.fail(f"the derivative of a function is taken somewhere: {function.key}'(x)")
        return self.cursor.node("prime", (argument,), function, start, self.cursor.end)

    def call(self, ref: Ref, found: Scripts, token: Token) -> Node:
        """A function with its arguments: in brackets, or the operand that follows."""
        if self.cursor.is_op("'"):
            return self.powers(self.prime(ref, token.start), found)
        if self.cursor.token.kind == "open":
            self.cursor.at += 1
            parts = self.listed()
            end = self.cursor.expect("close").end
        else:
            parts = [self.formulas.operand()]
            end = parts[0].end
        if len(parts) > 2:
            self.cursor.fail(f"{token.text} of {len(parts)} arguments", token)
        return self.powers(self.cursor.node("call", tuple(parts), ref, token.start, end), found)

    def listed(self) -> list[Node]:
        """Formulas with commas between them."""
        parts = [self.formulas.expression()]
        while self.cursor.took(","):
            parts.append(self.formulas.expression())
        return parts

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
        return self.cursor.node("deriv", tuple(parts), symbol, token.start, end)


def is_derivative(token: Token) -> bool:
    """Whether a token is a word like dz."""
    return token.kind == "word" and len(token.text) > 1 and token.text[0] in DERIVATIVE_LETTERS


def begins_derivative(tokens: Sequence[Token]) -> bool:
    """Whether ∂ or d comes first."""
    return bool(tokens) and (tokens[0].kind, tokens[0].text) in (("op", "∂"), ("word", "d"))


def describe(node: Node) -> str:
    """What a reading of a word is, in words."""
    ref = node.value[0] if node.kind == "d" else node.value if node.kind == "name" else None
    if ref is None:
        return node.kind
    return f"the derivative of {ref.key}" if node.kind == "d" else f"the name {ref.key}"

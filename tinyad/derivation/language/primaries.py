"""Operands that begin with a word, ∇, ∂ or a fraction: derivatives, differentials, calls of functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from tinyad.derivation.language.name_parser import DERIVATIVE_LETTERS, NameParser, is_derivative
from tinyad.derivation.language.names import Scripts, exponent, unbracketed
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.sums import LARGE
from tinyad.derivation.language.syntax_tree import Node, Ref, Token, vec_of, walk
from tinyad.derivation.language.token_cursor import TokenCursor


class SubFormulas(Protocol):
    """Reads the formulas inside of a primary."""

    def expression(self, above: int = 0) -> Node:
        """Read a formula, up to an operation whose precedence is not above `above`."""

    def factor_follows(self) -> bool:
        """Return whether a factor follows without an operator before it."""

    def primary(self) -> Node:
        """Read an operand without its exponents."""

    def operand(self) -> Node:
        """Read an operand with its exponents."""

    def prefix(self) -> Node:
        """Read an operand with its sign, or a sum."""

    def inside(self, tokens: Sequence[Token]) -> Node:
        """Return the formula that all of these tokens make."""

    def listed(self) -> list[Node]:
        """Read formulas with commas between them."""

    def condition(self, equal: bool = False) -> Node:
        """Read a formula, or a comparison."""

    def delta(self, indices: tuple[str, ...], token: Token) -> Node:
        """Return δ_ij."""


INDICATORS = ("I", "𝟙")
COMPARISONS = (">", "<", "≥", "≤", "=", "≠")
REDUCTIONS = ("sum", "mean", "max", "min", "amax", "amin", "var", "std", "softmax", "log_softmax")
METHODS = ("sum", "mean", "amax", "amin", "var", "std", "dot", "matmul", "transpose")
NO_CHANGE = ("astype", "copy", "float", "double", "contiguous", "detach")  # methods that change no value
MATRIX_FUNCTIONS = ("log", "exp", "sqrt")
KEYWORDS = ("axis", "dim", "keepdims", "keepdim")
PRODUCTS = ("*", "∘", "/")
POWERS_OF_E = ("T", "⊤", "2")  # where e is a name as well: else e^x is the exponential
ABOVE_SUM = 10  # the precedence of + and -: what is derived goes up to the next one
AXES = {"0": "_axis0", "-2": "_axis0", "1": "_axis1", "-1": "_axis1"}


class Primaries:
    """Read what a word, ∇, ∂ or a fraction begins; `formulas` reads what is inside."""

    def __init__(self, cursor: TokenCursor, names: NameParser, builder: NodeBuilder, formulas: SubFormulas) -> None:
        self.cursor, self.name_parser, self.formulas = cursor, names, formulas
        self.names, self.node = names.names, builder.node
        self.on_left = False  # whether a left-hand side is read
        self.target: Ref | None = None  # the name that the left-hand side is derived for
        self.summing = 0  # inside how many calls of sum, mean and the like: there bars are absolute values

    def word(self) -> Node:
        """Read what a word begins."""
        token = self.name_parser.whole_word()
        special = self.special_word(token)
        if special is not None:
            return special
        if token.text in ("if", "otherwise") and not self.names.is_known(token.text):
            self.cursor.fail("a condition is read in cases, or as a factor such as 1[i = j]", token)
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
        if self.has_formula_above(ref, scripts, groups):
            return self.raised(token, groups, first)
        return (
            (None if self.names.is_known(ref.key) else self.constant(token, scripts, first))
            or self.quotient(token, scripts, end)
            or self.differential(token)
            or self.name_parser.named(token, scripts, end)
        )

    def constant(self, token: Token, scripts: Scripts, first: int) -> Node | None:
        """Read δ_ij, 𝟙[x > 0], log_2(x) or I, which are no names, or return None; the scripts begin at `first`."""
        if token.text == "δ" and len(scripts.indices) == 2 and not scripts.below + scripts.above:
            return self.formulas.delta(scripts.indices, token)
        if token.text == "log" and scripts.below in ("2", "10"):
            return self.logarithm(token, scripts)
        if token.text not in INDICATORS:
            return None
        after, self.cursor.at = self.cursor.at, first
        node = self.indicator(token)
        if node is None and token.text == "I":
            node = self.node("eye", (), self.size(), token.start, self.cursor.end)
        self.cursor.at = self.cursor.at if node else after
        return node

    def logarithm(self, token: Token, scripts: Scripts) -> Node:
        """Read log_2 or log_10: the natural logarithm over that of the base."""
        call = self.call(Ref("log"), scripts._replace(below=""), token)
        base = self.node("number", (), float(scripts.below), token.end, self.cursor.end)
        below = self.node("call", (base,), Ref("log"), token.start, self.cursor.end)
        return self.node("/", (call, below), None, token.start, self.cursor.end)

    def has_formula_above(self, ref: Ref, scripts: Scripts, groups: Sequence[tuple[str, Sequence[Token]]]) -> bool:
        """Return whether an unknown name is a known one with an exponent of names, x^p or x^{p-1}."""
        if not scripts.above or self.names.is_known(ref.key) or groups[-1][0] != "^":
            return False
        if any(t.text in self.names.exponents for t in groups[-1][1]):
            return True
        known = self.names.is_known(self.names.ref_without_above(ref))
        return known and any(t.kind == "word" and self.name_parser.knows(t.text) for t in groups[-1][1])

    def raised(self, token: Token, groups: Sequence[tuple[str, Sequence[Token]]], first: int) -> Node:
        """Return x^p of a name with its exponent as the last of its scripts, which begin at `first`."""
        scripts = self.names.scripts(groups[:-1])
        name = self.name_parser.named(token, scripts, self.name_parser.end_before_power(first))
        power = self.formulas.inside(groups[-1][1])
        return self.node("call", (name, power), Ref("**"), token.start, self.cursor.end)

    def indicator(self, token: Token) -> Node | None:
        """Read what follows the 1 of 1[x > 0], 1_{x>0} or 1{i = j}; None if no comparison does."""
        below = self.cursor.is_op("_")
        at = self.cursor.at + (2 if below else 0)
        tokens, depth = self.cursor.tokens, 0
        if at >= len(tokens) or (not below and tokens[at].kind != "open"):
            return None
        end = at
        for end in range(at + (not below), len(tokens)):
            depth += {"open": 1, "group(": 1, "close": -1, ")group": -1}.get(tokens[end].kind, 0)
            if depth < 0:
                break
        inner = tokens[at + (not below) : end]
        while len(inner) > 2 and inner[0].kind == "open" and inner[-1].kind == "close":
            inner = inner[1:-1]
        if not any(t.kind == "op" and t.text in COMPARISONS for t in inner):
            return None
        with self.cursor.within(inner):
            node = self.formulas.condition(equal=True)
            if self.cursor.at < len(inner):
                self.cursor.unexpected()
        self.cursor.at = end + 1
        return node._replace(start=token.start, end=self.cursor.end)

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
            if (
                self.names.e_is_name
                and self.cursor.ahead(2).text in POWERS_OF_E
                and self.cursor.ahead(3).kind == ")group"
            ):
                return None
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
        if self.cursor.is_op("|"):
            return known and self.cursor.ahead().text != "_"
        return known and (
            self.cursor.token.kind in ("open", "word", "group(", "frac", "number")
            or self.cursor.is_op("'", "∇", "‖", *LARGE)
        )

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
        twice = self.raised_to_two()
        below = self.cursor.accept("_")
        if below or self.cursor.token.kind == "group(":
            inner: Sequence[Token] = self.cursor.group()
            end = self.cursor.end
        else:
            first = self.cursor.at
            self.name_parser.whole_word()
            _, end = self.name_parser.script_groups()
            inner = self.cursor.tokens[first : self.cursor.at]
        sets = self.on_left and self.cursor.is_op("=") and self.cursor.ahead().text != "1"  # ∇L = 1 says nothing
        if sets and [t.text for t in inner] == [self.names.loss] and not twice:
            self.cursor.fail(f"for which name? write ∇_w {self.names.loss}, with the name in the place of w", token)
        applied = None if twice else self.gradient_of_applied(inner, token)
        if applied is not None:
            return applied
        twice = twice or self.second_derivative_follows()
        if twice:
            ref, _ = self.name_parser.single_name(inner, token)
            if self.cursor.token.text != self.names.loss:
                self.cursor.fail(f"expected the loss {self.names.loss} behind ∇², a second derivative")
            self.cursor.at += 1
            self.name_parser.skip_arguments()
            return self.node("hessian", (), (ref, ref), token.start, self.cursor.end)
        return self.nabla_of(inner, token, end, below)

    def gradient_of_applied(self, inner: Sequence[Token], token: Token) -> Node | None:
        """Read the argument of ∇f(x), where f is the loss or was computed for it; None if this is no such name."""
        if self.cursor.token.kind != "open" or self.cursor.token.spaced or not inner or inner[0].kind != "word":
            return None
        key = "".join(t.text for t in inner)
        first = self.cursor.at + 1
        if key not in (self.names.loss, *self.names.applied) or not self.name_parser.skip_arguments():
            return None
        tokens, end = self.cursor.tokens[first : self.cursor.at - 1], self.cursor.end
        if any(t.text in (",", ";") for t in tokens) or not self.name_parser.knows(tokens[0].text):
            self.cursor.fail(f"for which name? write ∇_w {key}, with the name in the place of w", token)
        ref, _ = self.name_parser.single_name(tokens, token)
        if key == self.names.loss:
            return self.node("d", (), (ref, None), token.start, end)
        name = self.node("name", (), Ref(key), inner[0].start, inner[-1].end)
        number = self.node("call", (name,), Ref("number"), name.start, end)
        return self.node("jacobian", (number,), ref, token.start, end)

    def raised_to_two(self) -> bool:
        """Read the 2 of ∇² and ∂², and return whether it was there."""
        two = self.cursor.is_op("^") and self.cursor.ahead(2).text == "2" and self.cursor.ahead(3).kind == ")group"
        if two:
            self.cursor.at += 1
            self.cursor.group()
        return two

    def second_derivative_follows(self) -> bool:
        """Read the 2 of ∇_w^2 L; without the loss behind it, it is the square of a derivative."""
        at = self.cursor.at
        if self.raised_to_two() and self.cursor.token.text == self.names.loss:
            return True
        self.cursor.at = at
        return False

    def hessian(self, below: Sequence[Token], token: Token, end: int) -> Node:
        """Return ∂²L/∂w∂v: `below` are the tokens of the denominator, w^2 or two names."""
        tokens = [t for t in below if not (t.text == "∂" or (t.text == "d" and t.kind == "word"))]
        refs: list[Ref] = []
        with self.cursor.within(tokens):
            while self.cursor.at < len(tokens):
                word = self.cursor.token
                word = word._replace(text=word.text[1:]) if is_derivative(word) else word
                self.cursor.tokens = [*tokens[: self.cursor.at], word, *tokens[self.cursor.at + 1 :]]
                self.name_parser.whole_word()
                first = self.cursor.at
                groups, _ = self.name_parser.script_groups()
                scripts = self.names.scripts(groups)
                refs.append(self.name_parser.known_ref(word.text, scripts._replace(powers=())))
                self.cursor.at = max(self.cursor.at, first)
                if scripts.powers == ("2",):
                    refs.append(refs[-1])
        if len(refs) != 2:
            self.cursor.fail("a second derivative is ∂²L/∂w², ∂²L/∂w∂wᵀ or ∇_w² L", token)
        return self.node("hessian", (), tuple(refs), token.start, end)

    def nabla_of(self, inner: Sequence[Token], token: Token, end: int, below: bool) -> Node:
        """Return the derivative for the name behind or `below` a ∇ or ∂, up to `end`, and read the loss behind it."""
        ref, scripts = self.name_parser.single_name(inner, token)
        if self.cursor.token.kind == "word" and self.cursor.token.text == self.names.loss:
            self.cursor.at += 1
            self.name_parser.skip_arguments()
            end = self.cursor.end
        elif not scripts.powers and self.formulas.factor_follows():
            gradient = self.gradient(ref, token) if self.on_left or (below and self.target == ref) else None
            if gradient is not None:
                return gradient
        return self.name_parser.powers(self.node("d", (), (ref, None), token.start, end), scripts)

    def gradient(self, ref: Ref, token: Token) -> Node:
        """Read the formula behind ∇_w on a left-hand side, or on the right of a line for ∇_w.

        Elsewhere ∇_w or ∇w without the loss is the derivative of the loss, a factor of a product.
        """
        with self.names.binding(ref.indices):
            body = self.formulas.expression(ABOVE_SUM)
        return self.applied(body, ref, token, Ref("number"))

    def applied(self, body: Node, below: Ref | Node, token: Token, function: Ref | None = None) -> Node:
        """Return the derivative of a product, up to a factor of it that is a derivative; `function` is called on it."""
        if body.kind in PRODUCTS and holds_derivative(body):
            left = self.applied(body.parts[0], below, token, function)
            return self.node(body.kind, (left, *body.parts[1:]), body.value, token.start, body.end)
        first = body
        while first.kind in PRODUCTS:
            first = first.parts[0]
        if body.kind in PRODUCTS and first.kind == "bracket":
            what = self.cursor.source.text[token.start : first.end]
            self.cursor.fail(f"{what} is derived, or the whole product? put [ ] around what is derived", first)
        if function:
            body = self.node("call", (body,), function, body.start, body.end)
        return self.node("jacobian", (body,), below, token.start, body.end)

    def partial(self) -> Node:
        """Read ∂L/∂z24 or ∂f/∂x."""
        token = self.cursor.expect("op", "∂")
        if self.cursor.accept("_"):
            inner = self.cursor.group()
            return self.nabla_of(inner, token, self.cursor.end, below=True)
        if self.raised_to_two():
            return self.second_partial(token)
        above = self.formulas.operand() if not self.cursor.is_op("/") else None
        self.cursor.expect("op", "/")
        self.cursor.expect("op", "∂")
        first = self.cursor.at
        below = self.name_parser.whole_word()
        _, end = self.name_parser.script_groups()
        if self.names.functions.get(below.text) == "vec" and self.cursor.token.kind == "open":
            self.cursor.at = first
            vec = self.formulas.operand()
            return self.derived(above, vec, token, vec.end)
        ref, scripts = self.name_parser.single_name(self.cursor.tokens[first : self.cursor.at], below)
        return self.name_parser.powers(self.derived(above, ref, token, end), scripts)

    def second_partial(self, token: Token) -> Node:
        """Read the rest of ∂²L/∂w² or ∂²L/∂w∂v."""
        self.cursor.expect("word", self.names.loss)
        self.cursor.expect("op", "/")
        first = self.cursor.at
        while self.cursor.accept("∂"):
            self.name_parser.whole_word()
            self.name_parser.script_groups()
        return self.hessian(self.cursor.tokens[first : self.cursor.at], token, self.cursor.end)

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

    def derived(self, above: Node | None, below: Ref | Node, near: Token, end: int) -> Node:
        """Return ∂above/∂below; without `above`, the derivative of the product that follows."""
        start = near.start
        if above is None:
            with self.names.binding(below.indices if isinstance(below, Ref) else ()):
                above = self.formulas.expression(ABOVE_SUM)
            of_loss = above.kind == "name" and above.value.key == self.names.loss and isinstance(below, Ref)
            return self.node("d", (), (below, None), start, above.end) if of_loss else self.applied(above, below, near)
        if above.kind == "name" and above.value.key == self.names.loss:
            if not isinstance(below, Ref) and vec_of(below) is None:
                self.cursor.fail("expected one name below the derivative of the loss", below)
            if isinstance(below, Ref):
                return self.node("d", (), (below, None), start, end)
        return self.node("jacobian", (above,), below, start, end)

    def fraction(self) -> Node:
        r"""Read \frac{∂J}{∂z}, \frac{df}{dx}|_{x} or \frac{a}{b}."""
        token = self.cursor.expect("frac")
        above, below = self.cursor.group(), self.cursor.group()
        end = self.cursor.end
        if [t.text for t in above[1:4] if t.kind != ")group"] == ["^", "", "2"] and begins_derivative(above):
            if self.names.loss not in (above[-1].text, *(t.text for t in above[4:6])):
                self.cursor.fail(f"a second derivative is that of the loss {self.names.loss}", token)
            return self.hessian(below, token, end)
        if not (len(below) > 1 and begins_derivative(above) and begins_derivative(below)):
            return self.node("/", (self.formulas.inside(above), self.formulas.inside(below)), None, token.start, end)
        key = self.name_parser.function_name(above[1:])
        if key is not None and key.key in self.names.functions and not self.names.is_known(key.key):
            return self.prime(key, token.start)
        ref, scripts = self.denominator(without_braces(below[1:]), token)
        node = self.formulas.inside(above[1:]) if above[1:] else None
        return self.name_parser.powers(self.derived(node, ref, token, end), scripts)

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
        if self.cursor.token.kind == "open" and self.cursor.token.text != "⟨":
            parts, axis = self.arguments(self.names.functions.get(ref.key, ref.key))
        else:
            parts, axis = [self.argument()], ""
        end = self.cursor.end
        return self.name_parser.powers(self.called(ref, parts, axis, token, end), scripts)

    def argument(self) -> Node:
        """Read the argument of a function without brackets: a sum, an operand, or a number and π as in log 2π."""
        if self.cursor.is_op(*LARGE):
            return self.formulas.prefix()
        first = self.formulas.operand()
        if first.kind != "number" or self.cursor.token.kind != "word" or not self.names.is_pi(self.cursor.token.text):
            return first
        second = self.formulas.operand()
        return self.node("*", (first, second), None, first.start, second.end)

    def arguments(self, function: str) -> tuple[list[Node], str]:
        """Read the arguments of a call in brackets; return those that are formulas, and the end of axis=0 or axis=1."""
        self.cursor.expect("open")
        self.summing += function in REDUCTIONS
        parts, axis, first = list[Node](), "", True
        while first or self.cursor.accept(","):
            first = False
            if self.cursor.token.kind == "close" and function in METHODS:  # A.sum()
                break
            word, sign = self.cursor.token, self.cursor.ahead()
            if word.kind == "word" and sign.text == "=" and word.text in KEYWORDS:
                self.cursor.at += 2
                value = "-" * self.cursor.accept("-") + self.cursor.token.text
                if word.text.startswith("keep") and value not in ("True", "False"):
                    self.cursor.fail("expected True or False")
                self.cursor.at += 1
                axis = self.axis(value, word) if word.text in ("axis", "dim") else axis
                if not self.cursor.is_op(","):
                    break
            else:
                parts.append(self.formulas.condition())
        self.summing -= function in REDUCTIONS
        self.cursor.expect("close")
        return parts, axis

    def axis(self, value: str, token: Token) -> str:
        """Return the end of a function's name along an axis."""
        if value not in AXES:
            self.cursor.fail("an axis is 0, over the rows, or 1, over the columns", token)
        return AXES[value]

    def method(self, node: Node) -> Node:
        """Read the call behind a dot: A.sum(axis=0), A.dot(B)."""
        self.cursor.expect("op", ".")
        token = self.cursor.expect("word")
        if token.text in NO_CHANGE:
            self.skip_brackets()
            return self.node("bracket", (node,), "(", node.start, self.cursor.end)
        if token.text == "reshape":
            return self.reshaped(node, token)
        key = self.names.functions.get(token.text, "")
        key = {"max": "amax", "min": "amin"}.get(key, key)  # X.max(0) is along an axis
        if key not in METHODS:
            known = ", ".join(f".{name.removeprefix('a')}(...)" for name in METHODS)
            self.cursor.fail(f".{token.text}(...) is not read; leave it out, or write .T, {known}", token)
        parts, axis = self.arguments(key)
        return self.called(Ref(key), [node, *parts], axis, token, self.cursor.end)._replace(start=node.start)

    def skip_brackets(self) -> list[Token]:
        """Read what is in brackets without a meaning for a formula, and return its tokens."""
        self.cursor.expect("open")
        first, depth = self.cursor.at, 1
        while depth:
            if self.cursor.token.kind == "end":
                self.cursor.expect("close")
            depth += {"open": 1, "close": -1}.get(self.cursor.token.kind, 0)
            self.cursor.at += 1
        return list(self.cursor.tokens[first : self.cursor.at - 1])

    def reshaped(self, node: Node, token: Token) -> Node:
        """Read A.reshape(-1, 1) and A.reshape(1, -1): a column or a row of what is one of the two."""
        texts = "".join(t.text for t in self.skip_brackets()).strip("()")
        if texts not in ("-1,1", "1,-1"):
            self.cursor.fail(f".reshape({texts}) is not read; leave it out, or write .T", token)
        function = Ref("as_column" if texts == "-1,1" else "as_row")
        return self.node("call", (node,), function, node.start, self.cursor.end)

    def called(self, ref: Ref, parts: list[Node], axis: str, token: Token, end: int) -> Node:
        """Return the call of a function, by NumPy's rules for an axis and for where."""
        key = self.names.functions.get(ref.key, ref.key)
        if key in REDUCTIONS and len(parts) == 2 and key not in ("max", "min"):
            number = self.cursor.source.text[parts[1].start : parts[1].end]
            parts, axis = parts[:1], self.axis(number, token)
        if axis:
            if key not in REDUCTIONS or len(parts) != 1:
                self.cursor.fail(f"{token.text} has no axis", token)
            ref = Ref(key + axis)
        if key == "where" and len(parts) == 3:
            test, yes, no = parts
            return self.node("cases", (yes, test, no), None, token.start, end)
        if key == "tr" and len(parts) == 1 and parts[0].kind == "call" and parts[0].value.key in MATRIX_FUNCTIONS:
            name = parts[0].value.key
            self.cursor.fail(f"{name} is taken of every entry; the {name} of a matrix is not read", parts[0])
        if len(parts) > 2 or not parts:
            self.cursor.fail(f"{token.text} takes one argument or two, not {len(parts)}", token)
        return self.node("call", tuple(parts), ref, token.start, end)

    def prime(self, function: Ref, start: int) -> Node:
        """Read the argument of f', in brackets or after a bar."""
        while self.cursor.accept("'"):
            pass
        if self.cursor.accept("|"):
            if not self.cursor.accept("_"):
                self.cursor.fail("expected the argument after |, as in |_{x}")
            at = self.cursor.group()
            equals = next((k for k, t in enumerate(at) if (t.kind, t.text) == ("op", "=")), -1)
            argument = self.formulas.inside(at[equals + 1 :])  # x of |_{u = x}
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


def without_braces(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the name of \\partial{x_i} without the braces around it."""
    while len(tokens) > 2 and tokens[0].kind == "group(" and tokens[-1].kind == ")group":
        tokens = tokens[1:-1]
    return tokens


def holds_derivative(product: Node) -> bool:
    """Return whether a factor of a product but the first is a derivative."""
    while product.kind in PRODUCTS:
        product, factor = product.parts
        if any(node.kind in ("d", "jacobian", "prime") for node in walk(factor)):
            return True
    return False


def begins_derivative(tokens: Sequence[Token]) -> bool:
    """Return whether ∂ or d comes first."""
    return bool(tokens) and (tokens[0].kind, tokens[0].text) in (("op", "∂"), ("word", "d"))

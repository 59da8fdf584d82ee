"""Tokens to trees: lines, and formulas by precedence climbing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinyad.derivation.language.abbreviations import resolved
from tinyad.derivation.language.limits import MATRIX_ENTRIES, OPERATION_DEPTH, READ_MEMBERS, TOO_MANY_OPERATIONS
from tinyad.derivation.language.name_parser import POWERS, NameParser, power_of
from tinyad.derivation.language.names import Names, exponent, power_text, unbracketed
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.primaries import Primaries
from tinyad.derivation.language.segments import is_condition
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.sums import TURNED, Condition, Sums
from tinyad.derivation.language.syntax_tree import Node, OfColumn, Ref, Statement, Token, Undecided, Vec, vec_of, walk
from tinyad.derivation.language.token_cursor import TokenCursor

SUM, FROBENIUS, NEGATION, PRODUCT = 10, 12, 15, 20  # precedence of + and -, of A : B, of a sign, of a product
PRODUCTS = {"∘": "∘", "@": "*", "/": "/", "*": "", "·": "", "⊗": "", "×": "*"}
FACTOR_KINDS = ("word", "number", "ones", "open", "frac", "group(", "matrix(")
CASE_WORDS, OTHERWISE = ("if", "for", "when", "where"), ("otherwise", "else")
ZERO = ("number", 0.0)
SUFFIXES = {**POWERS, "⊤": "transpose", "'": "transpose"}


class Parser:
    """Read formulas from tokens.  `meaning` says what * and · are: "*", "∘", or "" if that was not declared."""

    def __init__(self, source: Source, names: Names, meaning: dict[str, str]) -> None:
        self.names, self.meaning = names, meaning
        self.cursor, builder = TokenCursor(source), NodeBuilder(source)
        self.node = builder.node
        self.name_parser = NameParser(self.cursor, names, builder)
        self.primaries = Primaries(self.cursor, self.name_parser, builder, self)
        self.sums = Sums(self.cursor, names, builder, self.expression)
        self.nested = 0
        self.in_norm = self.in_bars = self.in_cases = False

    # Statements

    def statement(self, tokens: Sequence[Token], number: str = "", title: str = "") -> Statement:
        """Return the statement that the tokens of a line make, without its number."""
        self.cursor.tokens, self.cursor.at, self.nested = tokens, 0, 0
        self.in_norm = self.in_bars = self.in_cases = False
        self.names.with_index.clear()
        self.cursor.tokens = tokens = self.names.with_primes(tokens)
        if len(tokens) > 1 and tokens[-1].kind == "word" and tokens[-1].text == "given":
            given = (self.inside(tokens[:-1]),)
            return Statement(number, given, "given", (), tokens[0].start, tokens[-1].end, title, tuple(tokens))
        self.primaries.on_left, self.primaries.target = True, None
        self.names.bound.clear()
        self.sums.compares = False
        left = self.left_hand_sides()
        self.primaries.on_left, self.primaries.target = False, derived_name(left)
        self.names.bound += indices_of(left)
        sign = self.cursor.token
        if not self.cursor.is_op("=", "+=", "≡"):
            self.cursor.fail("expected = or +=: a line is `derivative = formula`")
        members: list[Node] = []
        while self.cursor.is_op("=", "+=", "≡"):
            if members and self.cursor.token.text == "+=":
                self.cursor.fail("+= is allowed only once, after the left-hand side")
            self.cursor.at += 1
            members.append(self.member())
        left, members = self.as_meant(left, members)
        if self.cursor.token.kind != "end":
            self.cursor.unexpected()
        kind = "+=" if sign.text == "+=" else "="
        left, vec = self.unstacked(left)
        return Statement(number, left, kind, tuple(members), tokens[0].start, tokens[-1].end, title, tuple(tokens), vec)

    def as_meant(self, left: tuple[Node, ...], members: list[Node]) -> tuple[tuple[Node, ...], list[Node]]:
        """Return both sides under the condition that follows, with abbreviations resolved, for ∇L instead of -∇L."""
        if self.condition_follows():
            members = self.under_condition(members, left[0])
        if self.sums.compares:
            members = self.sums.with_lengths(members, left)
        if self.names.abbreviations:
            members = [resolved(member, self.names.abbreviations) for member in members]
            left = tuple(self.set_derivative(node) for node in left)
        of_derivative = left[0].parts[0].kind == "d" if left[0].kind == "neg" else left[0].kind in ("d", "jacobian")
        if len(members) > 1 and of_derivative and (members[-1].kind, members[-1].value) == ZERO:
            members = members[:-1]  # to which the author sets the derivative, as for an optimum
        if len(left) == 1 and left[0].kind == "neg" and of_derivative:
            return left[0].parts, [self.node("neg", (it,), None, it.start, it.end) for it in members]
        return left, members

    def condition_follows(self) -> bool:
        """Return whether the line ends in a condition on indices: if i = j."""
        rest = self.cursor.tokens[self.cursor.at : self.cursor.at + 6]
        return is_condition(rest) and {t.text for t in rest[1:4]} - {"=", "≠"} <= self.names.indices

    def under_condition(self, members: Sequence[Node], left: Node) -> list[Node]:
        """Return formulas that say something of the left-hand side only where a condition at the end holds."""
        token = self.cursor.token
        self.cursor.at += 1
        test = self.compared_indices()
        if test is None:
            self.cursor.fail("a condition is read in cases, or as a factor such as 1[i = j]", token)
        return [self.node("cases", (member, test, left), None, member.start, member.end) for member in members]

    def set_derivative(self, left: Node) -> Node:
        """Return the derivative that an abbreviation on a left-hand side stands for."""
        node = resolved(left, self.names.abbreviations) if left.kind == "name" else left
        inside = node.parts[0] if node.kind == "bracket" else node
        derivative = inside.parts[0] if inside.kind == "neg" else inside
        return inside if derivative.kind == "d" else left

    def unstacked(self, left: tuple[Node, ...]) -> tuple[tuple[Node, ...], Vec | None]:
        """Return the derivative in vec(∇W) or ∂L/∂vec(W) as the left-hand side, and how its entries are stacked."""
        side = left[0]
        if side.kind == "jacobian" and isinstance(side.value, Node) and side.parts[0].kind == "name":
            name = vec_of(side.value)
            if name is not None and name.kind == "name" and side.parts[0].value.key == self.names.loss:
                vec = Vec.FOR_ROW if side.value.kind == "transpose" else Vec.FOR_VEC
                return (self.node("d", (), (name.value, None), side.start, side.end), *left[1:]), vec
        inner = vec_of(side) if side.kind == "call" else None
        if len(left) > 1 or inner is None or inner.kind != "d" or inner.value[0].indices:
            return left, None
        return (inner,), Vec.OF_DERIVATIVE

    def member(self) -> Node:
        """Read a member of a chain; one that was read before, in this line or another form of it, is not read again."""
        cursor, known = self.cursor, self.names.read_members
        first, end = cursor.at, self.end_of_member()
        key = (cursor.source.name, self.primaries.target, *sorted(self.names.bound), *cursor.tokens[first:end])
        if key in known:
            cursor.at = end
            return known[key]
        node = self.expression()
        if cursor.at == end:
            if len(known) >= READ_MEMBERS:
                known.clear()
            known[key] = node
        return node

    def end_of_member(self) -> int:
        """Return where the next equals sign outside of brackets is, or the end of the line."""
        tokens, depth = self.cursor.tokens, 0
        for k in range(self.cursor.at, len(tokens)):
            kind, text = tokens[k][:2]
            depth += (kind in ("open", "group(", "matrix(")) - (kind in ("close", ")group", ")matrix"))
            if depth == 0 and kind == "op" and text in ("=", "+=", "≡"):
                return k
        return len(tokens)

    def declared_name(self, tokens: Sequence[Token]) -> Node:
        """Return a name exactly as it is declared, without a look-up among the known names."""
        cursor, first = self.cursor, tokens[0]
        with cursor.within(tokens):
            if first.text in ("Σ", "Π") and (len(tokens) == 1 or tokens[1].text != "_"):
                first = first._replace(kind="word")
            texts = [t.text for t in tokens]
            if first.kind == "word" and ["^", "", "2", ""] in (texts[-4:], texts[1:5]):
                self.names.squared.add(self.joined(tokens).text)
                tokens = cursor.tokens = self.names.with_squares(tokens)
                first = tokens[0]
            if first.kind != "word":
                node = self.expression()
            else:
                first = self.joined(tokens)
                groups, end = self.name_parser.script_groups()
                arguments = self.name_parser.skip_arguments()
                if arguments:
                    self.names.applied[self.names.ref(first.text, self.names.scripts(groups)).key] = arguments
                    end = cursor.end
                node = Node("name", (), self.names.ref(first.text, self.names.scripts(groups)), first.start, end)
            if cursor.at < len(tokens):
                cursor.fail("names are separated by commas")
            if node.kind != "name":
                cursor.fail("expected a name", node)
            return node

    def joined(self, tokens: Sequence[Token]) -> Token:
        """Read the letters, digits and primes of a name: all that stands side by side, also in LaTeX."""
        cursor, word = self.cursor, tokens[0]
        cursor.at = 1
        while cursor.at < len(tokens) and cursor.token.start == word.end and cursor.token.kind in ("word", "number"):
            word = word._replace(text=word.text + cursor.token.text, end=cursor.token.end)
            cursor.at += 1
        while cursor.at < len(tokens) and cursor.accept("'"):
            self.names.primed.add(word.text)
            word = word._replace(text=word.text + "'", end=cursor.end)
        return word

    def derivatives(self, tokens: Sequence[Token]) -> list[Node]:
        """Return the derivatives of the loss that are listed with commas between them."""
        nodes: list[Node] = []
        tokens = self.names.with_primes(tokens)
        with self.cursor.within(tokens):
            while not nodes or self.cursor.accept(","):
                nodes.append(self.expression())
                if nodes[-1].kind != "d":
                    self.cursor.fail("expected a derivative, as in `given: ∇h_t`", nodes[-1])
            if self.cursor.at < len(tokens):
                self.cursor.unexpected()
        return nodes

    def function_name(self, tokens: Sequence[Token]) -> Ref | None:
        """Return the function that these tokens name, or None."""
        return self.name_parser.function_name(tokens)

    def left_hand_sides(self) -> tuple[Node, ...]:
        """Read a formula, or [dx, dy] before an equals sign."""
        if self.cursor.token.kind != "open" or self.cursor.token.text != "[":
            return (self.expression(),)
        depth, k = 0, 0
        while self.cursor.ahead(k).kind != "end":
            depth += {"open": 1, "close": -1}.get(self.cursor.ahead(k).kind, 0)
            k += 1
            if depth == 0:
                break
        if self.cursor.ahead(k).kind != "op" or self.cursor.ahead(k).text not in ("=", "+="):
            return (self.expression(),)
        self.cursor.at += 1
        left = self.listed()
        if self.cursor.is_op(";"):
            self.cursor.fail("write one line for each part of [a; b], with its part of the right-hand side")
        self.cursor.expect("close", "]")
        return tuple(left)

    def inside(self, tokens: Sequence[Token]) -> Node:
        """Return the formula that all of these tokens make."""
        tokens = self.names.with_primes(tokens)
        with self.cursor.within(tokens):
            node = self.expression()
            if self.cursor.at < len(tokens):
                self.cursor.unexpected()
            return node

    def listed(self) -> list[Node]:
        """Read formulas with commas between them."""
        parts = [self.expression()]
        while self.cursor.accept(","):
            parts.append(self.expression())
        return parts

    # Formulas

    def expression(self, above: int = 0) -> Node:
        """Read a formula, up to an operation whose precedence is not above `above`."""
        self.nested += 1
        if self.nested > OPERATION_DEPTH:
            self.cursor.fail(TOO_MANY_OPERATIONS)
        left = self.prefix()
        while above < self.precedence():
            sign = self.cursor.token
            if self.cursor.accept("+", "-"):
                right = self.expression(SUM)
                left = self.node(sign.text, (left, right), None, left.start, right.end)
            elif self.cursor.accept(":"):
                right = self.expression(FROBENIUS)
                left = self.node("call", (left, right), Ref("inner"), left.start, right.end)
            elif self.cursor.accept(*PRODUCTS):
                left = self.product(left, sign)
            else:
                right = self.expression(PRODUCT)
                left = self.node("*", (left, right), None, left.start, right.end)
        self.nested -= 1
        return left

    def precedence(self) -> int:
        """Return the precedence of the next operation, or 0 if there is none."""
        if self.cursor.is_op("+", "-"):
            return SUM
        if self.cursor.is_op(":") and self.cursor.ahead().kind != ")matrix":
            return 0 if self.in_cases else FROBENIUS
        return PRODUCT if self.cursor.is_op(*PRODUCTS) or self.factor_follows() else 0

    def product(self, left: Node, sign: Token) -> Node:
        """Read the second factor of a product."""
        undecided = sign.text in ("·", "*") and not self.meaning.get(sign.text)
        kind = "*" if undecided else PRODUCTS[sign.text] or self.product_kind(sign)
        right = self.expression(PRODUCT)
        if kind in ("outer", "kron"):
            return self.node("call", (left, right), Ref(kind), left.start, right.end)
        place = Undecided(sign.start, sign.end) if undecided else (sign.start, sign.end)
        return self.node(kind, (left, right), place, left.start, right.end)

    def product_kind(self, token: Token) -> str:
        """Return the product that ⊗ was declared to be."""
        kind = self.meaning.get(token.text, "")
        if not kind:
            readings = " or ".join(f"`{token.text}: {text}`" for text in ("outer product", "Kronecker product"))
            self.cursor.fail(f"{token.text} has more than one reading: declare one, {readings}", token)
        return kind

    def factor_follows(self) -> bool:
        """Return whether a factor follows without an operator before it."""
        if self.condition_follows():
            return False
        if self.cursor.is_op("‖"):
            return not self.in_norm
        if self.cursor.is_op("|"):
            return not self.in_bars and self.cursor.ahead().text != "_"
        return self.cursor.token.kind in FACTOR_KINDS or self.cursor.is_op("∇", "∂", "Σ", "Π")

    def prefix(self) -> Node:
        """Read an operand with its sign, or a sum."""
        token = self.cursor.token
        if self.cursor.accept("+", "-"):
            part = self.expression(NEGATION)
            return part if token.text == "+" else self.node("neg", (part,), None, token.start, part.end)
        return self.sums.sum() if self.sums.begins() else self.operand()

    def operand(self) -> Node:
        """Read an operand with its exponents and labels: ^T, ', ^2, ^{-1}, |_{label}."""
        node = self.primary()
        while True:
            if self.cursor.is_op("^") and self.cursor.ahead().kind == "group(":
                start = self.cursor.at
                self.cursor.at += 1
                group = self.cursor.group()
                text = power_text(group)
                if text in ("-T", "-⊤"):
                    inverse = self.node("inverse", (node,), None, node.start, self.cursor.end)
                    node = self.node("transpose", (inverse,), None, node.start, self.cursor.end)
                    continue
                bare = text.removeprefix("∘")
                if text not in SUFFIXES and exponent(bare) is not None:
                    kind, value = power_of(text)
                    node = self.node(kind, (node,), value, node.start, self.cursor.end)
                    continue
                if text not in SUFFIXES:
                    node = self.raised(node, group, start)
                    continue
                node = self.node(SUFFIXES[text], (node,), None, node.start, self.cursor.end)
            elif self.cursor.accept("'"):
                node = self.node("transpose", (node,), None, node.start, self.cursor.end)
            elif self.cursor.is_op("|") and self.cursor.ahead().text == "_":
                self.cursor.at += 1
                node = self.labelled(node)
            elif self.cursor.is_op("_"):
                node = self.component(node)
            elif self.calls_method():
                node = self.primaries.method(node)
            else:
                return node

    def component(self, node: Node) -> Node:
        """Read the index of a formula in brackets: (X w)_i."""
        sign = self.cursor.token
        self.cursor.at += 1
        letters = tuple(c for t in self.cursor.group() if t.kind == "word" for c in t.text)
        if node.kind not in ("bracket", "call") or not letters or not set(letters) <= self.names.indices:
            self.cursor.fail("only a formula in brackets has an index, as in (X w)_i; give it a name", sign)
        return self.node("component", (node,), letters, node.start, self.cursor.end)

    def calls_method(self) -> bool:
        """Return whether a dot, the name of a method and a bracket come next."""
        dot, word, bracket = self.cursor.token, self.cursor.ahead(), self.cursor.ahead(2)
        tight = dot.text == "." and dot.kind == "op" and not (dot.spaced or word.spaced)
        return tight and word.kind == "word" and bracket.kind == "open" and not bracket.spaced

    def raised(self, node: Node, group: Sequence[Token], start: int) -> Node:
        """Return node^p, where the exponent is a formula of names."""
        if any(t.kind == "word" and self.name_parser.knows(t.text) for t in group):
            power = self.inside(group)
            return self.node("call", (node, power), Ref("**"), node.start, self.cursor.end)
        text = "".join(token.text for token in unbracketed(group)[0])
        message = f"^{text} is not known; a formula can have ^T, ^-1, ^2, ^3, ^{{1/2}} and the like"
        self.cursor.fail(message, self.cursor.tokens[start])

    def labelled(self, node: Node) -> Node:
        """Read the label that names a part of a derivative: ∂J/∂a |_{Comp-1}."""
        if not self.cursor.accept("_"):
            self.cursor.fail("expected a label after |, as in |_{Comp-1}")
        label = "".join(token.text for token in self.cursor.group())
        if node.kind != "d":
            self.cursor.fail("only a derivative of the loss can have a label |_{...}", node)
        ref, _ = node.value
        return self.node("d", (), (ref, label), node.start, self.cursor.end)

    def primary(self) -> Node:
        """Read an operand without its exponents and labels."""
        token = self.cursor.token
        if token.kind == "op" and token.text in ("Σ", "Π") and self.names.is_known(token.text):
            cursor = self.cursor
            cursor.tokens = [*cursor.tokens[: cursor.at], token._replace(kind="word"), *cursor.tokens[cursor.at + 1 :]]
            return self.primaries.word()
        if token.kind == "op" and token.text in OPERATOR_PRIMARIES:
            return OPERATOR_PRIMARIES[token.text](self)
        if token.kind in PRIMARIES:
            return PRIMARIES[token.kind](self)
        if token.kind == "end":
            self.cursor.fail("expected a formula, but the line ends")
        if token.kind == "dots":
            self.cursor.fail("dots leave out terms that a check needs: write a sum such as Σ_i x_i y_i, or all terms")
        self.cursor.unexpected()

    def number(self) -> Node:
        """Read a number, or ones with their size."""
        token = self.cursor.token
        self.cursor.at += 1
        indicator = self.primaries.indicator(token) if token.text == "1" else None
        if indicator is not None:
            return indicator
        if token.kind == "ones" or (token.text == "1" and self.cursor.is_op("_")):
            return self.node("ones", (), self.primaries.size(), token.start, self.cursor.end)
        return self.node("number", (), float(token.text), token.start, token.end)

    def grouped(self) -> Node:
        """Read a formula between the braces of LaTeX."""
        self.cursor.expect("group(")
        inside = self.expression()
        self.cursor.expect(")group")
        return inside

    def bracket(self) -> Node:
        """Read a formula in brackets, [a, b; c, d], or ⟨x, y⟩."""
        if self.cursor.token.text == "⟨":
            return self.inner_product()
        token = self.cursor.expect("open")
        outside, self.in_bars = self.in_bars, False
        node = self.in_brackets(token)
        self.in_bars = outside
        return node

    def in_brackets(self, token: Token) -> Node:
        """Read what follows an opening bracket, and the closing one."""
        first = self.condition()
        if token.text == "[" and self.cursor.is_op(",", ";"):
            return self.entries(first, token, "close")
        if self.cursor.is_op(","):
            self.cursor.fail("a list needs square brackets")
        end = self.cursor.expect("close").end
        return self.node("bracket", (first,), token.text, token.start, end)

    def condition(self, equal: bool = False) -> Node:
        """Read a formula, or comparisons such as x > 0 and 0 < x < 1; with = between indices where `equal`."""
        indices = self.compared_indices() if equal or self.cursor.ahead().text != "=" else None
        if indices is not None:
            return indices
        node = before = self.expression()
        whole: Node | None = None
        signs = (">", "<", "≥", "≤", *(("=", "≠") if equal else ()))
        while self.cursor.is_op(*signs):
            sign = self.cursor.token.text
            self.cursor.at += 1
            after = self.expression()
            node = self.node("comparison", (before, after), sign, before.start, after.end)
            whole = node if whole is None else self.node("∘", (whole, node), None, whole.start, node.end)
            before = after
        return whole or node

    def delta(self, indices: tuple[str, ...], token: Token) -> Node:
        """Return δ_ij, which is 1 where two indices are equal."""
        return self.sums.comparison(Condition(indices, "=", 0), None, token)

    def compared_indices(self) -> Node | None:
        """Read i = j, i < j ≤ k or k ≠ 1, of indices and numbers, or return None."""
        first, whole, at = self.cursor.token, None, self.cursor.at
        while (following := self.cursor.ahead()).text in TURNED and following.kind == "op":
            left, right, behind = self.cursor.token, self.cursor.ahead(2), self.cursor.ahead(3)
            ends = behind.kind in ("end", "close", ")group", ")matrix") or behind.text in (*TURNED, ",", ";")
            sides = [left.text in self.names.indices, right.text in self.names.indices]
            if (
                not any(sides)
                or not ends
                or not all(a or t.text.isdigit() for a, t in zip(sides, (left, right), strict=True))
            ):
                self.cursor.at = at
                return None
            pair, sign = ((left, right), following.text) if sides[0] else ((right, left), TURNED[following.text])
            letters = tuple(t.text for t in pair if t.text in self.names.indices)
            self.cursor.at += 2
            number = 0 if all(sides) else int(pair[1].text)
            node = self.sums.comparison(Condition(letters, sign, number), None, left)
            whole = node if whole is None else self.node("∘", (whole, node), None, first.start, node.end)
        if whole is not None:
            self.cursor.at += 1
            whole = whole._replace(start=first.start, end=self.cursor.end)
        return whole

    def matrix(self) -> Node:
        """Read a matrix or cases in LaTeX."""
        token = self.cursor.expect("matrix(")
        if token.text == "{":
            return self.cases(token)
        return self.entries(self.entry(), token, ")matrix")

    def cases(self, token: Token) -> Node:
        """Read the rows of \\begin{cases}: a formula, then the comparison or the word otherwise."""
        parts: list[Node] = []
        self.in_cases = True
        while self.cursor.token.kind != ")matrix":
            if parts and len(parts) % 2:
                self.cursor.fail("a case behind the one without a comparison")
            parts.append(self.expression())
            while self.cursor.accept(",", ".", ":"):
                pass
            if self.cursor.token.kind == "word" and self.cursor.token.text in CASE_WORDS:
                self.cursor.at += 1
            if self.cursor.token.kind == "word" and self.cursor.token.text in OTHERWISE:
                self.cursor.at += 1
            elif self.cursor.is_op(";") or self.cursor.token.kind == ")matrix":
                self.cursor.fail("expected a comparison such as x > 0, or otherwise")
            else:
                parts.append(self.condition(equal=True))
                if parts[-1].kind not in ("comparison", "∘", "delta"):
                    self.cursor.fail("expected a comparison such as x > 0, or otherwise", parts[-1])
            while self.cursor.accept(",", ".", ";"):
                pass
        self.in_cases = False
        end = self.cursor.expect(")matrix").end
        return self.node("cases", tuple(parts), None, token.start, end)

    def bars(self) -> Node:
        """Read |x|, an absolute value or a determinant."""
        token = self.cursor.expect("op", "|")
        self.in_bars = True
        part = self.expression()
        self.in_bars = False
        end = self.cursor.expect("op", "|").end
        function = "abs" if self.primaries.summing else "bars"
        return self.node("call", (part,), Ref(function), token.start, end)

    def inner_product(self) -> Node:
        """Read ⟨x, y⟩, ⟨x | y⟩ or <x, y>, the sum of the products of entries."""
        token = self.cursor.token
        self.cursor.at += 1
        outside, self.in_bars = self.in_bars, True  # a bar is no absolute value
        left = self.expression()
        self.in_bars = outside
        if not self.cursor.accept(",", "|"):
            what = self.cursor.source.text[left.start : left.end]
            self.cursor.fail(f"⟨x, y⟩ is read, of two factors; for a mean write mean({what})", token)
        right = self.expression()
        closed = self.cursor.expect("op", ">") if token.kind == "op" else self.cursor.expect("close", "⟩")
        end = closed.end
        if self.cursor.is_op("_") and self.cursor.ahead(2).text == "F":
            self.cursor.at += 1
            self.cursor.group()
            end = self.cursor.end
        return self.node("call", (left, right), Ref("inner"), token.start, end)

    def entry(self) -> Node:
        """Read a formula or dots."""
        if self.cursor.token.kind != "dots":
            return self.expression()
        token = self.cursor.expect("dots")
        return self.node("dots", (), None, token.start, token.end)

    def entries(self, first: Node, opened: Token, closing: str) -> Node:
        """Read what follows the first entry of a matrix, the rest of its row and further rows."""
        rows = [[first]]
        while self.cursor.is_op(",", ";"):
            row = self.cursor.token.text == ";"
            self.cursor.at += 1
            if self.cursor.token.kind == closing:  # a row sign before the end
                break
            if row:
                rows.append([])
            if len(rows) * len(rows[-1]) > MATRIX_ENTRIES:
                self.cursor.fail(f"more than {MATRIX_ENTRIES} entries")
            rows[-1].append(self.entry())
        end = self.cursor.expect(closing).end
        if len({len(row) for row in rows}) > 1:
            self.cursor.fail("the rows of this matrix differ in length", opened)
        return self.node("matrix", tuple(node for row in rows for node in row), len(rows), opened.start, end)

    def subscript_first(self) -> None:
        """Let the F of ‖A‖^2_F come before the 2."""
        cursor = self.cursor
        at, tokens = cursor.at, cursor.tokens
        if cursor.accept("^") and cursor.token.kind == "group(":
            cursor.group()
            between = cursor.at
            if cursor.accept("_") and cursor.token.kind == "group(":
                cursor.group()
                end = cursor.at
                cursor.tokens = [*tokens[:at], *tokens[between:end], *tokens[at:between], *tokens[end:]]
        cursor.at = at

    def norm(self) -> Node:
        """Read ‖x‖, of a column, or ‖A‖_F: the root of a sum of squares."""
        token = self.cursor.expect("op", "‖")
        if self.in_norm:
            self.cursor.fail("a norm inside of a norm; name a part of it", token)
        self.in_norm = True
        part = self.expression()
        self.in_norm = False
        self.cursor.expect("op", "‖")
        self.subscript_first()
        kind = "".join(t.text for t in self.cursor.group()) if self.cursor.accept("_") else "2"
        end = self.cursor.end
        if kind == "1":
            absolute = self.node("call", (part,), Ref("abs"), token.start, end)
            return self.node("call", (absolute,), Ref("sum"), token.start, end)
        if kind not in ("2", "F"):
            known = "‖x‖ of a column, ‖x‖_2, ‖x‖_1 and ‖A‖_F"
            self.cursor.fail(f"the norm ‖·‖_{kind} is not known; there are {known}", token)
        if kind == "F":
            square = self.node("square", (part,), "∘", token.start, end)  # of every entry
            total = self.node("call", (square,), Ref("sum"), token.start, end)
        else:
            turned = self.node("transpose", (part,), None, token.start, end)
            total = self.node("*", (turned, part), OfColumn(token.start, token.start), token.start, end)
        return self.node("call", (total,), Ref("sqrt"), token.start, end)


def indices_of(left: Sequence[Node]) -> set[str]:
    """Return the indices of the names on a left-hand side."""
    found = set[str]()
    for node in (n for side in left for n in walk(side)):
        refs = [node.value, *(node.value if isinstance(node.value, tuple) else ())]
        found |= {letter for ref in refs if isinstance(ref, Ref) for letter in ref.indices}
    return found


def derived_name(left: Sequence[Node]) -> Ref | None:
    """Return the name that a left-hand side is the derivative for, if it is one derivative."""
    if len(left) != 1 or left[0].kind not in ("d", "jacobian"):
        return None
    below = left[0].value[0] if left[0].kind == "d" else left[0].value
    return below if isinstance(below, Ref) else None


PRIMARIES: dict[str, Callable[[Parser], Node]] = {  # by the kind of the first token
    "number": Parser.number, "ones": Parser.number, "open": Parser.bracket, "group(": Parser.grouped,
    "matrix(": Parser.matrix, "word": lambda parser: parser.primaries.word(),
    "frac": lambda parser: parser.primaries.fraction(),
}  # fmt: skip
OPERATOR_PRIMARIES: dict[str, Callable[[Parser], Node]] = {
    "‖": Parser.norm,
    "|": Parser.bars,
    "<": Parser.inner_product,
    "∇": lambda parser: parser.primaries.nabla(),
    "∂": lambda parser: parser.primaries.partial(),
}

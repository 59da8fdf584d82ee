"""Tokens to trees: lines, and formulas by precedence climbing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinyad.derivation.language.abbreviations import resolved
from tinyad.derivation.language.limits import MATRIX_ENTRIES, OPERATION_DEPTH, READ_MEMBERS, TOO_MANY_OPERATIONS
from tinyad.derivation.language.name_parser import POWERS, NameParser
from tinyad.derivation.language.names import Names, exponent, unbracketed
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.primaries import Primaries
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token
from tinyad.derivation.language.token_cursor import TokenCursor

SUM, NEGATION, PRODUCT = 10, 15, 20  # precedence of + and -, of a sign, of a product
PRODUCTS = {"∘": "∘", "@": "*", "/": "/", "*": "", "·": "", "⊗": "", "×": "*"}
FACTOR_KINDS = ("word", "number", "ones", "open", "frac", "group(", "matrix(")
SUFFIXES = {**POWERS, "⊤": "transpose", "'": "transpose"}


class Parser:
    """Read formulas from tokens.  `meaning` says what * and · are: "*", "∘", or "" if that was not declared."""

    def __init__(self, source: Source, names: Names, meaning: dict[str, str]) -> None:
        self.names, self.meaning = names, meaning
        self.cursor, builder = TokenCursor(source), NodeBuilder(source)
        self.node = builder.node
        self.name_parser = NameParser(self.cursor, names, builder)
        self.primaries = Primaries(self.cursor, self.name_parser, builder, self)
        self.nested = 0
        self.in_norm = False

    # Statements

    def statement(self, tokens: Sequence[Token], number: str = "", title: str = "") -> Statement:
        """Return the statement that the tokens of a line make, without its number."""
        self.cursor.tokens, self.cursor.at, self.nested, self.in_norm = tokens, 0, 0, False
        if len(tokens) > 1 and tokens[-1].kind == "word" and tokens[-1].text == "given":
            given = (self.inside(tokens[:-1]),)
            return Statement(number, given, "given", (), tokens[0].start, tokens[-1].end, title, tuple(tokens))
        left = self.left_hand_sides()
        sign = self.cursor.token
        if not self.cursor.is_op("=", "+=", "≡"):
            self.cursor.fail("expected = or +=: a line is `derivative = formula`")
        members: list[Node] = []
        while self.cursor.is_op("=", "+=", "≡"):
            if members and self.cursor.token.text == "+=":
                self.cursor.fail("+= is allowed only once, after the left-hand side")
            self.cursor.at += 1
            members.append(self.member())
        if self.names.abbreviations:
            members = [resolved(member, self.names.abbreviations) for member in members]
        if self.cursor.token.kind != "end":
            self.cursor.unexpected()
        kind = "+=" if sign.text == "+=" else "="
        return Statement(number, left, kind, tuple(members), tokens[0].start, tokens[-1].end, title, tuple(tokens))

    def member(self) -> Node:
        """Read a member of a chain; one that was read before, in this line or another form of it, is not read again."""
        cursor, known = self.cursor, self.names.read_members
        first, end = cursor.at, self.end_of_member()
        key = (cursor.source.name, *cursor.tokens[first:end])
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
            if first.kind != "word":
                node = self.expression()
            else:
                cursor.at = 1
                groups, end = self.name_parser.script_groups()
                node = Node("name", (), self.names.ref(first.text, self.names.scripts(groups)), first.start, end)
            if cursor.at < len(tokens):
                cursor.fail("names are separated by commas")
            if node.kind != "name":
                cursor.fail("expected a name", node)
            return node

    def derivatives(self, tokens: Sequence[Token]) -> list[Node]:
        """Return the derivatives of the loss that are listed with commas between them."""
        nodes: list[Node] = []
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
        self.cursor.expect("close", "]")
        return tuple(left)

    def inside(self, tokens: Sequence[Token]) -> Node:
        """Return the formula that all of these tokens make."""
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
            elif self.cursor.accept(*PRODUCTS):
                kind = PRODUCTS[sign.text] or self.product_kind(sign)
                right = self.expression(PRODUCT)
                left = self.node(kind, (left, right), (sign.start, sign.end), left.start, right.end)
            else:
                right = self.expression(PRODUCT)
                left = self.node("*", (left, right), None, left.start, right.end)
        self.nested -= 1
        return left

    def precedence(self) -> int:
        """Return the precedence of the next operation, or 0 if there is none."""
        if self.cursor.is_op("+", "-"):
            return SUM
        return PRODUCT if self.cursor.is_op(*PRODUCTS) or self.factor_follows() else 0

    def product_kind(self, token: Token) -> str:
        """Return the product that *, · or ⊗ was declared to be."""
        kind = self.meaning.get(token.text, "")
        if not kind:
            self.cursor.fail(
                f"{token.text} has two readings, the matrix product and component-wise: declare one, "
                f"`{token.text}: matrix product` or `{token.text}: component-wise`", token
            )  # fmt: skip
        return kind

    def factor_follows(self) -> bool:
        """Return whether a factor follows without an operator before it."""
        if self.cursor.is_op("‖"):
            return not self.in_norm
        return self.cursor.token.kind in FACTOR_KINDS or self.cursor.is_op("∇", "∂", "Σ")

    def prefix(self) -> Node:
        """Read an operand with its sign, or a sum."""
        token = self.cursor.token
        if self.cursor.accept("+", "-"):
            part = self.expression(NEGATION)
            return part if token.text == "+" else self.node("neg", (part,), None, token.start, part.end)
        return self.sum() if self.cursor.is_op("Σ") else self.operand()

    def operand(self) -> Node:
        """Read an operand with its exponents and labels: ^T, ', ^2, ^{-1}, |_{label}."""
        node = self.primary()
        while True:
            if self.cursor.is_op("^") and self.cursor.ahead().kind == "group(":
                start = self.cursor.at
                self.cursor.at += 1
                inner, _ = unbracketed(self.cursor.group())
                text = "".join(token.text for token in inner)
                if text not in SUFFIXES and exponent(text) is not None:
                    node = self.node("power", (node,), exponent(text), node.start, self.cursor.end)
                    continue
                if text not in SUFFIXES:
                    message = f"^{text} is not known; a formula can have ^T, ^-1, ^2, ^3, ^{{1/2}} and the like"
                    self.cursor.fail(message, self.cursor.tokens[start])
                node = self.node(SUFFIXES[text], (node,), None, node.start, self.cursor.end)
            elif self.cursor.accept("'"):
                node = self.node("transpose", (node,), None, node.start, self.cursor.end)
            elif self.cursor.accept("|"):
                node = self.labelled(node)
            else:
                return node

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
        if token.kind == "op" and token.text in OPERATOR_PRIMARIES:
            return OPERATOR_PRIMARIES[token.text](self)
        if token.kind in PRIMARIES:
            return PRIMARIES[token.kind](self)
        if token.kind == "end":
            self.cursor.fail("expected a formula, but the line ends")
        self.cursor.unexpected()

    def number(self) -> Node:
        """Read a number, or ones with their size."""
        token = self.cursor.token
        self.cursor.at += 1
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
        """Read a formula in brackets, or [a, b; c, d]."""
        token = self.cursor.expect("open")
        first = self.expression()
        if token.text == "[" and self.cursor.is_op(",", ";"):
            return self.entries(first, token, "close")
        if self.cursor.is_op(","):
            self.cursor.fail("a list needs square brackets")
        end = self.cursor.expect("close").end
        return self.node("bracket", (first,), token.text, token.start, end)

    def matrix(self) -> Node:
        """Read a matrix in LaTeX."""
        token = self.cursor.expect("matrix(")
        return self.entries(self.entry(), token, ")matrix")

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

    def norm(self) -> Node:
        """Read ‖x‖, of a column, or ‖A‖_F: the root of a sum of squares."""
        token = self.cursor.expect("op", "‖")
        if self.in_norm:
            self.cursor.fail("a norm inside of a norm; name a part of it", token)
        self.in_norm = True
        part = self.expression()
        self.in_norm = False
        self.cursor.expect("op", "‖")
        kind = "".join(t.text for t in self.cursor.group()) if self.cursor.accept("_") else "2"
        end = self.cursor.end
        if kind not in ("2", "F"):
            self.cursor.fail(f"the norm ‖·‖_{kind} is not known; there are ‖x‖ of a column, ‖x‖_2 and ‖A‖_F", token)
        if kind == "F":
            square = self.node("square", (part,), None, token.start, end)
            total = self.node("call", (square,), Ref("sum"), token.start, end)
        else:  # of a column: of a matrix it would be no number, and is refused
            turned = self.node("transpose", (part,), None, token.start, end)
            total = self.node("*", (turned, part), None, token.start, end)
        return self.node("call", (total,), Ref("sqrt"), token.start, end)

    def sum(self) -> Node:
        """Read Σ_j, Σ_t, Σ_{t=1}^T or Σ_θ with the term that follows."""
        token = self.cursor.expect("op", "Σ")
        scripts: dict[str, list[Token]] = {}
        while self.cursor.is_op("_", "^"):
            sign = self.cursor.token.text
            self.cursor.at += 1
            scripts[sign] = self.cursor.group()
        value = self.sum_range(scripts.get("_", []), scripts.get("^"), token)
        body = self.expression(SUM)
        return self.node("sum", (body,), value, token.start, body.end)

    def members(self, letter: str, rest: Sequence[str], token: Token) -> tuple[str, ...]:
        """Return the members listed after θ = below a Σ, or all of them if there is no list."""
        members = self.names.families[letter]
        if not rest:
            return members
        listed = tuple(text for text in rest[1:] if text not in (",", "{", "}"))
        unknown = [text for text in listed if text not in members]
        if rest[0] not in ("=", "∈") or unknown or not listed:
            self.cursor.fail(f"Σ over {letter}: its members are {', '.join(members)}", token)
        return listed

    def sum_range(self, below: list[Token], above: list[Token] | None, token: Token) -> tuple[Any, ...]:
        """Return the range of a sum: ("time", first, last), ("family", θ, members) or ("index", j)."""
        texts = [t.text for t in below if t.kind not in ("group(", ")group")]
        letter = texts[0] if texts else ""
        rest, end = texts[1:], [t.text for t in above or ()]
        if letter == self.names.time and self.names.last and rest[:1] in ([], ["="]):
            return (
                "time",
                self.sum_limit(rest[1:], token) if rest else None,
                self.sum_limit(end, token) if end else None,
            )
        if letter in self.names.families and not end:
            return "family", letter, self.members(letter, rest, token)
        if letter in self.names.indices and (not rest or rest == ["=", "1"]) and (not end or len(end) == 1):
            return "index", letter
        if letter and letter == self.names.time:
            self.cursor.fail(f"a sum over {letter}: declare the sequence, `time: {letter} = 1..T`", token)
        known = letter in self.names.families or letter in self.names.indices or letter == self.names.time
        if known:
            self.cursor.fail(
                f"{' '.join([*texts, *end])} below and above a Σ: write Σ_{letter}, or Σ_{{t=1}}^T for times", token
            )
        self.cursor.fail(
            f"a sum over {letter or 'nothing'}: expected the time, a declared index (`indices: j, k`) or a family "
            f"(`family θ: f, i, o`)", token
        )  # fmt: skip

    def sum_limit(self, texts: list[str], token: Token) -> tuple[str, int]:
        """Return the first or last time of a sum, as in a Ref."""
        if len(texts) == 1 and texts[0].isdigit():
            return "=", int(texts[0])
        if texts and texts[0] in (self.names.last, self.names.time):
            letter = "T" if texts[0] == self.names.last else "t"
            if len(texts) == 1:
                return letter, 0
            if len(texts) == 3 and texts[1] in "+-" and texts[2].isdigit():
                return letter, int(texts[1] + texts[2])
        self.cursor.fail(f"{' '.join(texts)} is not a limit of a sum over time: write a number, t or T", token)


PRIMARIES: dict[str, Callable[[Parser], Node]] = {  # by the kind of the first token
    "number": Parser.number, "ones": Parser.number, "open": Parser.bracket, "group(": Parser.grouped,
    "matrix(": Parser.matrix, "word": lambda parser: parser.primaries.word(),
    "frac": lambda parser: parser.primaries.fraction(),
}  # fmt: skip
OPERATOR_PRIMARIES: dict[str, Callable[[Parser], Node]] = {
    "‖": Parser.norm,
    "∇": lambda parser: parser.primaries.nabla(),
    "∂": lambda parser: parser.primaries.partial(),
}

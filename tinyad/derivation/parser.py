"""Tokens to trees: precedence climbing, with names and functions from the declarations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from tinyad.derivation.names import Names, Scripts, _unbracketed
from tinyad.derivation.source import DerivationError, Source
from tinyad.derivation.tree import Node, Ref, Statement, Token

DEEPEST = 100  # operations inside one another
SUM, NEGATIVE, PRODUCT = 10, 15, 20  # how tightly + -, a sign, and a product hold
PRODUCTS = {"∘": "∘", "@": "*", "/": "/", "*": "", "·": "", "×": "*"}
ENDS = ("end", "close", ")group", ")matrix", "tag", "dots")
DERIVATIVE_LETTERS = ("d", "δ", "∂")


class Parser:
    """Reads formulas from tokens.  `meaning` says what * and · are: "*", "∘", or "" if that was not declared."""

    def __init__(self, source: Source, names: Names, meaning: dict[str, str], ones: bool = False) -> None:
        self.source, self.names, self.meaning, self.bare_ones = source, names, meaning, ones
        self.tokens: Sequence[Token] = ()
        self.at = 0
        self.depths: dict[int, int] = {}
        self.nested = 0
        self.kept: list[Node] = []  # alive, so that their ids stay theirs

    # What is next

    @property
    def token(self) -> Token:
        try:
            return self.tokens[self.at]
        except IndexError:
            end = self.tokens[-1].end if self.tokens else 0
            return Token("end", "", end, end)

    def ahead(self, k: int = 1) -> Token:
        at = self.at + k
        return self.tokens[at] if at < len(self.tokens) else Token("end", "", self.token.end, self.token.end)

    def is_op(self, *texts: str) -> bool:
        return self.token.kind == "op" and self.token.text in texts

    def fail(self, message: str, token: Token | Node | None = None) -> NoReturn:
        token = token or self.token
        raise self.source.error(message, token.start, token.end)

    def expect(self, kind: str, text: str | None = None) -> Token:
        token = self.token
        if token.kind != kind or (text is not None and token.text != text):
            what = text or {"word": "a name", "open": "a bracket", "close": "a closing bracket"}.get(kind, kind)
            found = repr(token.text) if token.text else "the end of the line"
            self.fail(f"{what} is awaited here, not {found}")
        self.at += 1
        return token

    def node(self, kind: str, parts: tuple[Node, ...], value: Any, start: int, end: int) -> Node:
        made = Node(kind, parts, value, start, end)
        depth = 1 + max((self.depths.get(id(part), 1) for part in parts), default=0)
        if depth > DEEPEST:
            self.fail(f"more than {DEEPEST} operations inside one another; name a part of it", made)
        self.depths[id(made)] = depth
        self.kept.append(made)
        return made

    # Statements

    def statement(self, tokens: Sequence[Token], number: str = "", title: str = "") -> Statement:
        """The tokens of a line, without its number."""
        self.tokens, self.at, self.nested = tokens, 0, 0
        if len(tokens) > 1 and tokens[-1].kind == "word" and tokens[-1].text == "given":
            left = (self.inside(tokens[:-1]),)
            return Statement(number, left, "given", (), tokens[0].start, tokens[-1].end, title, tuple(tokens))
        left = self.left_hand_sides()
        sign = self.token
        if not self.is_op("=", "+=", "≡"):
            self.fail("= or += is awaited here: a line is `derivative = formula`")
        members: list[Node] = []
        while self.is_op("=", "+=", "≡"):
            if members and self.token.text == "+=":
                self.fail("+= can stand only once, after the left-hand side")
            self.at += 1
            members.append(self.expression())
        if self.token.kind != "end":
            self.unexpected()
        kind = "+=" if sign.text == "+=" else "="
        return Statement(number, left, kind, tuple(members), tokens[0].start, tokens[-1].end, title, tuple(tokens))

    def unexpected(self) -> NoReturn:
        token = self.token
        if token.kind == "close":
            self.fail(f"{token.text} closes nothing")
        self.fail(f"{token.text!r} cannot stand here")

    def left_hand_sides(self) -> tuple[Node, ...]:
        if self.token.kind == "open" and self.token.text == "[":
            depth, k = 0, 0
            while self.ahead(k).kind != "end":
                depth += {"open": 1, "close": -1}.get(self.ahead(k).kind, 0)
                k += 1
                if depth == 0:
                    break
            if self.ahead(k).kind == "op" and self.ahead(k).text in ("=", "+="):
                self.at += 1
                left = [self.expression()]
                while self.is_op(","):
                    self.at += 1
                    left.append(self.expression())
                self.expect("close", "]")
                return tuple(left)
        return (self.expression(),)

    # Formulas

    def expression(self, above: int = 0) -> Node:
        self.nested += 1
        if self.nested > DEEPEST:
            self.fail(f"more than {DEEPEST} operations inside one another; name a part of it")
        left = self.prefix()
        while True:
            token = self.token
            if token.kind in ENDS:
                break
            if token.kind == "op" and token.text in "+-" and token.text:
                if above >= SUM:
                    break
                self.at += 1
                right = self.expression(SUM)
                left = self.node(token.text, (left, right), None, left.start, right.end)
            elif token.kind == "op" and token.text in PRODUCTS:
                if above >= PRODUCT:
                    break
                self.at += 1
                kind = PRODUCTS[token.text] or self.declared(token)
                right = self.expression(PRODUCT)
                left = self.node(kind, (left, right), (token.start, token.end), left.start, right.end)
            elif self.starts():
                if above >= PRODUCT:
                    break
                right = self.expression(PRODUCT)
                left = self.node("*", (left, right), None, left.start, right.end)
            else:
                break
        self.nested -= 1
        return left

    def declared(self, token: Token) -> str:
        kind = self.meaning.get(token.text, "")
        if not kind:
            self.fail(
                f"{token.text} has two readings, the matrix product and component-wise: declare one, "
                f"`{token.text}: matrix product` or `{token.text}: component-wise`", token
            )  # fmt: skip
        return kind

    def starts(self) -> bool:
        """Whether a factor begins here, which stands next to the one before without a sign."""
        token = self.token
        return token.kind in ("word", "number", "ones", "open", "frac", "group(", "matrix(") or (
            token.kind == "op" and token.text in ("∇", "∂", "Σ")
        )

    def prefix(self) -> Node:
        token = self.token
        if token.kind == "op" and token.text in "+-" and token.text:
            self.at += 1
            part = self.expression(NEGATIVE)
            return part if token.text == "+" else self.node("neg", (part,), None, token.start, part.end)
        if token.kind == "op" and token.text == "Σ":
            return self.sum()
        return self.postfix(self.atom())

    def postfix(self, node: Node) -> Node:
        while True:
            if self.is_op("^") and self.ahead().kind == "group(":
                start = self.at
                self.at += 1
                inner, _ = _unbracketed(self.group())
                text = "".join(token.text for token in inner)
                kind = {"T": "transpose", "⊤": "transpose", "'": "transpose", "2": "square", "-1": "inverse"}.get(text)
                if kind is None:
                    self.fail(f"^{text} of a formula: there are ^T, ^2 and ^-1", self.tokens[start])
                node = self.node(kind, (node,), None, node.start, self.tokens[self.at - 1].end)
            elif self.is_op("'"):
                end = self.token.end
                self.at += 1
                node = self.node("transpose", (node,), None, node.start, end)
            elif self.is_op("|"):
                node = self.bar(node)
            else:
                return node

    def bar(self, node: Node) -> Node:
        """∂J/∂a |_{Comp-1}: a part of a derivative, by its label."""
        self.at += 1
        if not self.is_op("_"):
            self.fail("after | a label is awaited, as in |_{Comp-1}")
        self.at += 1
        inner = self.group()
        label = "".join(token.text for token in inner)
        if node.kind != "d":
            self.fail("a label |_{...} goes with a derivative of the loss", node)
        ref, _ = node.value
        return self.node("d", (), (ref, label), node.start, self.tokens[self.at - 1].end)

    def group(self) -> list[Token]:
        """The tokens of a script, a numerator or a denominator."""
        self.expect("group(")
        depth, start = 1, self.at
        while depth:
            if self.token.kind == "end" and self.at >= len(self.tokens):
                self.fail("a group has no end")
            depth += {"group(": 1, ")group": -1}.get(self.token.kind, 0)
            self.at += 1
        return list(self.tokens[start : self.at - 1])

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.at += 1
            if token.text == "1" and self.is_op("_"):
                return self.node("ones", (), self.size(), token.start, self.tokens[self.at - 1].end)
            return self.node("number", (), float(token.text), token.start, token.end)
        if token.kind == "ones":
            self.at += 1
            return self.node("ones", (), self.size(), token.start, self.tokens[self.at - 1].end)
        if token.kind == "word":
            return self.word()
        if token.kind == "frac":
            return self.fraction()
        if token.kind == "open":
            return self.bracket()
        if token.kind == "group(":
            self.at += 1
            inside = self.expression()
            self.expect(")group")
            return inside
        if token.kind == "matrix(":
            return self.matrix(")matrix")
        if token.kind == "op" and token.text == "∇":
            return self.nabla()
        if token.kind == "op" and token.text == "∂":
            return self.partial()
        if token.kind == "end":
            self.fail("a formula is awaited here, and the line ends")
        self.unexpected()

    def size(self) -> str | None:
        """1_{(n,1)}, I_{n×n}: the size as it is written, or None."""
        if not self.is_op("_"):
            return None
        self.at += 1
        inner, _ = _unbracketed(self.group())
        return "".join(t.text for t in inner if t.kind not in ("group(", ")group"))

    def bracket(self) -> Node:
        token = self.expect("open")
        first = self.expression()
        if token.text == "[" and self.is_op(",", ";"):
            return self.entries(first, token, "close")
        if self.is_op(","):
            self.fail("a list is in square brackets")
        end = self.expect("close").end
        return self.node("bracket", (first,), token.text, token.start, end)

    def matrix(self, closing: str) -> Node:
        token = self.token
        self.at += 1
        first = self.dots() if self.token.kind == "dots" else self.expression()
        return self.entries(first, token, closing)

    def dots(self) -> Node:
        token = self.token
        self.at += 1
        return self.node("dots", (), None, token.start, token.end)

    def entries(self, first: Node, opened: Token, closing: str) -> Node:
        rows = [[first]]
        while self.is_op(",", ";"):
            row = self.token.text == ";"
            self.at += 1
            if self.token.kind == closing:  # a row sign before the end
                break
            if row:
                rows.append([])
            if len(rows) * len(rows[-1]) > 10_000:
                self.fail("more than 10000 entries")
            rows[-1].append(self.dots() if self.token.kind == "dots" else self.expression())
        end = self.expect(closing).end
        if len({len(row) for row in rows}) > 1:
            self.fail("rows of different lengths", opened)
        return self.node("matrix", tuple(node for row in rows for node in row), len(rows), opened.start, end)

    def sum(self) -> Node:
        token = self.expect("op", "Σ")
        scripts: dict[str, list[Token]] = {}
        while self.is_op("_", "^"):
            sign = self.token.text
            self.at += 1
            scripts[sign] = self.group()
        value = self.range(scripts.get("_", []), scripts.get("^"), token)
        body = self.expression(SUM)
        return self.node("sum", (body,), value, token.start, body.end)

    def range(self, below: list[Token], above: list[Token] | None, token: Token) -> tuple[Any, ...]:
        texts = [t.text for t in below if t.kind not in ("group(", ")group")]
        letter = texts[0] if texts else ""
        if letter == self.names.time and self.names.last:
            first = self.limit(texts[2:], token) if texts[1:2] == ["="] else None
            last = self.limit([t.text for t in above], token) if above else None
            return "time", first, last
        if letter in self.names.families:
            return "family", letter
        if letter in self.names.indices and len(texts) == 1:
            return "index", letter
        if letter and letter == self.names.time:
            self.fail(f"a sum over {letter}: declare the sequence, `time: {letter} = 1..T`", token)
        self.fail(
            f"a sum over {letter or 'nothing'}: it is no time, no declared index (`indices: j, k`) and no family "
            f"(`family θ: f, i, o`)", token
        )  # fmt: skip

    def limit(self, texts: list[str], token: Token) -> tuple[str, int]:
        if len(texts) == 1 and texts[0].isdigit():
            return "=", int(texts[0])
        if texts and texts[0] in (self.names.last, self.names.time):
            letter = "T" if texts[0] == self.names.last else "t"
            if len(texts) == 1:
                return letter, 0
            if len(texts) == 3 and texts[1] in "+-" and texts[2].isdigit():
                return letter, int(texts[1] + texts[2])
        self.fail(f"{' '.join(texts)} is no limit of a sum over time: write a number, t or T", token)

    # Names and functions

    def script_groups(self) -> tuple[list[tuple[str, list[Token]]], int]:
        """The scripts that follow a name, and where the name with those that belong to it ends."""
        groups: list[tuple[str, list[Token]]] = []
        end = self.tokens[self.at - 1].end
        while self.is_op("_", "^") and self.ahead().kind == "group(":
            sign = self.token.text
            self.at += 1
            groups.append((sign, self.group()))
            if not self.names.scripts(groups[-1:]).powers:
                end = self.tokens[self.at - 1].end
        return groups, end

    def word(self) -> Node:
        token = self.expect("word")
        if token.text == "δ" and (self.token.kind == "word" or self.token.kind == "group("):
            return self.derivative_of(token)  # LaTeX: δ is a word of its own
        if token.text == "deriv" and self.token.kind == "open":
            return self.deriv(token)
        begun = self.at
        groups, end = self.script_groups()
        found = self.names.scripts(groups)
        ref = self.names.ref(token.text, found)
        if self.function_here(ref.key):
            return self.call(ref, found, token)
        if token.text == "I" and not self.names.is_known(ref.key):
            self.at = begun
            return self.node("eye", (), self.size(), token.start, self.tokens[self.at - 1].end)
        slash = self.is_op("/") and token.text[0] in DERIVATIVE_LETTERS and len(token.text) > 1
        if slash and self.ahead().kind == "word" and self.ahead().text[0] in DERIVATIVE_LETTERS:
            quotient = self.quotient(token, found, end)
            if quotient is not None:
                return quotient
        if token.text == "d" and self.names.differentials and self.token.kind in ("word", "open", "group("):
            part = self.atom()
            return self.node("differential", (part,), None, token.start, part.end)
        return self.named(token, found, end)

    def function_here(self, key: str) -> bool:
        known = key in self.names.functions and not self.names.is_known(key)
        return known and (self.token.kind in ("open", "word", "group(", "frac") or self.is_op("'", "∇"))

    def named(self, token: Token, found: Scripts, end: int) -> Node:
        """The readings of a word: a name, a derivative d..., or several names side by side."""
        names, word = self.names, token.text
        readings: list[Node] = []
        whole = names.ref(word, found)
        if names.is_known(whole.key):
            readings.append(self.name(whole, found, token.start, end))
        else:
            readings += [self.name(ref, found, token.start, end) for ref in self.with_scripts(word, found)]
        if word[0] in DERIVATIVE_LETTERS and len(word) > 1:
            rest = names.ref(word[1:], found)
            refs = [rest] if names.is_known(rest.key) else self.with_scripts(word[1:], found)
            kind = "differential" if names.differentials and word[0] == "d" else "d"
            for ref in refs:
                inner = self.name(ref, found._replace(powers=()), token.start, end)
                if kind == "differential":
                    made = self.node("differential", (inner,), None, token.start, end)
                else:
                    made = self.node("d", (), (ref, None), token.start, end)
                readings.append(self.powers(made, found))
        unnamed = names.ref("_", found)  # d_3 in a printed routine
        if not readings and word in ("d", "δ") and names.is_known(unnamed.key):
            readings.append(self.node("d", (), (unnamed, None), token.start, end))
        if not readings:
            products = names.products(word)
            if len(products) > 1:
                said = " or ".join(" ".join(ref.key for ref in refs) for refs in products[:2])
                self.fail(f"{word} has two readings, {said}: put spaces between the names", token)
            if products:
                refs = products[0]
                nodes = [self.name(ref, Scripts(), token.start, end) for ref in refs[:-1]]
                last = refs[-1]._replace(time=found.time or refs[-1].time, indices=found.indices)
                nodes.append(self.name(last, found, token.start, end))
                product = nodes[0]
                for node in nodes[1:]:
                    product = self.node("*", (product, node), None, token.start, end)
                return product
            if word[0] in "dδ" and len(word) > 1:  # nothing is known under either; d is the derivative's
                readings.append(
                    self.powers(self.node("d", (), (names.ref(word[1:], found), None), token.start, end), found)
                )
            else:
                readings.append(self.name(whole, found, token.start, end))
        if len(readings) > 1:
            said = " or ".join(describe(node) for node in readings[:2])
            self.fail(f"{self.source.text[token.start : end]} has two readings, {said}: rename one of them", token)
        return self.tight_shift(readings[0], token)

    def with_scripts(self, word: str, found: Scripts) -> list[Ref]:
        if found.below or found.above:
            return []
        return [
            ref._replace(time=found.time or ref.time, indices=found.indices)
            for ref in self.names.flat(word)
            if not (found.time and ref.time)
        ]

    def tight_shift(self, node: Node, token: Token) -> Node:
        """Ct-1, without spaces, is C at t - 1."""
        sign, number = self.token, self.ahead()
        ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
        if (
            ref is not None and ref.time == ("t", 0) and sign.kind == "op" and sign.text in ("+", "-") and not sign.spaced
            and number.kind == "number" and number.text.isdigit() and not number.spaced
            and self.source.text[sign.start - 1] == self.names.time
        ):  # fmt: skip
            self.at += 2
            shifted = ref._replace(time=("t", int(sign.text + number.text)))
            return node._replace(value=shifted if node.kind == "name" else (shifted, node.value[1]), end=number.end)
        return node

    def name(self, ref: Ref, found: Scripts, start: int, end: int) -> Node:
        return self.powers(self.node("name", (), ref, start, end), found)

    def powers(self, node: Node, found: Scripts) -> Node:
        for power in found.powers:
            kind = {"T": "transpose", "2": "square", "-1": "inverse"}[power]
            node = self.node(kind, (node,), None, node.start, self.tokens[self.at - 1].end)
        return node

    def derivative_of(self, token: Token) -> Node:
        """δ h^{(t)}"""
        if self.token.kind == "group(":
            self.at += 1
            inside = self.derivative_of(token)
            self.expect(")group")
            return inside
        word = self.expect("word")
        groups, end = self.script_groups()
        found = self.names.scripts(groups)
        ref = self.names.ref(word.text, found)
        if not self.names.is_known(ref.key):
            refs = self.with_scripts(word.text, found)
            ref = refs[0] if len(refs) == 1 else ref
        return self.powers(self.node("d", (), (ref, None), token.start, end), found)

    def nabla(self) -> Node:
        """∇_{z24} L, ∇z24 L, ∇z24"""
        token = self.expect("op", "∇")
        if self.is_op("_"):
            self.at += 1
            inner = self.group()
            ref, found = self.whole_name(inner, token)
            end = self.tokens[self.at - 1].end
        else:
            if self.token.kind == "group(":
                inner = self.group()
                ref, found = self.whole_name(inner, token)
            else:
                self.expect("word")
                begun = self.at - 1
                self.script_groups()
                ref, found = self.whole_name(self.tokens[begun : self.at], token)
            end = self.tokens[self.at - 1].end
        if self.token.kind == "word" and self.token.text == self.names.loss:
            end = self.token.end
            self.at += 1
        made = self.node("d", (), (ref, None), token.start, end)
        return self.powers(made, found)

    def whole_name(self, tokens: Sequence[Token], near: Token) -> tuple[Ref, Scripts]:
        """The one name that these tokens spell."""
        outer = self.tokens, self.at
        self.tokens, self.at = tokens, 0
        try:
            token = self.expect("word")
            groups, end = self.script_groups()
            found = self.names.scripts(groups)
            node = self.named(token, found._replace(powers=()), end)
            if self.at < len(tokens) or node.kind != "name":
                self.fail("one name is awaited after ∇ and ∂", near)
            return node.value, found
        finally:
            self.tokens, self.at = outer

    def partial(self) -> Node:
        """∂L/∂z24, ∂f/∂x"""
        token = self.expect("op", "∂")
        above = self.postfix(self.atom()) if not self.is_op("/") else None
        self.expect("op", "/")
        self.expect("op", "∂")
        below = self.expect("word")
        begun = self.at - 1
        _, end = self.script_groups()
        ref, found = self.whole_name(self.tokens[begun : self.at], below)
        return self.powers(self.derived(above, ref, token.start, end), found)

    def quotient(self, token: Token, found: Scripts, end: int) -> Node | None:
        """dL/dz24 and dtanh/dx(c), in plain text."""
        slash, below = self.at, self.ahead()
        self.at += 2
        groups, below_end = self.script_groups()
        scripts = self.names.scripts(groups)
        above = token.text[1:]
        if above == self.names.loss:
            ref = self.names.ref(below.text[1:], scripts)
            if not self.names.is_known(ref.key):
                refs = self.with_scripts(below.text[1:], scripts)
                ref = refs[0] if len(refs) == 1 else ref
            made = self.node("d", (), (ref, None), token.start, below_end)
            return self.powers(made, scripts)
        key = self.names.ref(above, found).key
        if key in self.names.functions:
            return self.prime(Ref(key, None, found.indices), token.start)
        if self.names.is_known(key):
            above_node = self.node("name", (), self.names.ref(above, found), token.start, end)
            ref = self.names.ref(below.text[1:], scripts)
            return self.powers(self.node("jacobian", (above_node,), ref, token.start, below_end), scripts)
        self.at = slash
        return None

    def derived(self, above: Node | None, ref: Ref, start: int, end: int) -> Node:
        """∂above/∂ref; without `above`, of what stands next to it."""
        if above is None:
            body = self.postfix(self.atom())
            return self.node("jacobian", (body,), ref, start, body.end)
        if above.kind == "name" and above.value.key == self.names.loss:
            return self.node("d", (), (ref, None), start, end)
        return self.node("jacobian", (above,), ref, start, end)

    def fraction(self) -> Node:
        r"""\frac{∂J}{∂z}, \frac{df}{dx}|_{x}, \frac{a}{b}"""
        token = self.expect("frac")
        above, below = self.group(), self.group()
        end = self.tokens[self.at - 1].end
        signs = [tokens[0] if tokens else token for tokens in (above, below)]
        marks = [(sign.kind, sign.text) for sign in signs]
        if len(below) > 1 and marks[1] in (("op", "∂"), ("word", "d")) and marks[0] in (("op", "∂"), ("word", "d")):
            inside = above[1:]
            key = self.key_of(inside)
            if key is not None and key.key in self.names.functions and not self.names.is_known(key.key):
                return self.prime(key, token.start)
            ref, found = self.denominator(below[1:], token)
            node = self.inside(inside) if inside else None
            return self.powers(self.derived(node, ref, token.start, end), found)
        parts = (self.inside(above), self.inside(below))
        return self.node("/", parts, None, token.start, end)

    def denominator(self, tokens: Sequence[Token], near: Token) -> tuple[Any, Scripts]:
        try:
            return self.whole_name(tokens, near)
        except DerivationError:
            return self.inside(tokens), Scripts()  # ∂a/∂tanh(c): derived for a formula

    def key_of(self, tokens: Sequence[Token]) -> Ref | None:
        """The function that these tokens name, or None."""
        if not tokens or tokens[0].kind != "word":
            return None
        outer = self.tokens, self.at
        self.tokens, self.at = tokens, 1
        groups, _ = self.script_groups()
        at_end = self.at == len(tokens)
        self.tokens, self.at = outer
        return self.names.ref(tokens[0].text, self.names.scripts(groups)) if at_end else None

    def inside(self, tokens: Sequence[Token]) -> Node:
        """The formula that all of these tokens make."""
        outer = self.tokens, self.at
        self.tokens, self.at = tokens, 0
        try:
            node = self.expression()
            if self.at < len(tokens):
                self.unexpected()
            return node
        finally:
            self.tokens, self.at = outer

    def prime(self, function: Ref, start: int) -> Node:
        """f' with its argument: in brackets, or after a bar."""
        while self.is_op("'"):
            self.at += 1
        if self.is_op("|"):
            self.at += 1
            if not self.is_op("_"):
                self.fail("after | the argument is awaited, as in |_{x}")
            self.at += 1
            argument = self.inside(self.group())
        elif self.token.kind == "open":
            self.at += 1
            argument = self.expression()
            self.expect("close")
        else:
            self.fail(f"the derivative of a function is taken somewhere: {function.key}'(x)")
        end = self.tokens[self.at - 1].end
        return self.node("prime", (argument,), function, start, end)

    def call(self, ref: Ref, found: Scripts, token: Token) -> Node:
        if self.is_op("'"):
            return self.powers(self.prime(ref, token.start), found)
        if self.token.kind == "open":
            self.at += 1
            parts = [self.expression()]
            while self.is_op(","):
                self.at += 1
                parts.append(self.expression())
            end = self.expect("close").end
        else:
            parts = [self.postfix(self.atom())]
            end = parts[0].end
        if len(parts) > 2:
            self.fail(f"{token.text} of {len(parts)} arguments", token)
        return self.powers(self.node("call", tuple(parts), ref, token.start, end), found)

    def deriv(self, token: Token) -> Node:
        self.expect("open")
        parts: list[Node] = []
        while self.token.kind != "string":
            parts.append(self.expression())
            self.expect("op", ",")
        symbol = self.expect("string").text
        end = self.expect("close").end
        if len(parts) > 3:
            self.fail("deriv takes dz, x, y and an operator, or dz, x and an operator", token)
        return self.node("deriv", tuple(parts), symbol, token.start, end)


def describe(node: Node) -> str:
    ref = node.value[0] if node.kind == "d" else node.value if node.kind == "name" else None
    if ref is None:
        return node.kind
    return f"the derivative of {ref.key}" if node.kind == "d" else f"the name {ref.key}"

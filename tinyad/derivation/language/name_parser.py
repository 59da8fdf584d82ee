"""Names in a formula: the word, its scripts and powers, and which known name they are."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining

from tinyad.derivation.language.names import ACCENTS, Names, Scripts, exponent
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.syntax_tree import Node, Ref, Token
from tinyad.derivation.language.token_cursor import TokenCursor

DERIVATIVE_LETTERS = ("d", "δ", "∂")
NAMES_ALONE = ("word", "number", "group(", ")group", "dots")  # kinds of tokens in the (x, …) of f(x, …)
LETTERS_JOINED = 12  # of a name whose letters stand apart in LaTeX
POWERS = {"T": "transpose", "2": "square", "-1": "inverse"}


class NameParser:
    """Read names, and derivatives of names such as dz, from a cursor."""

    def __init__(self, cursor: TokenCursor, names: Names, builder: NodeBuilder) -> None:
        self.cursor, self.names, self.node = cursor, names, builder.node

    def script_groups(self) -> tuple[list[tuple[str, list[Token]]], int]:
        """Read the scripts behind a name; return them, and where the name ends with those that are part of it."""
        groups: list[tuple[str, list[Token]]] = []
        end = self.cursor.end
        while self.cursor.is_op("_", "^") and self.cursor.ahead().kind == "group(":
            sign = self.cursor.token.text
            self.cursor.at += 1
            groups.append((sign, self.cursor.group()))
            self.refuse_shifted_index(sign, groups[-1][1])
            letters = [t.text for t in groups[-1][1] if t.text != ","]
            alone = len(letters) > 1 and all(c.isalpha() and c.islower() and len(c) == 1 for c in letters)
            if sign == "^" and alone and set(letters) & self.names.indices:
                message = "indices above a name, as in A^{ij}, are not read: write A_{ij}, and Σ where a sum is meant"
                self.cursor.fail(message, groups[-1][1][0])
            if sign == "_" and any(t[:2] == ("op", ":") for t in groups[-1][1]):
                message = "rows and columns of a matrix, as A_{i,:}, are not read: write components A_{ij}, or a sum"
                self.cursor.fail(message, groups[-1][1][0])
            if not self.names.scripts(groups[-1:]).powers:
                end = self.cursor.end
        return groups, end

    def refuse_shifted_index(self, sign: str, group: Sequence[Token]) -> None:
        """Fail at x_{i+1} where i is an index, and no time."""
        shifted = any(t.kind == "op" and t.text in "+-" for t in group) and sign == "_"
        letters = {t.text for t in group if t.kind == "word"} - {self.names.time, self.names.last}
        if shifted and letters & self.names.indices:
            text = "".join(t.text for t in group if t.kind not in ("group(", ")group"))
            self.cursor.fail(f"{text} is no index: components with a shifted index are not read", group[0])

    def end_before_power(self, first: int) -> int:
        """Return where the name ends whose last script, of those from token `first` on, is a power."""
        at = max(k for k in range(first, self.cursor.at) if self.cursor.tokens[k].text == "^")
        return self.cursor.tokens[at - 1].end

    def whole_word(self) -> Token:
        """Read a word; in LaTeX, where W1 is two signs, with what follows at once if only both make a known name."""
        token = self.cursor.expect("word")
        function = self.joined_function(token)
        if function is not None:
            return function
        joined, at, tokens = token, self.cursor.at, self.cursor.tokens
        while at < len(tokens) and tokens[at].start == joined.end and tokens[at].kind in ("word", "number"):
            if len(joined.text) > LETTERS_JOINED or self.knows(joined.text):
                break
            joined, at = joined._replace(text=joined.text + tokens[at].text, end=tokens[at].end), at + 1
        if joined is token or not self.knows(joined.text):
            return token
        self.cursor.at = at
        return joined

    def joined_function(self, token: Token) -> Token | None:
        """Read the letters of a function before a bracket, l o g ( in LaTeX, as one word; None if there is none."""
        tokens, at, text = self.cursor.tokens, self.cursor.at, token.text
        while at < len(tokens) and tokens[at].kind == "word" and tokens[at].start == tokens[at - 1].end:
            text, at = text + tokens[at].text, at + 1
        bracket = at < len(tokens) and (tokens[at].kind == "open" or tokens[at].spaced)
        if at == self.cursor.at or not bracket or text not in self.names.functions or self.names.is_known(text):
            return None
        self.cursor.at = at
        return token._replace(text=text, end=tokens[at - 1].end)

    def skip_arguments(self) -> str:
        """Read the (W, b) of L(W, b), directly behind a name, and return W,b: names alone, which say nothing more."""
        opened = self.cursor.token
        if (opened.kind, opened.text) != ("open", "(") or opened.spaced:
            return ""
        end = self.cursor.at
        while self.cursor.tokens[end : end + 1] and self.cursor.tokens[end].kind != "close":
            end += 1
        inner = self.cursor.tokens[self.cursor.at + 1 : end] if end < len(self.cursor.tokens) else ()
        if inner and all(t.kind in NAMES_ALONE or t.text in ",;_^·|'" for t in inner):
            self.cursor.at = end + 1
            return "".join(t.text for t in inner)
        return ""

    def applied(self, node: Node) -> Node:
        """Return f behind which f(x) = ... was computed, with the same argument or none."""
        opened, arguments = self.cursor.token, self.skip_arguments()
        known = self.names.applied.get(node.value.key, "")
        if arguments and known and arguments != known and node.value.key != self.names.loss:
            self.cursor.fail(f"{node.value.key} was computed for ({known}), not for ({arguments})", opened)
        return node._replace(end=self.cursor.end) if arguments else node

    def knows(self, word: str) -> bool:
        """Return whether a word is a known name."""
        known = self.names.is_known(self.names.ref(word, Scripts()).key) or word in self.names.layered
        return known or bool(self.names.flat(word))

    def single_name(self, tokens: Sequence[Token], near: Token) -> tuple[Ref, Scripts]:
        """Return the single name that these tokens make, and its scripts."""
        with self.cursor.within(tokens):
            token = self.whole_word()
            groups, end = self.script_groups()
            scripts = self.names.scripts(groups)
            node = self.named(token, scripts._replace(powers=()), end)
            if self.cursor.at < len(tokens) or node.kind != "name":
                self.cursor.fail("expected one name after ∇ or ∂", near)
            return node.value, scripts

    def named(self, token: Token, scripts: Scripts, end: int) -> Node:
        """Return the only reading of a word: a name, a derivative d..., or several names side by side."""
        word = token.text
        readings = [self.name(ref, scripts, token.start, end) for ref in self.known_refs(word, scripts)]
        if not (readings and self.names.bars):
            readings += self.derivatives(token, scripts, end)
        unnamed = self.names.ref("_", scripts)  # d_3 in a printed routine
        if not readings and word in ("d", "δ") and self.names.is_known(unnamed.key):
            readings = [self.node("d", (), (unnamed, None), token.start, end)]
        if not readings:
            product = self.product(token, scripts, end)
            if product is not None:
                return product
            readings = [self.unknown(token, scripts, end)]
        if len(readings) > 1:
            both = " or ".join(describe(node) for node in readings[:2])
            self.cursor.fail(
                f"{self.cursor.source.text[token.start : end]} has two readings, {both}: rename one of them", token
            )
        node = readings[0]
        if node.kind == "name" and (node.value.key in self.names.applied or node.value.key == self.names.loss):
            return self.applied(node)
        return self.tight_shift(node, token)

    def known_refs(self, word: str, scripts: Scripts) -> list[Ref]:
        """Return the known names that a word can be: with its scripts, or else with its letters alone."""
        ref = self.names.ref(word, scripts)
        return [ref] if self.names.is_known(ref.key) else self.without_scripts(word, scripts)

    def without_scripts(self, word: str, scripts: Scripts) -> list[Ref]:
        """Return the known names whose letters a word has, in scripts or not: WfC, ft, z24."""
        if scripts.below or scripts.above:
            return []
        return [
            ref._replace(time=scripts.time or ref.time, indices=scripts.indices)
            for ref in self.names.flat(word)
            if not (scripts.time and ref.time)
        ]

    def known_ref(self, word: str, scripts: Scripts) -> Ref:
        """Return the known name that a word is, or the word itself where there is none, or more than one."""
        refs = self.known_refs(word, scripts)
        return refs[0] if len(refs) == 1 else self.names.ref(word, scripts)

    def derivatives(self, token: Token, scripts: Scripts, end: int) -> list[Node]:
        """Return dz, δz and, if bars are adjoints, z̄ of known names z: derivatives of the loss, or differentials."""
        if self.names.bars and token.text.endswith(ACCENTS["bar"]):
            refs = self.known_refs(token.text.removesuffix(ACCENTS["bar"]), scripts)
            return [self.powers(self.node("d", (), (ref, None), token.start, end), scripts) for ref in refs]
        if not is_derivative(token):
            return []
        refs, start = self.known_refs(token.text[1:], scripts), token.start
        if not (self.names.differentials and token.text[0] == "d"):
            return [self.powers(self.node("d", (), (ref, None), start, end), scripts) for ref in refs]
        moved = [self.node("name", (), ref, start, end) for ref in refs]
        return [self.powers(self.node("differential", (name,), None, start, end), scripts) for name in moved]

    def product(self, token: Token, scripts: Scripts, end: int) -> Node | None:
        """Return the product of the names that a word consists of; the scripts belong to the last."""
        products = self.names.products(token.text)
        if len(products) > 1:
            both = " or ".join(" ".join(ref.key for ref in refs) for refs in products[:2])
            self.cursor.fail(f"{token.text} has two readings, {both}: put spaces between the names", token)
        if not products:
            return None
        *before, last = products[0]
        last = last._replace(time=scripts.time or last.time, indices=scripts.indices)
        nodes = [self.node("name", (), ref, token.start, end) for ref in before]
        nodes.append(self.name(last, scripts, token.start, end))
        product = nodes[0]
        for node in nodes[1:]:
            product = self.node("*", (product, node), None, token.start, end)
        return product

    def unknown(self, token: Token, scripts: Scripts, end: int) -> Node:
        """Return a name that is not declared, or the derivative of one after a d, or below a bar."""
        word = token.text
        barred = self.names.bars and word.endswith(ACCENTS["bar"])
        if barred or (is_derivative(token) and word[0] != "∂"):
            ref = self.names.ref(word.removesuffix(ACCENTS["bar"]) if barred else word[1:], scripts)
            return self.powers(self.node("d", (), (ref, None), token.start, end), scripts)
        return self.name(self.names.ref(word, scripts), scripts, token.start, end)

    def tight_shift(self, node: Node, token: Token) -> Node:
        """Read the -1 of Ct-1, which is C at t - 1 if there are no spaces."""
        sign, number = self.cursor.token, self.cursor.ahead()
        ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
        follows_time = self.cursor.source.text[sign.start - 1 : sign.start] == self.names.time
        signed = self.cursor.is_op("+", "-") and not sign.spaced and follows_time
        digits = number.kind == "number" and number.text.isdigit() and not number.spaced
        if ref is None or ref.time != ("t", 0) or not (signed and digits):
            return node
        self.cursor.at += 2
        shifted = ref._replace(time=("t", int(sign.text + number.text)))
        return node._replace(value=shifted if node.kind == "name" else (shifted, node.value[1]), end=number.end)

    def name(self, ref: Ref, scripts: Scripts, start: int, end: int) -> Node:
        """Return a name with its powers."""
        return self.powers(self.node("name", (), ref, start, end), scripts)

    def powers(self, node: Node, scripts: Scripts) -> Node:
        """Return a node with the powers that are among its scripts."""
        for power in scripts.powers:
            kind, value = power_of(power)
            node = self.node(kind, (node,), value, node.start, self.cursor.end)
        return node

    def function_name(self, tokens: Sequence[Token]) -> Ref | None:
        """Return the function that these tokens name, or None."""
        if not tokens or tokens[0].kind != "word":
            return None
        with self.cursor.within(tokens):
            self.cursor.at = 1
            groups, _ = self.script_groups()
            at_end = self.cursor.at == len(tokens)
        return self.names.ref(tokens[0].text, self.names.scripts(groups)) if at_end else None


def power_of(text: str) -> tuple[str, float | str | None]:
    """Return the kind and the value of the node that a power makes: T, 2, -1, 3, ∘3 for every entry."""
    if text in POWERS:
        return POWERS[text], None
    if text == "∘2":
        return "square", "∘"  # of every entry, also of a square matrix
    return "power", exponent(text.removeprefix("∘"))


def is_derivative(token: Token) -> bool:
    """Return whether a token is a word like dz, and no d with an accent."""
    text = token.text
    return token.kind == "word" and len(text) > 1 and text[0] in DERIVATIVE_LETTERS and not combining(text[1])


def describe(node: Node) -> str:
    """Return a reading of a word in words."""
    ref = node.value[0] if node.kind == "d" else node.value if node.kind == "name" else None
    if ref is None:
        return node.kind
    return f"the derivative of {ref.key}" if node.kind == "d" else f"the name {ref.key}"

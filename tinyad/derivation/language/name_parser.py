"""Names in a formula: the word, its scripts and powers, and which known name they are."""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.derivation.language.names import Names, Scripts
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.syntax_tree import Node, Ref, Token
from tinyad.derivation.language.token_cursor import TokenCursor

DERIVATIVE_LETTERS = ("d", "δ", "∂")
POWERS = {"T": "transpose", "2": "square", "-1": "inverse"}


class NameParser:
    """Read names, and derivatives of names such as dz, from a cursor."""

    def __init__(self, cursor: TokenCursor, names: Names, builder: NodeBuilder) -> None:
        self.cursor, self.names, self.node = cursor, names, builder.node

    def script_groups(self) -> tuple[list[tuple[str, list[Token]]], int]:
        """The scripts that follow a name, and where the name with those that belong to it ends."""
        groups: list[tuple[str, list[Token]]] = []
        end = self.cursor.end
        while self.cursor.is_op("_", "^") and self.cursor.ahead().kind == "group(":
            sign = self.cursor.token.text
            self.cursor.at += 1
            groups.append((sign, self.cursor.group()))
            if not self.names.scripts(groups[-1:]).powers:
                end = self.cursor.end
        return groups, end

    def whole_name(self, tokens: Sequence[Token], near: Token) -> tuple[Ref, Scripts]:
        """The one name that these tokens spell."""
        with self.cursor.within(tokens):
            token = self.cursor.expect("word")
            groups, end = self.script_groups()
            found = self.names.scripts(groups)
            node = self.named(token, found._replace(powers=()), end)
            if self.cursor.at < len(tokens) or node.kind != "name":
                self.cursor.fail("one name is awaited after ∇ and ∂", near)
            return node.value, found

    def named(self, token: Token, found: Scripts, end: int) -> Node:
        """The one reading of a word: a name, a derivative d..., or several names side by side."""
        word = token.text
        readings = [self.name(ref, found, token.start, end) for ref in self.refs(word, found)]
        readings += self.derivatives(token, found, end)
        unnamed = self.names.ref("_", found)  # d_3 in a printed routine
        if not readings and word in ("d", "δ") and self.names.is_known(unnamed.key):
            readings = [self.node("d", (), (unnamed, None), token.start, end)]
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
        whole = self.names.ref(word, found)
        return [whole] if self.names.is_known(whole.key) else self.run_together(word, found)

    def run_together(self, word: str, found: Scripts) -> list[Ref]:
        """WfC, ft, z24: the known names whose letters a word has, script or not."""
        if found.below or found.above:
            return []
        return [
            ref._replace(time=found.time or ref.time, indices=found.indices)
            for ref in self.names.flat(word)
            if not (found.time and ref.time)
        ]

    def one_ref(self, word: str, found: Scripts) -> Ref:
        """The known name that a word is, or the word itself where there is none, or more than one."""
        refs = self.refs(word, found)
        return refs[0] if len(refs) == 1 else self.names.ref(word, found)

    def derivatives(self, token: Token, found: Scripts, end: int) -> list[Node]:
        """dz and δz of known names z, as derivatives of the loss or as differentials."""
        if not is_derivative(token):
            return []
        refs, start = self.refs(token.text[1:], found), token.start
        if not (self.names.differentials and token.text[0] == "d"):
            return [self.powers(self.node("d", (), (ref, None), start, end), found) for ref in refs]
        moved = [self.node("name", (), ref, start, end) for ref in refs]
        return [self.powers(self.node("differential", (name,), None, start, end), found) for name in moved]

    def product(self, token: Token, found: Scripts, end: int) -> Node | None:
        """A word that is several names; the scripts belong to the last."""
        products = self.names.products(token.text)
        if len(products) > 1:
            said = " or ".join(" ".join(ref.key for ref in refs) for refs in products[:2])
            self.cursor.fail(f"{token.text} has two readings, {said}: put spaces between the names", token)
        if not products:
            return None
        *before, last = products[0]
        last = last._replace(time=found.time or last.time, indices=found.indices)
        nodes = [self.node("name", (), ref, token.start, end) for ref in before]
        nodes.append(self.name(last, found, token.start, end))
        product = nodes[0]
        for node in nodes[1:]:
            product = self.node("*", (product, node), None, token.start, end)
        return product

    def unknown(self, token: Token, found: Scripts, end: int) -> Node:
        """A name that nothing declares; behind a d, the derivative of one."""
        word = token.text
        if len(word) > 1 and word[0] in "dδ":
            return self.powers(self.node("d", (), (self.names.ref(word[1:], found), None), token.start, end), found)
        return self.name(self.names.ref(word, found), found, token.start, end)

    def tight_shift(self, node: Node, token: Token) -> Node:
        """Ct-1, without spaces, is C at t - 1."""
        sign, number = self.cursor.token, self.cursor.ahead()
        ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
        tight = (
            self.cursor.is_op("+", "-")
            and not sign.spaced
            and self.cursor.source.text[sign.start - 1] == self.names.time
        )
        whole = number.kind == "number" and number.text.isdigit() and not number.spaced
        if ref is None or ref.time != ("t", 0) or not (tight and whole):
            return node
        self.cursor.at += 2
        shifted = ref._replace(time=("t", int(sign.text + number.text)))
        return node._replace(value=shifted if node.kind == "name" else (shifted, node.value[1]), end=number.end)

    def name(self, ref: Ref, found: Scripts, start: int, end: int) -> Node:
        """A name, and the powers of it."""
        return self.powers(self.node("name", (), ref, start, end), found)

    def powers(self, node: Node, found: Scripts) -> Node:
        """A node with the powers that were among its scripts."""
        for power in found.powers:
            kind, value = (POWERS[power], None) if power in POWERS else ("power", int(power))
            node = self.node(kind, (node,), value, node.start, self.cursor.end)
        return node

    def key_of(self, tokens: Sequence[Token]) -> Ref | None:
        """The function that these tokens name, or None."""
        if not tokens or tokens[0].kind != "word":
            return None
        with self.cursor.within(tokens):
            self.cursor.at = 1
            groups, _ = self.script_groups()
            at_end = self.cursor.at == len(tokens)
        return self.names.ref(tokens[0].text, self.names.scripts(groups)) if at_end else None


def is_derivative(token: Token) -> bool:
    """Whether a token is a word like dz."""
    return token.kind == "word" and len(token.text) > 1 and token.text[0] in DERIVATIVE_LETTERS


def describe(node: Node) -> str:
    """What a reading of a word is, in words."""
    ref = node.value[0] if node.kind == "d" else node.value if node.kind == "name" else None
    if ref is None:
        return node.kind
    return f"the derivative of {ref.key}" if node.kind == "d" else f"the name {ref.key}"

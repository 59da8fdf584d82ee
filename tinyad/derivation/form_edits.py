"""Other operations on the same operands."""

from __future__ import annotations

from tinyad.derivation.edits import Edit, Pen
from tinyad.derivation.spelling import CLOSE, OPEN, Spelling, nodes, span
from tinyad.derivation.tree import Node, Ref, Token

OPERATORS = ("∘", "*", "+", "-", "tanh", "sigmoid", "softmax", "none")  # of the slides' deriv()
MINUS = Token("op", "-", 0, 0)


class FormEdits(Pen):
    """Edits of operators, signs, transpositions, functions and brackets."""

    def transpositions(self) -> list[Edit]:
        """One more, or one less."""
        found, new = [], self.spellings.transposed
        for node in nodes(self.node):
            if node.kind == "transpose":
                inner, outer = span(self.tokens, node.parts[0]), span(self.tokens, node)
                if outer[1] > inner[1]:
                    tree = node, node.parts[0]
                    found.append(Edit(inner[1], outer[1], (), node.parts[0].end, node.end, "", 21, "transpose", tree))
            elif node.kind in ("name", "d", "bracket", "call", "prime"):
                found.append(
                    self.insert(span(self.tokens, node)[1], node.end, new, 22, "transpose", ("transpose", node))
                )
        return found

    def operators(self) -> list[Edit]:
        """The other product, and the other operations of deriv()."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("∘", "*", "/"):
                found += self.other_product(node)
            elif node.kind == "deriv":
                k = span(self.tokens, node)[1] - 2
                others = (s for s in OPERATORS if self.tokens[k].kind == "string" and s != self.tokens[k].text)
                found += [self.sign(k, symbol, 8, "operator") for symbol in others]
        return found

    def other_product(self, node: Node) -> list[Edit]:
        """∘ for a matrix product, and a matrix product for ∘ and /."""
        (_, before), (after, _) = (span(self.tokens, part) for part in node.parts)
        gap = node.parts[0].end, node.parts[1].start
        tokens, text = self.spellings.circle if node.kind == "*" else ((), " ")
        tree = node, node._replace(kind="∘" if node.kind == "*" else "*")
        if node.value is None:  # nothing stands between them
            return [Edit(after, after, tokens, *gap, text, 24, "operator", tree)] if node.kind == "*" else []
        signs = [k for k in range(before, after) if self.tokens[k].kind == "op"]
        return [Edit(k, k + 1, tokens, *gap, text, 24, "operator", tree) for k in signs[:1]]

    def signs(self) -> list[Edit]:
        """+ for -, and one sign more or less."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("+", "-"):
                (_, before), (after, _) = (span(self.tokens, part) for part in node.parts)
                new = "-" if node.kind == "+" else "+"
                signs = [k for k in range(before, after) if self.tokens[k].text == node.kind]
                found += [self.sign(k, new, 26, "sign", (node, node._replace(kind=new))) for k in signs[:1]]
            elif node.kind == "neg":
                found.append(self.replace(node, self.spelled(node.parts[0]), 26, "sign", node.parts[0]))
        whole = self.spelled(self.node)
        made = Node("neg", (self.node,), None, self.node.start, self.node.end)
        if self.node.kind in ("+", "-"):
            turned = Spelling((MINUS, OPEN, *whole.tokens, CLOSE), f"-({whole.text})")
            return [*found, self.replace(self.node, turned, 60, "sign", made)]
        return [*found, self.replace(self.node, Spelling((MINUS, *whole.tokens), f"-{whole.text}"), 26, "sign", made)]

    def calls(self) -> list[Edit]:
        """Another function, none, or one where there was none."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("call", "prime") and len(node.parts) == 1:
                found.append(self.replace(node, self.spelled(node.parts[0]), 30, "activation", node.parts[0]))
            if node.kind == "call":
                first, _ = span(self.tokens, node)
                for new in self.functions:
                    name = new.tokens[0].text
                    if name != self.tokens[first].text and self.tokens[first].kind == "word":
                        token, tree = self.tokens[first], (node, node._replace(value=Ref(name)))
                        found.append(
                            Edit(first, first + 1, new.tokens, token.start, token.end, new.text, 28, "activation", tree)
                        )
            if node.kind in ("name", "call"):
                inner = self.spelled(node)
                for new in self.functions:
                    made = Node("call", (node,), Ref(new.tokens[0].text), node.start, node.end)
                    applied = Spelling((*new.tokens, OPEN, *inner.tokens, CLOSE), f"{new.text}({inner.text})")
                    found.append(self.replace(node, applied, 32, "activation", made))
        return found

    def primes(self) -> list[Edit]:
        """f' in the place of f, and back."""
        found = []
        for node in nodes(self.node):
            if node.kind == "call" and len(node.parts) == 1:
                first, _ = span(self.tokens, node)
                opened = next((k for k in range(first, len(self.tokens)) if self.tokens[k].kind == "open"), None)
                if opened is None:  # tanh c, without brackets
                    continue
                at = self.tokens[opened - 1].end
                tree = node, node._replace(kind="prime")
                found.append(Edit(opened, opened, (Token("op", "'", 0, 0),), at, at, "'", 27, "activation", tree))
            elif node.kind == "prime":
                first, last = span(self.tokens, node)
                k = next((k for k in range(first, last) if self.tokens[k].text == "'"), None)
                if k is not None:
                    mark, tree = self.tokens[k], (node, node._replace(kind="call"))
                    found.append(Edit(k, k + 1, (), mark.start, mark.end, "", 27, "activation", tree))
        return found

    def squares(self) -> list[Edit]:
        """x² for x, and back."""
        found = []
        two = (Token("op", "^", 0, 0), Token("group(", "", 0, 0), Token("number", "2", 0, 0), Token(")group", "", 0, 0))
        new = Spelling(two, "^2" if self.spellings.latex else "²")
        for node in nodes(self.node):
            if node.kind in ("name", "call", "bracket"):
                at = span(self.tokens, node)[1]
                found.append(self.insert(at, node.end, new, 34, "activation", ("square", node)))
            elif node.kind == "square":
                found.append(self.replace(node, self.spelled(node.parts[0]), 34, "activation", node.parts[0]))
        return found

    def complements(self) -> list[Edit]:
        """1 - x in the place of x."""
        found = []
        one = Node("number", (), 1.0, 0, 0)
        number = Token("number", "1", 0, 0)
        for node in nodes(self.node):
            if node.kind == "neg":
                first = span(self.tokens, node)[0]
                tree = node, Node("-", (one, *node.parts), None, node.start, node.end)
                found.append(Edit(first, first, (number,), node.start, node.start, "1 ", 20, "activation", tree))
            if node.kind in ("name", "call", "square"):
                inner = self.spelled(node)
                made = Node("bracket", (Node("-", (one, node), None, node.start, node.end),), "(", node.start, node.end)
                new = Spelling((OPEN, number, MINUS, *inner.tokens, CLOSE), f"(1 - {inner.text})")
                found.append(self.replace(node, new, 33, "activation", made))
        return found

    def swaps(self) -> list[Edit]:
        """The operands in the other order."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("*", "-", "/"):
                (_, before), (after, _) = (span(self.tokens, part) for part in node.parts)
                a, b = (self.spelled(part) for part in node.parts)
                gap = self.source.text[node.parts[0].end : node.parts[1].start] or " "
                new = Spelling((*b.tokens, *self.tokens[before:after], *a.tokens), b.text + gap + a.text)
                found.append(self.replace(node, new, 36, "order", node._replace(parts=node.parts[::-1])))
        return found

    def brackets(self) -> list[Edit]:
        """Take a pair away, or put one around neighbours."""
        brackets = [node for node in nodes(self.node) if node.kind == "bracket"]
        found = [self.replace(node, self.spelled(node.parts[0]), 38, "bracket") for node in brackets]
        text = self.source.text
        operands = [n for n in nodes(self.node) if n.kind not in ("+", "-", "∘", "*", "/", "neg", "sum")]
        operands = sorted({(n.start, n.end): n for n in operands}.values(), key=lambda n: (n.start, -n.end))
        outer = [
            n
            for n in operands
            if not any(m.start <= n.start and n.end <= m.end and m is not n and m.kind != "bracket" for m in operands)
        ]
        for i, a in enumerate(outer[:12]):
            for b in outer[i + 1 : i + 6]:
                first, last = span(self.tokens, a)[0], span(self.tokens, b)[1]
                inside = self.tokens[first:last]
                if sum({"open": 1, "close": -1}.get(t.kind, 0) for t in inside) == 0:
                    tokens = (OPEN, *inside, CLOSE)
                    found.append(Edit(first, last, tokens, a.start, b.end, f"({text[a.start : b.end]})", 43, "bracket"))
        return found

"""Other operations on the same operands."""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.derivation.language.syntax_tree import Node, Ref, Token, walk
from tinyad.derivation.repair.author_notation import CLOSE, OPEN, Spelling, span
from tinyad.derivation.repair.edit import Edit, Pen

OPERATORS = ("∘", "*", "+", "-", "tanh", "sigmoid", "softmax", "none")  # of the slides' deriv()
MINUS = Token("op", "-", 0, 0)


class FormEdits(Pen):
    """Edits of operators, signs, transpositions, functions and brackets."""

    def transpositions(self) -> list[Edit]:
        """One more, or one less."""
        found, new = [], self.spellings.transposed
        for node in walk(self.node):
            if node.kind == "transpose":
                if node.parts[0].end < node.end:
                    inner = self.bare(node.parts[0])
                    found.append(self.replace(node, self.spelled(inner), 21, "transpose", inner))
            elif node.kind in ("name", "d", "bracket", "call", "prime"):
                found.append(
                    self.insert(span(self.tokens, node)[1], node.end, new, 22, "transpose", ("transpose", node))
                )
        return found

    def operators(self) -> list[Edit]:
        """The other product, and the other operations of deriv()."""
        found = []
        for node in walk(self.node):
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
        for node in walk(self.node):
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
        for node in walk(self.node):
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
                    rank = -1 if applied.text in self.spelled(self.node).text else 31 + (node.kind == "call")
                    found.append(self.replace(node, applied, rank, "activation", made))
        return found

    def primes(self) -> list[Edit]:
        """f' in the place of f, and back."""
        found = []
        for node in walk(self.node):
            if node.kind == "call" and len(node.parts) == 1:
                first, _ = span(self.tokens, node)
                opened = next((k for k in range(first, len(self.tokens)) if self.tokens[k].kind == "open"), None)
                if opened is None:  # tanh c, without brackets
                    continue
                at = self.tokens[opened - 1].end
                tree = node, node._replace(kind="prime")
                rank = 27 if self.spellings.primes else 51
                found.append(Edit(opened, opened, (Token("op", "'", 0, 0),), at, at, "'", rank, "activation", tree))
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
        for node in walk(self.node):
            if node.kind in ("name", "call", "bracket"):
                at = span(self.tokens, node)[1]
                found.append(self.insert(at, node.end, new, 34, "activation", ("square", node)))
            elif node.kind == "square":
                inner = self.bare(node.parts[0])
                found.append(self.replace(node, self.spelled(inner), 34, "activation", inner))
        return found

    def complements(self) -> list[Edit]:
        """1 - x in the place of x."""
        found = []
        one = Node("number", (), 1.0, 0, 0)
        number = Token("number", "1", 0, 0)
        for node in walk(self.node):
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
        for node in walk(self.node):
            if node.kind in ("*", "-", "/"):
                (_, before), (after, _) = (span(self.tokens, part) for part in node.parts)
                a, b = (self.spelled(part) for part in node.parts)
                gap = self.source.text[node.parts[0].end : node.parts[1].start] or " "
                new = Spelling((*b.tokens, *self.tokens[before:after], *a.tokens), b.text + gap + a.text)
                found.append(self.replace(node, new, 36, "order", node._replace(parts=node.parts[::-1])))
        return found

    def brackets(self) -> list[Edit]:
        """Take a pair away, move one of its ends, or put one around neighbours."""
        found = []
        for node in (node for node in walk(self.node) if node.kind == "bracket"):
            found.append(self.replace(node, self.spelled(node.parts[0]), 38, "bracket"))
            found += self.moved_ends(node)
        text, starts = self.source.text, self.ends(0)
        for first, begun in starts[:24]:
            after = [end for end in self.ends(1) if end[0] > first + 1]
            for last, ended in after[:8]:
                inside = self.tokens[first:last]
                if balanced(inside) and not self.enclosed(first, last) and mixed(inside):
                    tokens = (OPEN, *inside, CLOSE)
                    found.append(Edit(first, last, tokens, begun, ended, f"({text[begun:ended]})", 24, "bracket"))
        return found

    def enclosed(self, first: int, last: int) -> bool:
        """Whether brackets stand around these tokens already."""
        after = self.tokens[last].kind if last < len(self.tokens) else ""
        return self.tokens[first - 1].kind == "open" and after == "close"

    def ends(self, side: int) -> list[tuple[int, int]]:
        """Where operands begin, or end: their tokens, and their places in the text."""
        operands = [n for n in walk(self.node) if n.kind not in ("+", "-", "∘", "*", "/", "neg", "sum")]
        return sorted({(span(self.tokens, n)[side], (n.start, n.end)[side]) for n in operands})

    def moved_ends(self, node: Node) -> list[Edit]:
        """A pair of brackets that closes later, or opens earlier."""
        found = []
        first, last = span(self.tokens, node)
        head, tail = self.tokens[first : first + 1], self.tokens[last - 1 : last]
        text, inner = self.source.text, node.parts[0]
        opening, closing = text[node.start : inner.start].rstrip(), text[inner.end : node.end].lstrip()
        for end, place in self.ends(1):
            if end > last and balanced(self.tokens[last:end]) and not self.enclosed(first, end):
                tokens = (*self.tokens[first : last - 1], *self.tokens[last:end], *tail)
                made = text[node.start : inner.end] + text[node.end : place] + closing
                found.append(Edit(first, end, tokens, node.start, place, made, 23, "bracket"))
        for begin, place in self.ends(0):
            if begin < first and balanced(self.tokens[begin:first]) and not self.enclosed(begin, last):
                tokens = (*head, *self.tokens[begin:first], *self.tokens[first + 1 : last])
                made = opening + text[place : node.start] + text[inner.start : node.end]
                found.append(Edit(begin, last, tokens, place, node.end, made, 23, "bracket"))
        return found


def mixed(tokens: Sequence[Token]) -> bool:
    """Whether an operation that another one could part stands outside of inner brackets."""
    depth = 0
    for token in tokens:
        depth += {"open": 1, "group(": 1, "close": -1, ")group": -1}.get(token.kind, 0)
        if depth == 0 and token.kind == "op" and token.text in "+-∘*·":
            return True
    return False


def balanced(tokens: Sequence[Token]) -> bool:
    """Whether every bracket and every script that begins here also ends here."""
    depth = {"open": 0, "group(": 0}
    for token in tokens:
        kind = {"open": ("open", 1), "close": ("open", -1), "group(": ("group(", 1), ")group": ("group(", -1)}
        if token.kind in kind:
            which, step = kind[token.kind]
            depth[which] += step
            if depth[which] < 0:
                return False
    return not any(depth.values())

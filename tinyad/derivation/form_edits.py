"""Other operations on the same operands."""

from __future__ import annotations

from tinyad.derivation.edits import Edit, Pen
from tinyad.derivation.spelling import Spelling, nodes, span
from tinyad.derivation.tree import Node, Ref, Token


class FormEdits(Pen):
    """Edits of operators, signs, transpositions, functions and brackets."""

    def transpositions(self) -> list[Edit]:
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
        found = []
        for node in nodes(self.node):
            if node.kind not in ("∘", "*", "/"):
                continue
            left, right = (span(self.tokens, part) for part in node.parts)
            gap = node.parts[0].end, node.parts[1].start
            tokens, text = self.spellings.circle if node.kind == "*" else ((), " ")
            tree = node, node._replace(kind="∘" if node.kind == "*" else "*")
            if node.value is not None:
                k = next(
                    (
                        k
                        for k in range(left[1], right[0])
                        if self.tokens[k].start == node.value[0] and self.tokens[k].end > self.tokens[k].start
                    ),
                    None,
                )
                if k is not None:
                    found.append(Edit(k, k + 1, tokens, gap[0], gap[1], text, 24, "operator", tree))
            elif node.kind == "*":
                found.append(Edit(right[0], right[0], tokens, gap[0], gap[1], text, 24, "operator", tree))
        for node in nodes(self.node):
            if node.kind == "deriv":
                k = span(self.tokens, node)[1] - 2
                for symbol in ("∘", "*", "+", "-", "tanh", "sigmoid", "softmax", "none"):
                    token = self.tokens[k]
                    if token.kind == "string" and token.text != symbol:
                        found.append(
                            Edit(
                                k,
                                k + 1,
                                (token._replace(text=symbol),),
                                token.start,
                                token.end,
                                f"'{symbol}'",
                                8,
                                "operator",
                            )
                        )
                if len(node.parts) == 2:
                    for ref in self.wanted:
                        for spelling in (self.spellings.name(ref),):
                            if spelling is not None:
                                at, end = span(self.tokens, node.parts[0])[1], node.parts[0].end
                                comma = Spelling((Token("op", ",", 0, 0), *spelling.tokens), f", {spelling.text}")
                                found.append(self.insert(at, end, comma, 9, "name"))
                if len(node.parts) == 1:
                    at, end = span(self.tokens, node.parts[0])[1], node.parts[0].end
                    for ref in self.wanted:
                        spelling = self.spellings.name(ref)
                        if spelling is not None:
                            comma = Spelling((Token("op", ",", 0, 0), *spelling.tokens), f", {spelling.text}")
                            found.append(self.insert(at, end, comma, 9, "name"))
        return found

    def signs(self) -> list[Edit]:
        found = []
        minus = Token("op", "-", 0, 0)
        for node in nodes(self.node):
            if node.kind in ("+", "-"):
                left, right = (span(self.tokens, part) for part in node.parts)
                for k in range(left[1], right[0]):
                    token = self.tokens[k]
                    if token.kind == "op" and token.text == node.kind:
                        new = "-" if node.kind == "+" else "+"
                        found.append(
                            Edit(
                                k,
                                k + 1,
                                (token._replace(text=new),),
                                token.start,
                                token.end,
                                new,
                                26,
                                "sign",
                                (node, node._replace(kind=new)),
                            )
                        )
            if node.kind == "neg":
                first = next(k for k, t in enumerate(self.tokens) if t.start >= node.start)
                found.append(
                    Edit(first, first + 1, (), node.start, node.parts[0].start, "", 26, "sign", (node, node.parts[0]))
                )
        start = span(self.tokens, self.node)[0]
        if self.node.kind not in ("+", "-"):
            found.append(self.insert(start, self.node.start, Spelling((minus,), "-"), 26, "sign", ("neg", self.node)))
        if self.node.kind in ("+", "-"):  # the whole sum
            brackets = Token("open", "(", 0, 0), Token("close", ")", 0, 0)
            last = span(self.tokens, self.node)[1]
            inner = self.tokens[start:last]
            text = self.source.text[self.node.start : self.node.end]
            found.append(
                Edit(
                    start,
                    last,
                    (minus, brackets[0], *inner, brackets[1]),
                    self.node.start,
                    self.node.end,
                    f"-({text})",
                    60,
                    "sign",
                )
            )
        return found

    def calls(self) -> list[Edit]:
        found = []
        for node in nodes(self.node):
            if node.kind in ("call", "prime"):
                first, last = span(self.tokens, node)
                for new in self.functions:
                    if (
                        node.kind == "call"
                        and new.tokens[0].text != self.tokens[first].text
                        and self.tokens[first].kind == "word"
                    ):
                        token = self.tokens[first]
                        made = node._replace(value=Ref(new.tokens[0].text))
                        found.append(
                            Edit(
                                first,
                                first + 1,
                                new.tokens,
                                token.start,
                                token.end,
                                new.text,
                                28,
                                "activation",
                                (node, made),
                            )
                        )
                inner = span(self.tokens, node.parts[0])
                if len(node.parts) == 1:
                    text = self.source.text[node.parts[0].start : node.parts[0].end]
                    found.append(
                        Edit(
                            first,
                            last,
                            tuple(self.tokens[slice(*inner)]),
                            node.start,
                            node.end,
                            text,
                            30,
                            "activation",
                            (node, node.parts[0]),
                        )
                    )
            if node.kind in ("name", "call"):
                first, last = span(self.tokens, node)
                text = self.source.text[node.start : node.end]
                for new in self.functions:
                    tokens = (
                        *new.tokens,
                        Token("open", "(", 0, 0),
                        *self.tokens[first:last],
                        Token("close", ")", 0, 0),
                    )
                    made = Node("call", (node,), Ref(new.tokens[0].text), node.start, node.end)
                    found.append(
                        Edit(
                            first,
                            last,
                            tokens,
                            node.start,
                            node.end,
                            f"{new.text}({text})",
                            32,
                            "activation",
                            (node, made),
                        )
                    )
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
        found = []
        two = (Token("op", "^", 0, 0), Token("group(", "", 0, 0), Token("number", "2", 0, 0), Token(")group", "", 0, 0))
        for node in nodes(self.node):
            if node.kind in ("name", "call", "bracket"):
                found.append(
                    self.insert(
                        span(self.tokens, node)[1],
                        node.end,
                        Spelling(two, "^2" if self.spellings.latex else "²"),
                        34,
                        "activation",
                        ("square", node),
                    )
                )
            elif node.kind == "square":
                inner, outer = span(self.tokens, node.parts[0]), span(self.tokens, node)
                if outer[1] > inner[1]:
                    found.append(
                        Edit(
                            inner[1],
                            outer[1],
                            (),
                            node.parts[0].end,
                            node.end,
                            "",
                            34,
                            "activation",
                            (node, node.parts[0]),
                        )
                    )
        return found

    def complements(self) -> list[Edit]:
        """1 - x in the place of x."""
        found = []
        one = Node("number", (), 1.0, 0, 0)
        before = (Token("open", "(", 0, 0), Token("number", "1", 0, 0), Token("op", "-", 0, 0))
        for node in nodes(self.node):
            if node.kind == "neg":
                first = span(self.tokens, node)[0]
                tree = node, Node("-", (one, *node.parts), None, node.start, node.end)
                new = Token("number", "1", 0, 0)
                found.append(Edit(first, first, (new,), node.start, node.start, "1 ", 20, "activation", tree))
            if node.kind in ("name", "call", "square"):
                first, last = span(self.tokens, node)
                tokens = (*before, *self.tokens[first:last], Token("close", ")", 0, 0))
                text = f"(1 - {self.source.text[node.start : node.end]})"
                made = Node("bracket", (Node("-", (one, node), None, node.start, node.end),), "(", node.start, node.end)
                found.append(Edit(first, last, tokens, node.start, node.end, text, 33, "activation", (node, made)))
        return found

    def swaps(self) -> list[Edit]:
        found = []
        for node in nodes(self.node):
            if node.kind in ("*", "-", "/"):
                left, right = (span(self.tokens, part) for part in node.parts)
                text = self.source.text
                gap = text[node.parts[0].end : node.parts[1].start]
                tokens = (*self.tokens[slice(*right)], *self.tokens[left[1] : right[0]], *self.tokens[slice(*left)])
                a, b = (text[part.start : part.end] for part in node.parts)
                found.append(
                    Edit(
                        left[0],
                        right[1],
                        tokens,
                        node.start,
                        node.end,
                        b + (gap or " ") + a,
                        36,
                        "order",
                        (node, node._replace(parts=node.parts[::-1])),
                    )
                )
        return found

    def brackets(self) -> list[Edit]:
        """Take a pair away, or put one around neighbours."""
        found = []
        text = self.source.text
        for node in nodes(self.node):
            if node.kind == "bracket":
                first, last = span(self.tokens, node)
                inner = span(self.tokens, node.parts[0])
                found.append(
                    Edit(
                        first,
                        last,
                        tuple(self.tokens[slice(*inner)]),
                        node.start,
                        node.end,
                        text[node.parts[0].start : node.parts[0].end],
                        38,
                        "bracket",
                    )
                )
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
                    tokens = (Token("open", "(", 0, 0), *inside, Token("close", ")", 0, 0))
                    found.append(Edit(first, last, tokens, a.start, b.end, f"({text[a.start : b.end]})", 43, "bracket"))
        return found

"""Small changes of a line, on its tokens: what an author may have meant instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tinyad.derivation.names import Names
from tinyad.derivation.source import Source
from tinyad.derivation.tree import Node, Ref, Statement, Token

OTHER = {"name": "d", "d": "name"}
TRANSPOSED = ("⊤", "T", "'")


FIRST = Node("", (), None, 0, 0)  # what is inserted comes first


class Edit(NamedTuple):
    """Tokens first to last (not included) give way to others; in the text, what stands from `start` to `end`."""

    first: int
    last: int
    tokens: tuple[Token, ...]
    start: int
    end: int
    text: str
    rank: int  # less is tried first
    kind: str
    tree: tuple[Node, Node] | None = None  # the part of the formula that gives way, and what takes its place


class Spelling(NamedTuple):
    """A name or derivative as the author writes it."""

    tokens: tuple[Token, ...]
    text: str


def span(tokens: Sequence[Token], node: Node) -> tuple[int, int]:
    """The tokens that a node was read from.  Scripts without braces have group tokens of no length at their ends."""
    first = next(k for k, t in enumerate(tokens) if t.start >= node.start and t.end > t.start)
    last = next((k for k in range(first, len(tokens)) if tokens[k].start >= node.end), len(tokens))
    while last < len(tokens) and _open(tokens[first:last]) > 0:
        last += 1
    return first, last


def _open(tokens: Sequence[Token]) -> int:
    return sum({"group(": 1, ")group": -1}.get(t.kind, 0) for t in tokens)


def leaves(node: Node) -> Iterator[Node]:
    """Names and derivatives in a formula."""
    if node.kind in ("name", "d"):
        yield node
    for part in node.parts:
        yield from leaves(part)


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts:
        yield from nodes(part)


def applied(line: Statement, edits: Sequence[Edit], source: Source) -> tuple[tuple[Token, ...], str]:
    """The tokens and the text of a line after edits that do not overlap."""
    tokens, text = list(line.tokens), source.text[line.start : line.end]
    for edit in sorted(edits, key=lambda e: (-e.first, -e.start)):
        tokens[edit.first : edit.last] = edit.tokens
        text = text[: edit.start - line.start] + edit.text + text[edit.end - line.start :]
    return tuple(tokens), text


def exchanged(node: Node, changes: Sequence[tuple[Node, Node]]) -> Node:
    """A formula with parts of it replaced."""
    for old, new in changes:
        if node is old:
            return new
    if not node.parts:
        return node
    parts = tuple(exchanged(part, changes) for part in node.parts)
    return node if all(a is b for a, b in zip(parts, node.parts, strict=True)) else node._replace(parts=parts)


class Spellings:
    """How an author writes names, derivatives, products and transpositions."""

    def __init__(self, source: Source, names: Names, lines: Sequence[Statement], latex: bool) -> None:
        self.source, self.names, self.latex = source, names, latex
        self.known: dict[tuple[str, Ref], Spelling] = {}
        self.templates: list[tuple[Spelling, Ref]] = []
        for line in lines:
            for part in (*line.left, *line.members):
                for node in leaves(part):
                    self.add(line, node)
        self.transposed = self._transposed(lines)
        self.circle = self._circle(lines)

    def add(self, line: Statement, node: Node) -> None:
        ref = node.value if node.kind == "name" else node.value[0]
        if node.kind == "d" and node.value[1] is not None:
            return
        first, last = span(line.tokens, node)
        tokens = line.tokens[first:last]
        spelling = Spelling(tokens, self.source.text[node.start : node.end])
        self.known.setdefault((node.kind, ref), spelling)
        if node.kind == "d":
            self.templates.append((spelling, ref))

    def _transposed(self, lines: Sequence[Statement]) -> Spelling:
        for line in lines:
            for k, token in enumerate(line.tokens):
                if token.kind == "op" and token.text == "^" and k + 3 < len(line.tokens):
                    inner = line.tokens[k + 2]
                    if inner.text in TRANSPOSED and line.tokens[k + 3].kind == ")group":
                        end = max(t.end for t in line.tokens[k : k + 4])
                        return Spelling(tuple(line.tokens[k : k + 4]), self.source.text[token.start : end])
        signs = (Token("op", "^", 0, 0), Token("group(", "", 0, 0), Token("word", "T", 0, 0), Token(")group", "", 0, 0))
        return Spelling(signs, r"^\top" if self.latex else "ᵀ")

    def _circle(self, lines: Sequence[Statement]) -> Spelling:
        """The component-wise product, with a space on either side."""
        for line in lines:
            for node in (n for member in line.members for n in nodes(member)):
                if node.kind == "∘" and node.value is not None:
                    text = self.source.text[slice(*node.value)]
                    token = next(t for t in line.tokens if t.start == node.value[0] and t.end > t.start)
                    return Spelling((token,), f" {text} ")
        return Spelling((Token("op", "∘", 0, 0),), r" \circ " if self.latex else " ∘ ")

    def name(self, ref: Ref) -> Spelling | None:
        found = self.known.get(("name", ref)) or self.bared(ref)
        if found is None and ref.indices:
            for (kind, other), spelling in self.known.items():
                if kind == "name" and other.key == ref.key and other.time == ref.time and len(other.indices) == len(ref.indices):
                    return reindexed(spelling, other.indices, ref.indices)
        return found

    def bared(self, ref: Ref) -> Spelling | None:
        """The name inside of a derivative of it, where the name itself does not occur."""
        whole = self.known.get(("d", ref))
        if whole is None:
            return None
        for pattern, other in self.templates[:5]:
            inner = self.known.get(("name", other))
            if inner is None or inner.text not in pattern.text:
                continue
            texts, part = [t.text for t in pattern.tokens], [t.text for t in inner.tokens]
            k = next((k for k in range(len(texts), -1, -1) if texts[k : k + len(part)] == part), None)
            head, _, tail = pattern.text.rpartition(inner.text)
            if k is not None and whole.text.startswith(head) and whole.text.endswith(tail):
                end = len(whole.tokens) - (len(texts) - k - len(part))
                return Spelling(whole.tokens[k:end], whole.text[len(head) : len(whole.text) - len(tail)])
        return None

    def derivative(self, ref: Ref, like: Spelling | None = None, of: Ref | None = None) -> Spelling | None:
        """A derivative as it is written, or made after the pattern of another one."""
        found = self.known.get(("d", ref))
        if found is not None:
            return found
        name = self.name(ref)
        if name is None:
            return None
        for pattern, inner in [*([(like, of)] if like and of else []), *self.templates[:5]]:
            old = self.name(inner) if inner is not None else None
            if old is None or pattern is None:
                continue
            made = replaced(pattern, old, name)
            if made is not None:
                return made
        return None


def reindexed(spelling: Spelling, old: Sequence[str], new: Sequence[str]) -> Spelling:
    """A spelling with other component indices."""
    letters = dict(zip(old, new, strict=True))
    tokens, text, begun = [], spelling.text, spelling.tokens[0].start
    for token in reversed(spelling.tokens):
        if token.text and all(c in letters for c in token.text) and token is not spelling.tokens[0]:
            word = "".join(letters[c] for c in token.text)
            text = text[: token.start - begun] + word + text[token.end - begun :]
            token = token._replace(text=word)
        tokens.append(token)
    return Spelling(tuple(reversed(tokens)), text)


def replaced(pattern: Spelling, old: Spelling, new: Spelling) -> Spelling | None:
    """The pattern with the name in it exchanged."""
    texts, inner = [t.text for t in pattern.tokens], [t.text for t in old.tokens]
    for k in range(len(texts) - len(inner), -1, -1):
        if texts[k : k + len(inner)] == inner and old.text in pattern.text:
            head, _, tail = pattern.text.rpartition(old.text)
            return Spelling(
                (*pattern.tokens[:k], *new.tokens, *pattern.tokens[k + len(inner) :]), head + new.text + tail
            )
    first = pattern.tokens[0]
    if first.kind == "word" and first.text[:1] in ("d", "δ") and first.text[1:] == inner[0] and texts[1:] == inner[1:]:
        word = new.tokens[0]._replace(text=first.text[0] + new.tokens[0].text)
        return Spelling((word, *new.tokens[1:]), pattern.text[0] + new.text)
    return None


class Editor:
    """The single edits of one member of a line."""

    def __init__(
        self,
        line: Statement,
        member: int,
        spellings: Spellings,
        wanted: Sequence[Ref],
        functions: Sequence[Spelling],
        equations: Sequence[Sequence[Ref]] = (),
        factors: Sequence[tuple[Node, Spelling]] = (),
    ) -> None:
        self.line, self.node = line, line.members[member]
        self.spellings, self.source = spellings, spellings.source
        self.wanted = list(wanted)  # names that the rule of the line's equation has, the most likely first
        self.functions = functions
        self.equations = equations  # result and operands of each of them
        self.further = factors  # functions of its operands
        self.results = [refs[0] for refs in equations]
        self.harvest: Sequence[tuple[Node, Spelling]] = ()  # brackets and functions of other lines
        self.terms_near: Sequence[tuple[Node, Spelling]] = ()  # terms of other lines for the same derivative
        self.operands_near: Sequence[Ref] = ()  # operands of the equations whose results the line uses
        self.tokens = line.tokens

    def all(self) -> list[Edit]:
        found: list[Edit] = []
        for make in (
            self.names,
            self.assign,
            self.transpositions,
            self.operators,
            self.signs,
            self.times,
            self.calls,
            self.primes,
            self.squares,
            self.complements,
            self.swapped_left,
            self.replaced_factors,
            self.added_terms,
            self.denominators,
            self.terms,
            self.factors,
            self.swaps,
            self.brackets,
            self.left,
        ):
            found += make()
        return sorted(found, key=lambda e: e.rank)

    def change(self, node: Node, new: Spelling, rank: int, kind: str, to: tuple[str, Ref] | None = None) -> Edit:
        first, last = span(self.tokens, node)
        tree = None
        if to is not None:
            value = to[1] if to[0] == "name" else (to[1], None)
            tree = node, Node(to[0], (), value, node.start, node.end)
        return Edit(first, last, new.tokens, node.start, node.end, new.text, rank, kind, tree)

    def insert(
        self,
        at: int,
        where: int,
        new: Spelling,
        rank: int,
        kind: str,
        made: tuple[str, Node, *tuple[Node, ...]] | None = None,
    ) -> Edit:
        tree = None
        if made is not None:
            operation, node, *others = made
            first = others and others[0] is FIRST
            parts = (*others[1:], node) if first else (node, *others)
            tree = node, Node(operation, tuple(parts), None, node.start, node.end)
        return Edit(at, at, new.tokens, where, where, new.text, rank, kind, tree)

    def names(self) -> list[Edit]:
        """Another name in the place of one: those of the rule first."""
        found = self.operands()
        for node in leaves(self.node):
            own = node.value if node.kind == "name" else node.value[0]
            if node.kind == "d" and node.value[1] is not None:
                continue
            here = Spelling(self.tokens[slice(*span(self.tokens, node))], self.source.text[node.start : node.end])
            for ref in self.alternatives(own):
                rule = self.wanted.index(ref) if ref in self.wanted else None
                rank = rule if rule is not None and rule < 20 else 30 + 10 * (ref.key != own.key)
                spelling = (
                    self.spellings.name(ref) if node.kind == "name" else self.spellings.derivative(ref, here, own)
                )
                if spelling is not None:
                    found.append(self.change(node, spelling, rank, "name", (node.kind, ref)))
                other = self.spellings.derivative(ref) if node.kind == "name" else self.spellings.name(ref)
                if other is not None:
                    found.append(self.change(node, other, rank + 15, "name", (OTHER[node.kind], ref)))
            other = self.spellings.derivative(own) if node.kind == "name" else self.spellings.name(own)
            if other is not None:
                found.append(self.change(node, other, 12, "name", (OTHER[node.kind], own)))
        return found

    def operands(self) -> list[Edit]:
        """What stands in deriv(dz, x, y): the result and the operands of one equation, in their order."""
        found = []
        for node in nodes(self.node):
            if node.kind == "deriv":
                for refs in self.equations:
                    for k, (part, ref) in enumerate(zip(node.parts, refs, strict=False)):
                        spelling = self.spellings.derivative(ref) if k == 0 else self.spellings.name(ref)
                        if spelling is not None:
                            found.append(self.change(part, spelling, -1, "name", ("name" if k else "d", ref)))
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

    def alternatives(self, own: Ref) -> list[Ref]:
        """The names that may be meant in the place of one."""
        refs = [*self.wanted, *(ref for _, ref in self.spellings.known)]
        letters = sorted(self.spellings.names.indices)
        if own.indices:
            refs = [ref._replace(indices=own.indices) for ref in refs if len(ref.indices) == len(own.indices)]
            for k in range(len(own.indices)):
                refs += [own._replace(indices=(*own.indices[:k], x, *own.indices[k + 1 :])) for x in letters]
        return [ref for ref in dict.fromkeys(refs) if ref != own]

    def left(self) -> list[Edit]:
        """The left-hand side belongs to another equation."""
        found = []
        for node in (leaf for left in self.line.left for leaf in leaves(left)):
            if node.kind == "name":
                for ref in self.alternatives(node.value):
                    spelling = self.spellings.name(ref)
                    if spelling is not None:
                        found.append(self.change(node, spelling, 23, "left"))
            else:
                for kind, ref in self.spellings.known:
                    others = [other.value[0] for other in self.line.left if other.kind == "d"]
                    if kind == "name" and ref not in others:
                        spelling = self.spellings.derivative(ref)
                        rank = 23 if ref in self.operands_near else 70
                        if spelling is not None:
                            found.append(self.change(node, spelling, rank, "left", ("d", ref)))
        return found

    def swapped_left(self) -> list[Edit]:
        """[dy, dx] in the place of [dx, dy]."""
        if len(self.line.left) != 2:
            return []
        a, b = self.line.left
        (i, j), (k, m) = span(self.tokens, a), span(self.tokens, b)
        text, tokens = self.source.text, (*self.tokens[k:m], *self.tokens[j:k], *self.tokens[i:j])
        new = text[b.start : b.end] + text[a.end : b.start] + text[a.start : a.end]
        return [Edit(i, m, tokens, a.start, b.end, new, 10, "left")]

    def assign(self) -> list[Edit]:
        k = next(k for k, t in enumerate(self.tokens) if t.kind == "op" and t.text in ("=", "+=", "≡"))
        sign = self.tokens[k]
        new = "+=" if sign.text != "+=" else "="
        return [Edit(k, k + 1, (sign._replace(text=new),), sign.start, sign.end, new, 5, "assign")]

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

    def times(self) -> list[Edit]:
        """t - 1, t and t + 1 for one another."""
        found = []
        letter = self.spellings.names.time
        for node in leaves(self.node):
            ref = node.value if node.kind == "name" else node.value[0]
            if ref.time is None or ref.time[0] != "t":
                continue
            first, last = span(self.tokens, node)
            k = next((k for k in range(first, last) if self.tokens[k].text == letter), None)
            if k is None:
                continue
            end = (
                k + 3 if k + 2 < last and self.tokens[k + 1].text in "+-" and self.tokens[k + 1].kind == "op" else k + 1
            )
            start, stop = self.tokens[k].start, self.tokens[end - 1].end
            for shift in (-1, 0, 1):
                if shift != ref.time[1]:
                    text = f"{letter}{shift:+d}" if shift else letter
                    new = [self.tokens[k]]
                    if shift:
                        new += [Token("op", text[1], 0, 0), Token("number", "1", 0, 0)]
                    braced = self.source.text[start - 1] in "({<"
                    moved = ref._replace(time=("t", shift))
                    made = node._replace(value=moved if node.kind == "name" else (moved, node.value[1]))
                    text = text if braced or not shift else "{" + text + "}"
                    found.append(Edit(k, end, tuple(new), start, stop, text, 18, "time", (node, made)))
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
                opened = next(k for k in range(first, len(self.tokens)) if self.tokens[k].kind == "open")
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

    def terms(self) -> list[Edit]:
        """Leave a term out."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("+", "-"):
                left, right = (span(self.tokens, part) for part in node.parts)
                found.append(
                    Edit(
                        left[1],
                        right[1],
                        (),
                        node.parts[0].end,
                        node.parts[1].end,
                        "",
                        40,
                        "extra",
                        (node, node.parts[0]),
                    )
                )
                minus = (Token("op", "-", 0, 0),) if node.kind == "-" else ()
                found.append(
                    Edit(
                        left[0],
                        right[0],
                        minus,
                        node.parts[0].start,
                        node.parts[1].start,
                        "-" * len(minus),
                        42,
                        "extra",
                        (node, node.parts[1] if not minus else Node("neg", node.parts[1:], None, node.start, node.end)),
                    )
                )
        return found

    def factors(self) -> list[Edit]:
        """Leave a factor out, or put 2 and 1/2, or one of the rule's names, beside another."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("∘", "*", "/"):
                left, right = (span(self.tokens, part) for part in node.parts)
                found.append(
                    Edit(
                        left[1],
                        right[1],
                        (),
                        node.parts[0].end,
                        node.parts[1].end,
                        "",
                        44,
                        "factor",
                        (node, node.parts[0]),
                    )
                )
                found.append(
                    Edit(
                        left[0],
                        right[0],
                        (),
                        node.parts[0].start,
                        node.parts[1].start,
                        "",
                        44,
                        "factor",
                        (node, node.parts[1]),
                    )
                )
        for term in [self.node, *(n for n in nodes(self.node) if n.kind in ("bracket", "+", "-"))]:
            for part in [term] if term.kind not in ("+", "-", "bracket") else term.parts:
                if part.kind in ("+", "-"):
                    continue
                first, last = span(self.tokens, part)
                for number in ("2", "0.5"):
                    two = Node("number", (), float(number), part.start, part.start)
                    new = Spelling((Token("number", number, 0, 0),), number + " ")
                    found.append(self.insert(first, part.start, new, 46, "factor", ("*", part, FIRST, two)))
                found += self.beside(part, first, last)
        return found

    def beside(self, part: Node, first: int, last: int) -> list[Edit]:
        """One of the rule's names as a further factor of a part, on either side, transposed or not."""
        found = []
        circle, sign = self.spellings.circle.tokens[0], self.spellings.circle.text
        for ref in self.results:
            spelling = self.spellings.derivative(ref)
            if spelling is not None:
                dz = Node("d", (), (ref, None), part.start, part.start)
                with_sign = Spelling((*spelling.tokens, circle), spelling.text + sign)
                spaced = Spelling(spelling.tokens, spelling.text + " ")
                found.append(self.insert(first, part.start, with_sign, 47, "factor", ("∘", part, FIRST, dz)))
                found.append(self.insert(first, part.start, spaced, 47, "factor", ("*", part, FIRST, dz)))
                spaced = Spelling(spelling.tokens, " " + spelling.text)
                found.append(self.insert(last, part.end, spaced, 47, "factor", ("*", part, dz)))
        named = [(Node("name", (), ref, part.end, part.end), self.spellings.name(ref)) for ref in self.wanted[:12]]
        for name, spelling in [*named, *self.further]:
            if spelling is None:
                continue
            for factor, tail in (
                (name, Spelling((), "")),
                (name._replace(kind="transpose", parts=(name,), value=None), self.spellings.transposed),
            ):
                tokens, text = (*spelling.tokens, *tail.tokens), spelling.text + tail.text
                found.append(
                    self.insert(
                        last, part.end, Spelling((circle, *tokens), sign + text), 48, "factor", ("∘", part, factor)
                    )
                )
                found.append(
                    self.insert(last, part.end, Spelling(tokens, " " + text), 49, "factor", ("*", part, factor))
                )
                found.append(
                    self.insert(
                        first, part.start, Spelling(tokens, text + " "), 49, "factor", ("*", part, FIRST, factor)
                    )
                )
        for factor, spelling in self.harvest:
            new = Spelling((circle, *spelling.tokens), sign + spelling.text)
            found.append(self.insert(last, part.end, new, 50, "factor", ("∘", part, factor)))
        return found

    def denominators(self) -> list[Edit]:
        """Another name below the line of a Jacobian."""
        found = []
        for node in (n for root in (*self.line.left, self.node) for n in nodes(root)):
            if node.kind != "jacobian" or not isinstance(node.value, Ref):
                continue
            first, last = span(self.tokens, node)
            k = max((k for k in range(first, last - 1) if self.tokens[k].text in ("∂", "d")), default=None)
            if k is None:
                continue
            stop = last - 1 if self.tokens[first].kind == "frac" else last
            start, end = self.tokens[k + 1].start, max(t.end for t in self.tokens[k + 1 : stop] if t.end > t.start)
            inside = any(n is node for n in nodes(self.node))
            for ref in self.alternatives(node.value):
                spelling = self.spellings.name(ref)
                if spelling is not None:
                    tree = (node, node._replace(value=ref)) if inside else None
                    kind = "name" if inside else "left"
                    found.append(Edit(k + 1, stop, spelling.tokens, start, end, spelling.text, 25, kind, tree))
        return found

    def replaced_factors(self) -> list[Edit]:
        """A bracket or a function of another line in the place of one."""
        found = []
        for node in nodes(self.node):
            if node.kind in ("bracket", "call", "prime"):
                for factor, spelling in self.harvest:
                    if factor.kind in ("bracket", "call", "prime"):
                        edit = self.change(node, spelling, 45, "factor")
                        found.append(edit._replace(tree=(node, factor)))
        return found

    def added_terms(self) -> list[Edit]:
        """A term that another line for the same derivative has."""
        first, last = span(self.tokens, self.node)
        plus = Token("op", "+", 0, 0)
        return [
            self.insert(last, self.node.end, Spelling((plus, *new.tokens), " + " + new.text), 41, "missing", ("+", self.node, term))
            for term, new in self.terms_near
        ]  # fmt: skip

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
                    found.append(Edit(first, last, tokens, a.start, b.end, f"({text[a.start : b.end]})", 50, "bracket"))
        return found

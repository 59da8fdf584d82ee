"""The pieces of a backward line, and where they are in the text as its author has written it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tinyad.derivation.language.plain_tokens import SUBSCRIPTS, SUPERSCRIPTS
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token

POWERS = ("square", "power", "transpose", "inverse")
NEAR = 3  # lines away, at the most, of a neighbour
SIZED = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)\s*\.?\s*$")
WRAPPED = re.compile(r"(?:\\(?:math|text|bold|operator|bm|pmb)[A-Za-z]*\s*)?\{\s*$")


class Edit(NamedTuple):
    """A slice of the text, and what stands there afterwards."""

    start: int
    end: int
    new: str
    removed: bool = False


Run = list[tuple[str, Node]]  # terms or factors, with the sign before each
Ident = tuple[Any, ...]  # kind, key, time, indices, label


# Formulas


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    r"""The slice with the braces, fonts and \left that belong to it."""
    while True:
        depth = lowest = 0
        for sign in re.findall(r"\\.|[{}]", text[start:end], re.DOTALL):
            depth += {"{": 1, "}": -1}.get(sign, 0)
            lowest = min(lowest, depth)
        before = WRAPPED.search(text, max(0, start - 40), start)
        after = re.compile(r"\s*\}").match(text, end)
        size = SIZED.search(text, max(0, start - 20), start)
        if lowest < 0 and before:
            start = before.start()
        elif depth > lowest and after:
            end = after.end()
        elif before and after and before[0].startswith("\\"):
            start, end = before.start(), after.end()
        elif size:
            start = size.start()
        else:
            return start, end


def walk(node: Node) -> Iterator[Node]:
    """A formula and its parts, without the names that make one word."""
    yield node
    if not any((part.start, part.end) == (node.start, node.end) for part in node.parts) or node.kind in POWERS:
        for part in node.parts:
            yield from walk(part)


def terms(node: Node) -> Run:
    """The terms of a sum."""
    if node.kind in ("+", "-"):
        return [*terms(node.parts[0]), (node.kind, node.parts[1])]
    return [("", node)]


def factors(node: Node) -> Run:
    """The factors of a product, with the signs before them."""
    if node.kind in ("∘", "*", "/") and (node.value or node.kind == "*") and node.parts[0].end <= node.parts[1].start:
        return [*factors(node.parts[0]), (node.kind, node.parts[1])]
    return [("", node)]


def runs(node: Node, split: Callable[[Node], Run]) -> Iterator[Run]:
    """The sums, or the products, of a formula, each once."""
    within: set[int] = set()
    for part in walk(node):
        run, left = split(part), part
        while len(split(left)) > 1:
            left = left.parts[0]
            within.add(id(left))
        if len(run) > 1 and id(part) not in within:
            yield run


def core(node: Node) -> Node:
    """A formula without the brackets and transpositions around it."""
    return core(node.parts[0]) if node.kind in ("bracket", "transpose") else node


def complement(node: Node) -> Node | None:
    """x, where a formula is 1 - x."""
    inner = core(node)
    one = inner.kind == "-" and core(inner.parts[0])
    return inner.parts[1] if one and (one.kind == "ones" or (one.kind == "number" and one.value == 1)) else None


def ref_of(node: Node) -> Ref | None:
    """The name in a name or a derivative."""
    ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    return ref if isinstance(ref, Ref) else None


def ident_of(node: Node) -> Ident | None:
    """What a name, a derivative or a Jacobian is, however it is spelled."""
    ref = ref_of(node)
    if ref is not None:
        return node.kind, *ref, node.value[1] if node.kind == "d" else None
    if node.kind == "jacobian" and node.parts[0].kind == "name" and isinstance(node.value, Ref):
        return "jacobian", f"{node.parts[0].value.key} {node.value.key}", node.value.time, node.value.indices, None
    return None


# Texts


def grows(a: str, b: str) -> bool:
    """Whether two signs side by side are one word."""
    return a.isalnum() and b.isalnum() and not {a, b} & (SUBSCRIPTS.keys() | SUPERSCRIPTS.keys())


class Spellings:
    """How the author of a derivation spells things, once in plain text and once in LaTeX."""

    def __init__(self, derivation: Derivation) -> None:
        self.source, self.derivation = derivation.source, derivation
        self.blocks = [(b.start, b.end, "\\" in self.source.text[b.start : b.end]) for b in self.source.blocks()]
        self.names: dict[tuple[bool, Ident], str] = {}
        self.signs: dict[tuple[bool, str], str] = {}
        self.functions: dict[tuple[bool, str], str] = {}  # name of what a function has computed → its spelling
        backward = [line for lines in derivation.backward.values() for line in lines if isinstance(line, Statement)]
        for statement in [*derivation.forward, *backward]:
            latex = self.latex(statement.start)
            for node in (n for part in (*statement.left, *statement.members) for n in walk(part)):
                self._add(latex, node)
            head = statement.members and statement.members[0]
            if head and head.kind == "call" and statement.left[0].kind == "name":
                function = statement.tokens[[t.start for t in statement.tokens].index(head.start)]
                self.functions[latex, statement.left[0].value.key] = self.slice(function)

    def _add(self, latex: bool, node: Node) -> None:
        ident, text = ident_of(node), self.source.text
        if ident is not None:
            self.names.setdefault((latex, ident), self.slice(node))
        elif node.kind == "transpose" and node.parts[0].end < node.end:
            self.signs.setdefault((latex, "transpose"), text[widened(text, *node.parts[0][3:5])[1] : node.end])
        elif node.kind in ("∘", "*") and node.value:
            self.signs.setdefault((latex, node.kind), f" {text[node.value[0] : node.value[1]]} ")
        elif node.kind == "*":
            self.signs.setdefault((latex, "beside"), " ")

    def latex(self, at: int) -> bool:
        """Whether a place is in a block of LaTeX."""
        return next(latex for start, end, latex in self.blocks if start <= at <= end)

    def slice(self, piece: Node | Token) -> str:
        """The text of a part."""
        start, end = widened(self.source.text, piece.start, piece.end)
        return self.source.text[start:end]

    def sign(self, latex: bool, what: str) -> str:
        """How a transposition or a product is written here."""
        default = {"transpose": "^T" if latex else "ᵀ", "∘": r" \circ " if latex else " ∘ ", "*": " "}
        beside = "*" if (latex, "beside") in self.signs else ""
        return " " if what == beside else self.signs.get((latex, what), default[what])


class Line:
    """A backward line in which mistakes are planted."""

    def __init__(self, statement: Statement, others: Sequence[Statement], spellings: Spellings) -> None:
        self.statement, self.others, self.spellings = statement, others, spellings
        self.source, self.text = spellings.source, spellings.source.text
        self.it = spellings.derivation.declarations
        self.latex = spellings.latex(statement.start)
        self.whole = widened(self.text, statement.start, statement.end)

    def after(self, edit: Edit) -> str:
        """The line after a change."""
        start, end = self.whole
        return self.text[start : edit.start] + edit.new + self.text[edit.end : max(end, edit.end)]

    def parted(self, edit: Edit) -> Edit:
        """With a space where two words would grow together."""
        before, after = self.text[edit.start - 1], self.text[edit.end : edit.end + 1]
        new = edit.new
        if not new and not edit.removed and grows(before, after):
            new = " "
        if new and grows(before, new[0]):
            new = " " + new
        if new and edit.end > edit.start and grows(new[-1], after):
            new += " "
        return edit._replace(new=new)

    # Pieces of the line

    def span(self, node: Node | Token) -> tuple[int, int]:
        """Where a part is in the text."""
        return widened(self.text, node.start, node.end)

    def slice(self, node: Node | Token) -> str:
        """The text of a part."""
        return self.spellings.slice(node)

    def tokens(self, node: Node) -> list[Token]:
        """The tokens of a part."""
        return [t for t in self.statement.tokens if node.start <= t.start and t.end <= node.end]

    def between(self, start: int, end: int, *signs: str) -> Token | None:
        """The first of some operators in a slice."""
        return next((t for t in self.statement.tokens if start <= t.start < end and t.text in signs), None)

    def replaced(self, node: Node | Token, new: str) -> Edit:
        """Another text in the place of a part."""
        return Edit(*self.span(node), new)

    def nodes(self) -> list[Node]:
        """All parts of the right-hand side."""
        return [node for member in self.statement.members for node in walk(member)]

    @cached_property
    def leaves(self) -> list[Node]:
        """Names, derivatives and Jacobians: of the formula, then of the left-hand side."""
        return [node for node in (*self.nodes(), *self.statement.left) if ident_of(node) is not None]

    def sums(self) -> list[Run]:
        """The sums of the right-hand side."""
        return [run for member in self.statement.members for run in runs(member, terms)]

    def products(self) -> list[Run]:
        """The products of the right-hand side."""
        return [run for member in self.statement.members for run in runs(member, factors)]

    def dropped(self, run: Run, k: int) -> Edit:
        """A term or a factor left out, with the sign before it."""
        start, end = self.span(run[k][1])
        if k:
            return Edit(self.span(run[k - 1][1])[1], end, "")
        minus = run[1][0] == "-" and self.between(end, run[1][1].start, "-")
        return Edit(start, minus.start if minus else self.span(run[1][1])[0], "")

    def formula(self, statement: Statement) -> tuple[int, int]:
        """Where the right-hand side of a line is."""
        return self.span(statement.members[0])[0], self.span(statement.members[-1])[1]

    def rows(self, statement: Statement) -> tuple[int, int]:
        """The first and the last row of the file that a line takes."""
        return self.source.place(statement.start)[0], self.source.place(statement.end)[0]

    def neighbours(self) -> list[Statement]:
        """Lines for the same sort of left-hand side, the nearest first."""
        at, sort = self.others.index(self.statement), [left.kind for left in self.statement.left]
        near = [(abs(k - at), s) for k, s in enumerate(self.others) if 0 < abs(k - at) <= NEAR and s.members]
        return [s for _, s in sorted(near, key=lambda pair: pair[0]) if [left.kind for left in s.left] == sort]

    def strings(self) -> Iterator[tuple[Node, Token]]:
        """deriv(...) with the token of its operator."""
        for node in self.nodes():
            if node.kind == "deriv":
                yield node, next(t for t in self.tokens(node)[::-1] if t.kind == "string")

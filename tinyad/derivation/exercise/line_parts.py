"""A backward line as text to be changed: where its terms, factors and names stand in the file of its author."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tinyad.derivation.exercise.limits import NEIGHBOURS_WITHIN
from tinyad.derivation.language.plain_tokens import SUBSCRIPTS, SUPERSCRIPTS
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, walk

POWERS = ("square", "power", "transpose", "inverse")
SIZED = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)\s*\.?\s*$")
WRAPPED = re.compile(r"(?:\\(?:math|text|bold|operator|bm|pmb)[A-Za-z]*\s*)?\{\s*$")


class TextEdit(NamedTuple):
    """A slice of the text, and its replacement; `removed`: the line goes with it."""

    start: int
    end: int
    new: str
    removed: bool = False


Operands = list[tuple[str, Node]]  # terms or factors, with the sign before each
Identity = tuple[Any, ...]  # kind, key, time, indices, label


# Formulas


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    r"""Return the slice with the braces, fonts and \left that belong to it."""
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


def visible_parts(node: Node) -> Iterator[Node]:
    """Yield a formula and its parts, without those inside of one word, such as the name in a derivative."""
    hidden: set[int] = set()
    for part in walk(node):
        if id(part) in hidden or _is_one_word(part):
            hidden.update(map(id, part.parts))
        if id(part) not in hidden:
            yield part


def _is_one_word(node: Node) -> bool:
    same = any((part.start, part.end) == (node.start, node.end) for part in node.parts)
    return same and node.kind not in POWERS


def terms(node: Node) -> Operands:
    """Return the terms of a sum."""
    if node.kind in ("+", "-"):
        return [*terms(node.parts[0]), (node.kind, node.parts[1])]
    return [("", node)]


def factors(node: Node) -> Operands:
    """Return the factors of a product, with the signs before them."""
    if node.kind in ("∘", "*", "/") and (node.value or node.kind == "*") and node.parts[0].end <= node.parts[1].start:
        return [*factors(node.parts[0]), (node.kind, node.parts[1])]
    return [("", node)]


def operand_lists(node: Node, split: Callable[[Node], Operands]) -> Iterator[Operands]:
    """Yield the operands of all sums, or of all products, of a formula, each once."""
    within: set[int] = set()
    for part in visible_parts(node):
        operands, left = split(part), part
        while len(split(left)) > 1:
            left = left.parts[0]
            within.add(id(left))
        if len(operands) > 1 and id(part) not in within:
            yield operands


def core(node: Node) -> Node:
    """Return a formula without the brackets and transpositions around it."""
    return core(node.parts[0]) if node.kind in ("bracket", "transpose") else node


def complement(node: Node) -> Node | None:
    """Return x, where a formula is 1 - x."""
    inner = core(node)
    one = inner.kind == "-" and core(inner.parts[0])
    return inner.parts[1] if one and (one.kind == "ones" or (one.kind == "number" and one.value == 1)) else None


def ref_of(node: Node) -> Ref | None:
    """Return the name in a name or a derivative."""
    ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    return ref if isinstance(ref, Ref) else None


def identity_of(node: Node) -> Identity | None:
    """Return what a name, a derivative or a Jacobian is, in whatever notation; None for other formulas."""
    ref = ref_of(node)
    if ref is not None:
        return node.kind, *ref, node.value[1] if node.kind == "d" else None
    if node.kind == "jacobian" and node.parts[0].kind == "name" and isinstance(node.value, Ref):
        return "jacobian", f"{node.parts[0].value.key} {node.value.key}", node.value.time, node.value.indices, None
    return None


# Texts


def grows(a: str, b: str) -> bool:
    """Return whether two signs side by side are one word."""
    return a.isalnum() and b.isalnum() and not {a, b} & (SUBSCRIPTS.keys() | SUPERSCRIPTS.keys())


class AuthorSigns:
    """The names and signs of an author, once in plain text and once in LaTeX."""

    def __init__(self, derivation: Derivation) -> None:
        self.source, self.derivation = derivation.source, derivation
        self.blocks = [(b.start, b.end, "\\" in self.source.text[b.start : b.end]) for b in self.source.blocks()]
        self.names: dict[tuple[bool, Identity], str] = {}
        self.signs: dict[tuple[bool, str], str] = {}
        self.functions: dict[tuple[bool, str], str] = {}  # name of what a function has computed → its name in the file
        backward = [line for lines in derivation.backward.values() for line in lines if isinstance(line, Statement)]
        for statement in [*derivation.forward, *backward]:
            latex = self.latex(statement.start)
            for node in (n for part in (*statement.left, *statement.members) for n in visible_parts(part)):
                self._add(latex, node)
            head = statement.members and statement.members[0]
            if head and head.kind == "call" and statement.left[0].kind == "name":
                function = statement.tokens[[t.start for t in statement.tokens].index(head.start)]
                self.functions[latex, statement.left[0].value.key] = self.slice(function)

    def _add(self, latex: bool, node: Node) -> None:
        identity, text = identity_of(node), self.source.text
        if identity is not None:
            self.names.setdefault((latex, identity), self.slice(node))
        elif node.kind == "transpose" and node.parts[0].end < node.end:
            self.signs.setdefault((latex, "transpose"), text[widened(text, *node.parts[0][3:5])[1] : node.end])
        elif node.kind in ("∘", "*") and node.value:
            self.signs.setdefault((latex, node.kind), f" {text[node.value[0] : node.value[1]]} ")
        elif node.kind == "*":
            self.signs.setdefault((latex, "beside"), " ")

    def latex(self, at: int) -> bool:
        """Return whether a place is in a block of LaTeX."""
        return next(latex for start, end, latex in self.blocks if start <= at <= end)

    def slice(self, part: Node | Token) -> str:
        """Return the text of a part."""
        start, end = widened(self.source.text, part.start, part.end)
        return self.source.text[start:end]

    def sign(self, latex: bool, what: str) -> str:
        """Return the sign of a transposition or a product here."""
        default = {"transpose": "^T" if latex else "ᵀ", "∘": r" \circ " if latex else " ∘ ", "*": " "}
        beside = "*" if (latex, "beside") in self.signs else ""
        return " " if what == beside else self.signs.get((latex, what), default[what])


class EditableLine:
    """A backward line in which mistakes are planted, among the others of its set."""

    def __init__(self, statement: Statement, others: Sequence[Statement], signs_of_author: AuthorSigns) -> None:
        self.statement, self.others, self.signs_of_author = statement, others, signs_of_author
        self.source, self.text = signs_of_author.source, signs_of_author.source.text
        self.it = signs_of_author.derivation.declarations
        self.latex = signs_of_author.latex(statement.start)
        self.extent = widened(self.text, statement.start, statement.end)

    def after(self, edit: TextEdit) -> str:
        """Return the line after a change."""
        start, end = self.extent
        return self.text[start : edit.start] + edit.new + self.text[edit.end : max(end, edit.end)]

    def spaced(self, edit: TextEdit) -> TextEdit:
        """Return an edit with a space where two words would grow together."""
        before, after = self.text[edit.start - 1], self.text[edit.end : edit.end + 1]
        new = edit.new
        if not new and not edit.removed and grows(before, after):
            new = " "
        if new and grows(before, new[0]):
            new = " " + new
        if new and edit.end > edit.start and grows(new[-1], after):
            new += " "
        return edit._replace(new=new)

    # Parts of the line

    def span(self, node: Node | Token) -> tuple[int, int]:
        """Return where a part is in the text."""
        return widened(self.text, node.start, node.end)

    def slice(self, node: Node | Token) -> str:
        """Return the text of a part."""
        return self.signs_of_author.slice(node)

    def tokens(self, node: Node) -> list[Token]:
        """Return the tokens of a part."""
        return [t for t in self.statement.tokens if node.start <= t.start and t.end <= node.end]

    def between(self, start: int, end: int, *signs: str) -> Token | None:
        """Return the first of some operators in a slice."""
        return next((t for t in self.statement.tokens if start <= t.start < end and t.text in signs), None)

    def replaced(self, node: Node | Token, new: str) -> TextEdit:
        """Return the edit that puts another text in the place of a part."""
        return TextEdit(*self.span(node), new)

    def nodes(self) -> list[Node]:
        """Return all parts of the right-hand side."""
        return [node for member in self.statement.members for node in visible_parts(member)]

    @cached_property
    def leaves(self) -> list[Node]:
        """Return names, derivatives and Jacobians: of the formula, then of the left-hand side."""
        return [node for node in (*self.nodes(), *self.statement.left) if identity_of(node) is not None]

    def sums(self) -> list[Operands]:
        """Return the terms of every sum of the right-hand side."""
        return [operands for member in self.statement.members for operands in operand_lists(member, terms)]

    def products(self) -> list[Operands]:
        """Return the factors of every product of the right-hand side."""
        return [operands for member in self.statement.members for operands in operand_lists(member, factors)]

    def dropped(self, operands: Operands, k: int) -> TextEdit:
        """Return the edit that leaves out a term or a factor, with the sign before it."""
        start, end = self.span(operands[k][1])
        if k:
            return TextEdit(self.span(operands[k - 1][1])[1], end, "")
        minus = operands[1][0] == "-" and self.between(end, operands[1][1].start, "-")
        return TextEdit(start, minus.start if minus else self.span(operands[1][1])[0], "")

    def formula(self, statement: Statement) -> tuple[int, int]:
        """Return where the right-hand side of a line is."""
        return self.span(statement.members[0])[0], self.span(statement.members[-1])[1]

    def rows(self, statement: Statement) -> tuple[int, int]:
        """Return the first and the last row of the file that a line takes."""
        return self.source.place(statement.start)[0], self.source.place(statement.end)[0]

    def neighbours(self) -> list[Statement]:
        """Return lines for the same kind of left-hand side, the nearest first."""
        at, sort = self.others.index(self.statement), [left.kind for left in self.statement.left]
        near = [
            (abs(k - at), s) for k, s in enumerate(self.others) if 0 < abs(k - at) <= NEIGHBOURS_WITHIN and s.members
        ]
        return [s for _, s in sorted(near, key=lambda pair: pair[0]) if [left.kind for left in s.left] == sort]

    def strings(self) -> Iterator[tuple[Node, Token]]:
        """Yield deriv(...) with the token of its operator."""
        for node in self.nodes():
            if node.kind == "deriv":
                yield node, next(t for t in self.tokens(node)[::-1] if t.kind == "string")

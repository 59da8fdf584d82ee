"""A small change of a line, on its tokens and in its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tinyad.derivation.source import Source
from tinyad.derivation.spelling import Spelling, Spellings, span
from tinyad.derivation.tree import Node, Ref, Statement, Token

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


class Pen:
    """Makes edits of one member of a line."""

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
        self.absent: set[str] = set()  # names whose derivatives no line sets
        self.operands_near: Sequence[Ref] = ()  # operands of the equations whose results the line uses
        self.tokens = line.tokens

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

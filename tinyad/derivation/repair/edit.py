"""A small change of a line, on its tokens and in its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token
from tinyad.derivation.repair.author_notation import Spelling, Spellings, span

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


def changed(tokens: Sequence[Token], edit: Edit) -> tuple[int, int, int]:
    """What an edit changes, without what stays on either side: tokens first to last, and how many come instead."""
    old, new = [[t.text for t in row] for row in (tokens[edit.first : edit.last], edit.tokens)]
    shorter = min(len(old), len(new))
    same = next((k for k in range(shorter) if old[k] != new[k]), shorter)
    tail = next((k for k in range(shorter - same) if old[-1 - k] != new[-1 - k]), shorter - same)
    return edit.first + same, edit.last - tail, len(new) - same - tail


def place(tokens: Sequence[Token], edit: Edit) -> tuple[int, int]:
    """Where in the text an edit changes something; a new name counts as a whole."""
    if edit.kind in ("name", "left", "time") or edit.first == edit.last:
        return edit.start, edit.end
    first, last, _ = changed(tokens, edit)
    if first == last:  # something comes in between
        return (tokens[first].start if first == edit.first else tokens[first - 1].end,) * 2
    return tokens[first].start, max(t.end for t in tokens[first:last])


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
        self.addends: Sequence[tuple[str, Node, Spelling]] = ()  # terms that stand behind a sign elsewhere
        self.doubled = False  # whether another line sets what this one sets, all of it
        self.labels_known: set[str] = set()  # of parts of derivatives
        self.absent: set[str] = set()  # names whose derivatives no line sets
        self.operands_near: Sequence[Ref] = ()  # operands of the equations whose results the line uses
        self.tokens = line.tokens

    def below(self, node: Node) -> tuple[int, int, int, int] | None:
        """Where the name below the line of a Jacobian stands: its tokens, its place in the text."""
        first, last = span(self.tokens, node)
        k = max((k for k in range(first, last - 1) if self.tokens[k].text in ("∂", "d")), default=None)
        if k is None:
            return None
        stop = last - 1 if self.tokens[first].kind == "frac" else last
        return k + 1, stop, self.tokens[k + 1].start, max(t.end for t in self.tokens[k + 1 : stop] if t.end > t.start)

    def spelled(self, node: Node) -> Spelling:
        """A part of the line as it stands."""
        return Spelling(self.tokens[slice(*span(self.tokens, node))], self.source.text[node.start : node.end])

    def bare(self, node: Node) -> Node:
        """What stands in brackets that only an exponent needed."""
        inner = node.parts[0] if node.kind == "bracket" else node
        text = self.source.text[inner.start : inner.end]
        alone = inner.kind in ("name", "d", "call", "jacobian") and text.count("{") == text.count("}")
        return inner if alone else node

    def replace(self, node: Node, new: Spelling, rank: int, kind: str, made: Node | None = None) -> Edit:
        """Another text in the place of a part; `made` is what it reads as."""
        first, last = span(self.tokens, node)
        tree = None if made is None else (node, made)
        return Edit(first, last, new.tokens, node.start, node.end, new.text, rank, kind, tree)

    def change(self, node: Node, new: Spelling, rank: int, kind: str, to: tuple[str, Ref] | None = None) -> Edit:
        """A name or derivative in the place of a part."""
        made = None
        if to is not None:
            made = Node(to[0], (), to[1] if to[0] == "name" else (to[1], None), node.start, node.end)
        return self.replace(node, new, rank, kind, made)

    def sign(self, k: int, text: str, rank: int, kind: str, tree: tuple[Node, Node] | None = None) -> Edit:
        """Another sign in the place of token k."""
        token = self.tokens[k]
        shown = f"'{text}'" if token.kind == "string" else text
        return Edit(k, k + 1, (token._replace(text=text),), token.start, token.end, shown, rank, kind, tree)

    def keep(self, node: Node, k: int, rank: int, kind: str) -> Edit:
        """One operand of two, without the other and the sign between them."""
        part = node.parts[k]
        negative = node.kind == "-" and k == 1
        minus = (Token("op", "-", 0, 0),) if negative else ()
        made = Node("neg", (part,), None, node.start, node.end) if negative else part
        spelling = self.spelled(part)
        return self.replace(
            node, Spelling((*minus, *spelling.tokens), "-" * negative + spelling.text), rank, kind, made
        )

    def insert(
        self,
        at: int,
        where: int,
        new: Spelling,
        rank: int,
        kind: str,
        made: tuple[str, Node, *tuple[Node, ...]] | None = None,
    ) -> Edit:
        """Something more at a place; `made` is the operation and its operands."""
        tree = None
        if made is not None:
            operation, node, *others = made
            first = others and others[0] is FIRST
            parts = (*others[1:], node) if first else (node, *others)
            tree = node, Node(operation, tuple(parts), None, node.start, node.end)
        return Edit(at, at, new.tokens, where, where, new.text, rank, kind, tree)

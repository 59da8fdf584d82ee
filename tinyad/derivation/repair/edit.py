"""A small change of a line, in its tokens, its text and its tree; and what edits are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, as_written, walk
from tinyad.derivation.repair.author_notation import (
    AuthorNotation,
    Fragment,
    is_differential_of_name,
    joined,
    sign_token,
    token_span,
)
from tinyad.derivation.repair.ranks import EditKind, Rank

NAMES = (EditKind.NAME, EditKind.LEFT, EditKind.TIME)  # kinds that put one name in the place of another

Change = tuple[Node, Node]  # the part of a formula that is replaced, and what takes its place


class Edit(NamedTuple):
    """Tokens first to last (not included) are replaced by others; in the text, what stands from `start` to `end`."""

    first: int
    last: int
    tokens: tuple[Token, ...]
    start: int
    end: int
    text: str
    rank: Rank
    tree: Change | None = None

    @property
    def kind(self) -> EditKind:
        """Return what the edit changes."""
        return self.rank.kind

    def apart_from(self, other: Edit) -> bool:
        """Return whether two edits can be applied together."""
        before = self.last <= other.first and self.end <= other.start
        return before or (other.last <= self.first and other.end <= self.start)


def apply(line: Statement, edits: Sequence[Edit], source: Source) -> Fragment:
    """Return a line after edits that do not overlap."""
    tokens, text = list(line.tokens), source.text[line.start : line.end]
    for edit in sorted(edits, key=lambda e: (-e.first, -e.start)):
        tokens[edit.first : edit.last] = edit.tokens
        text = text[: edit.start - line.start] + edit.text + text[edit.end - line.start :]
    return Fragment(tuple(tokens), text)


def changed_tokens(tokens: Sequence[Token], edit: Edit) -> tuple[int, int, int]:
    """Return which tokens an edit changes, first to last (not included), and how many come instead."""
    old, new = [[t.text for t in row] for row in (tokens[edit.first : edit.last], edit.tokens)]
    shorter = min(len(old), len(new))
    same = next((k for k in range(shorter) if old[k] != new[k]), shorter)
    tail = next((k for k in range(shorter - same) if old[-1 - k] != new[-1 - k]), shorter - same)
    return edit.first + same, edit.last - tail, len(new) - same - tail


def edit_size(tokens: Sequence[Token], edit: Edit) -> int:
    """Return how many tokens an edit takes away or puts there, whichever is more."""
    first, last, new = changed_tokens(tokens, edit)
    return max(last - first, new)


def changed_text(tokens: Sequence[Token], edit: Edit) -> tuple[int, int]:
    """Return where in the text an edit changes something; a new name counts with all its tokens."""
    if edit.kind in NAMES or edit.first == edit.last:
        return edit.start, edit.end
    first, last, _ = changed_tokens(tokens, edit)
    if first == last:  # something comes in between
        return (tokens[first].start if first == edit.first else tokens[first - 1].end,) * 2
    return tokens[first].start, max(t.end for t in tokens[first:last])


def replace_parts(node: Node, changes: Sequence[Change]) -> Node:
    """Return a formula with parts of it replaced."""
    for old, new in changes:
        if node is old:
            return new
    inside = [change for change in changes if node.start <= change[0].start and change[0].end <= node.end]
    if not inside or not node.parts:
        return node
    parts = tuple([replace_parts(part, inside) for part in node.parts])
    if all(a is b for a, b in zip(parts, node.parts, strict=True)):
        return node
    return Node(node.kind, parts, node.value, node.start, node.end)


def instead(node: Node, kind: str, *parts: Node) -> Change:
    """Return the change that puts an operation on `parts` in the place of a node."""
    return node, Node(kind, parts, None, node.start, node.end)


def named(node: Node, kind: str, ref: Ref) -> Change:
    """Return the change that puts a name ("name") or a derivative ("d") in the place of a node."""
    return node, Node(kind, (), ref if kind == "name" else (ref, None), node.start, node.end)


class Member:
    """One member of a line, and the edits that it can be given."""

    def __init__(self, line: Statement, index: int, source: Source) -> None:
        self.line, self.node, self.source = line, as_written(line.members[index]), source
        self.tokens = line.tokens
        self._spans: dict[tuple[int, int], tuple[int, int]] = {}

    @classmethod
    def alone(cls, line: Statement, formula: Node, source: Source) -> Member:
        """Return a formula of a line as a line of its own, without a left-hand side."""
        first, last = token_span(line.tokens, formula)
        tokens = line.tokens[first:last]
        return cls(line._replace(tokens=tokens, start=formula.start, end=formula.end, members=(formula,)), 0, source)

    def nodes(self) -> Iterator[Node]:
        """Yield all parts of the member but for the X of dX, which is no part that stands for itself."""
        moved = {id(node.parts[0]) for node in walk(self.node) if is_differential_of_name(node)}
        return (node for node in walk(self.node) if id(node) not in moved)

    def span(self, node: Node) -> tuple[int, int]:
        """Return which tokens a node was read from, first to last (not included)."""
        key = node.start, node.end
        if key not in self._spans:
            self._spans[key] = token_span(self.tokens, node)
        return self._spans[key]

    def between(self, node: Node) -> tuple[int, int]:
        """Return which tokens stand between the two operands of an operation."""
        (_, before), (after, _) = map(self.span, node.parts)
        return before, after

    def fragment(self, node: Node) -> Fragment:
        """Return a part of the line as it stands."""
        return Fragment(self.tokens[slice(*self.span(node))], self.source.text[node.start : node.end])

    def without_bracket(self, node: Node) -> Node:
        """Return what stands in brackets that only an exponent needed, else the node itself."""
        inner = node.parts[0] if node.kind == "bracket" else node
        text = self.source.text[inner.start : inner.end]
        alone = inner.kind in ("name", "d", "call", "jacobian") and text.count("{") == text.count("}")
        return inner if alone else node

    def denominator(self, node: Node) -> tuple[int, int, int, int] | None:
        """Return where the name in the denominator of a Jacobian stands: its tokens and its place in the text."""
        first, last = self.span(node)
        k = max((k for k in range(first, last - 1) if self.tokens[k].text in ("∂", "d")), default=None)
        if k is None:
            return None
        stop = last - 1 if self.tokens[first].kind == "frac" else last
        return k + 1, stop, self.tokens[k + 1].start, max(t.end for t in self.tokens[k + 1 : stop] if t.end > t.start)

    def replace(self, node: Node, new: Fragment, rank: Rank, tree: Change | None = None) -> Edit:
        """Return the edit that puts another text in the place of a part."""
        return Edit(*self.span(node), new.tokens, node.start, node.end, new.text, rank, tree)

    def unwrap(self, node: Node, inner: Node, rank: Rank) -> Edit:
        """Return the edit that leaves of a part one part of its own."""
        return self.replace(node, self.fragment(inner), rank, (node, inner))

    def insert_before(self, node: Node, new: Fragment, rank: Rank, tree: Change | None = None) -> Edit:
        """Return the edit that puts something ahead of a part."""
        at = self.span(node)[0]
        return Edit(at, at, new.tokens, node.start, node.start, new.text, rank, tree)

    def insert_after(self, node: Node, new: Fragment, rank: Rank, tree: Change | None = None) -> Edit:
        """Return the edit that puts something behind a part."""
        at = self.span(node)[1]
        return Edit(at, at, new.tokens, node.end, node.end, new.text, rank, tree)

    def replace_sign(self, k: int, text: str, rank: Rank, tree: Change | None = None) -> Edit:
        """Return the edit that puts another sign in the place of token k."""
        token = self.tokens[k]
        shown = f"'{text}'" if token.kind == "string" else text
        return Edit(k, k + 1, (token._replace(text=text),), token.start, token.end, shown, rank, tree)

    def keep_operand(self, node: Node, k: int, rank: Rank) -> Edit:
        """Return the edit that leaves one operand of two, without the other and the sign between them."""
        part = node.parts[k]
        if node.kind == "-" and k == 1:
            new = joined(Fragment((sign_token("-"),), "-"), self.fragment(part))
            return self.replace(node, new, rank, instead(node, "neg", part))
        return self.unwrap(node, part, rank)


@dataclass(frozen=True)
class Context:
    """The names, factors and terms of a derivation that may belong into one member of a line."""

    notation: AuthorNotation
    rule_names: Sequence[Ref] = ()  # of the line's forward equations, the likeliest first
    functions: Sequence[Fragment] = ()  # names of the functions of the derivation
    equations: Sequence[Sequence[Ref]] = ()  # result and operands of each forward equation of the line
    forward: Sequence[Sequence[Ref]] = ()  # the same of all forward equations
    operand_calls: Sequence[tuple[Node, Fragment]] = ()  # in these equations
    inverses: Sequence[tuple[Node, Fragment]] = ()  # in these equations and in right lines, and transposed
    numbers: Sequence[tuple[Node, Fragment]] = ()  # names that are one number
    sizes: Sequence[tuple[Node, Fragment]] = ()  # letters of sizes
    indexed: bool = False  # whether the line is one of components
    of_numbers: bool = False  # whether all that stands in the line is a number
    near_operands: Sequence[Ref] = ()  # of the equations whose results the line uses
    factors: Sequence[tuple[Node, Fragment]] = ()  # brackets and calls of other lines
    terms_of_same: Sequence[tuple[Node, Fragment]] = ()  # of other lines for the same derivative
    signed_terms: Sequence[tuple[str, Node, Fragment]] = ()  # that stand behind a sign elsewhere
    labels: frozenset[str] = frozenset()  # of lines that set a part of a derivative
    unset: frozenset[str] = frozenset()  # names whose derivatives no line sets
    set_elsewhere: bool = False  # whether another line sets all of what this one sets
    ones: Sequence[tuple[Node, Fragment]] = ()  # 1 as the author may write it here; none where all sizes fit
    ones_first: bool = True  # whether they stand in front of a number, as in the same layout

    @property
    def results(self) -> list[Ref]:
        """Return the results of the line's forward equations."""
        return [refs[0] for refs in self.equations]

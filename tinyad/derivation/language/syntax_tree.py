"""Tokens and syntax trees; each knows its position in the file."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple


class Token(NamedTuple):
    """One sign of a formula, the same from Unicode and from LaTeX.

    kind, and what `text` is then:
    "word": a run of letters and digits; accents follow their letter as combining characters (c̃); in LaTeX a letter, or
    what stands in \\mathrm, \\text, or the name of a function;
    "number": a number without a sign;  "ones": 1, where it is bold;
    "op": one of  + - ∘ * · @ / ^ _ = += ≡ ⇒ , ; | ' . ∇ ∂ Σ  (^ and _ are followed by a group);
    "open", "close": ( ) [ ] or { };
    "group(", ")group": what a script, a fraction or an accent stands over, not printed;
    "frac": two groups follow;  "matrix(", ")matrix": between them "op" "," between cells and "op" ";" between rows;
    "string": what stands in quotation marks;  "dots": … in a row of entries;
    "tag": the number that the author gave;  "end": a line of the text ends here.
    """

    kind: str
    text: str
    start: int
    end: int
    spaced: bool = False  # whether white space stands before it


class Undecided(NamedTuple):
    """Where · stands in a product for which nothing was declared: the sizes of its operands say which one it is."""

    start: int
    end: int


class OfColumn(NamedTuple):
    """Where the product xᵀ x begins that ‖x‖ is the root of: x has to be a column."""

    start: int
    end: int


class Ref(NamedTuple):
    """A name as it is used: which one, at which time, which component.

    time: None, ("t", k) for t + k, ("=", n) for the time n, ("T", k) for T + k.
    """

    key: str
    time: tuple[str, int] | None = None
    indices: tuple[str, ...] = ()


class IndexComparison(NamedTuple):
    """A comparison of one index with another, or with a number: i < j + 1, k ≠ 1."""

    letters: tuple[str, ...]  # one or two
    sign: str
    number: int  # that is added to the second letter, or compared with the only one
    lengths: tuple[Any, ...]  # for each letter a name (Ref) or a formula of components (Node) that has it
    measured: tuple[str, ...] = ()  # the letters that these have, where they are others

    @property
    def meaning(self) -> tuple[Any, ...]:
        """Return what is compared, without where it stands in the text."""
        return self.letters, self.sign, self.number


class Node(NamedTuple):
    """A formula.  kind, with its parts and its value:

    "number" (value: float), "ones" and "eye" (value: size or None), "name" (value: Ref),
    "d" (value: Ref, label): the derivative of the loss for a name, or the contribution that a label names,
    "jacobian" (parts: what is derived, a name; value: Ref): ∂u/∂v,
    "hessian" (value: two Refs): ∂²L/∂w∂v,
    "neg", "transpose", "inverse", "square" (one part), "power" (the same; value: its exponent, 3 or -0.5),
    "+", "-", "∘", "*", "/" (two parts; "*": matrix product),
    "call" and "prime" (one part or two; value: function): f(x), f'(x),
    "sum" (one part; value: ("index", j) or ("index", j, N), ("time", first, last) or ("family", θ)),
    "product" (one part; value: as of a sum over an index), "delta" (value: an IndexComparison): 1 where it holds,
    "component" (one part; value: the letters of its indices): (X w)_i,
    "comparison" (two parts; value: > < ≥ ≤), "cases" (parts: a value, its condition, ..., the last without one),
    "matrix" (parts: entries by rows; value: number of rows; a "dots" node among the entries), "stack" (parts),
    "deriv" (parts: dz, x, y; value: symbol),  "differential" (one part): d(x),
    "bracket" (one part; value: the opening sign, or the name that stands for the part): kept, so that a formula prints
    as its author wrote it.
    """

    kind: str
    parts: tuple[Node, ...]
    value: Any
    start: int
    end: int


class Vec(StrEnum):
    """How the entries of a derivative stand in one column or row on a left-hand side."""

    OF_DERIVATIVE = "vec(∇W)"
    FOR_VEC = "∂L/∂vec(W)"
    FOR_ROW = "∂L/∂vec(W)ᵀ"


class Statement(NamedTuple):
    """A line: the author's number or "", left-hand sides, "=" or "+=", what follows each equals sign."""

    number: str
    left: tuple[Node, ...]
    sign: str
    members: tuple[Node, ...]
    start: int
    end: int
    title: str = ""  # of its block
    tokens: tuple[Token, ...] = ()
    vec: Vec | None = None  # how the entries of the one left-hand side are stacked, where it is a vec


def as_written(member: Node) -> Node:
    """Return a member of a line as its author wrote it: in -∇L = a it was read as -a, and a if i = j as cases."""
    added = member.kind in ("neg", "cases") and member.start == member.parts[0].start
    return as_written(member.parts[0]) if added else member


def walk(node: Node) -> Iterator[Node]:
    """Yield a formula and all its parts, each before its own parts."""
    rest = [node]
    while rest:
        node = rest.pop()
        yield node
        rest += node.parts[::-1]


def moved_to(line: Statement, start: int, end: int) -> Statement:
    """Return a line of another text as if it stood here: an error in any part of it points at this place."""

    def moved(node: Node) -> Node:
        return node._replace(parts=tuple(map(moved, node.parts)), start=start, end=end)

    left, members = (tuple(map(moved, nodes)) for nodes in (line.left, line.members))
    return line._replace(left=left, members=members, start=start, end=end, tokens=())


def structure(node: Node) -> Any:
    """Return a formula without its positions and brackets, to be compared."""
    if node.kind == "bracket":
        return structure(node.parts[0])
    value = node.value.meaning if isinstance(node.value, IndexComparison) else node.value
    return node.kind, value if node.kind not in ("*", "∘", "/") else None, tuple(map(structure, node.parts))


def vec_of(node: Node) -> Node | None:
    """Return X for vec(X) and vec(X)ᵀ; None for other formulas."""
    node = node.parts[0] if node.kind == "transpose" else node
    return node.parts[0] if node.kind == "call" and node.value.key == "vec" and len(node.parts) == 1 else None


def flattened(node: Node) -> list[Node]:
    """Return the factors of a product, from left to right."""
    factors: list[Node] = []
    while node.kind == "*":
        factors.append(node.parts[1])
        node = node.parts[0]
    return [node, *reversed(factors)]

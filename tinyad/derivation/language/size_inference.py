"""Sizes that follow from the forward equations and from the sizes that are declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.equations import numbers_of_rule
from tinyad.derivation.language.sizes import Side, size_text
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Undecided, walk

ONE: Side = (("", 1),)
SCALARS = ("sum", "tr", "det", "logdet", "inner")  # functions whose value is a number
SLIP = 0.75  # likeness of two names, above which one is perhaps the other misspelt
ROUNDS = 20  # through all equations: each decides at least one side, or is the last
LETTERS = "N M K P Q R H D E F G I J O S U V".split()  # for sides that only have to be different


class Shape(NamedTuple):
    """The rows and columns of a value: sides that may be known."""

    rows: int
    columns: int


class Proposal(NamedTuple):
    """A size for a name, as text; whether it follows from the equations, with letters for what may be any size."""

    key: str
    node: Node
    rows: str
    columns: str
    follows: bool


class SizeInference:
    """The sides of all names of a forward, equal where an equation needs it.

    `numbers` are names that are 1×1.  With `guess`, what no equation decides is taken as papers have it: a small
    letter is a column.  `lines` say only how far the indices of names run.
    """

    def __init__(
        self,
        declarations: Declarations,
        forward: Sequence[Statement],
        numbers: Sequence[str] = (),
        guess: bool = False,
        lines: Sequence[Statement] = (),
    ) -> None:
        self._declarations, self._forward, self._guess = declarations, forward, guess
        self._numbers = numbers
        self._parent: list[int] = []
        self._known: dict[int, Side] = {}  # root → what is known of it
        self._names: dict[str, Shape] = {}
        self._indices: dict[str, int] = {}
        self.uses: dict[str, Node] = {}  # names in order, each where it is used first
        self._assumed: set[int] = set()  # sides that are taken to be 1
        self.clashes = 0  # products whose inner sides are known and differ, each as often as it is looked at
        self._one = self._side(ONE)
        self._rules: dict[str, Callable[[Node], Shape | None]] = {
            "number": self._number, "name": self._name, "transpose": self._transpose, "inverse": self._inverse,
            "call": self._call, "+": self._alike, "-": self._alike, "∘": self._alike, "/": self._alike,
            "*": self._product, "component": self._component, "matrix": self._matrix,
        }  # fmt: skip
        self._stacks: dict[tuple[int, int], tuple[Shape, tuple[int, ...]]] = {}  # place → size, the rows of the parts
        self._symbols = {symbol for shape in declarations.shapes.values() for side in shape for symbol, _ in side}
        self._symbols |= {*declarations.index_ends.values()}
        self._computed = {key for s in forward for n in s.left if n.kind == "name" for key in self._keys(n.value.key)}
        self._matrices: set[str] = set()  # names with two indices
        self._earlier: set[str] = set()  # computed names that an equation needs from the time before
        for statement in forward:
            for node in (n for part in (*statement.left, *statement.members) for n in walk(part)):
                if node.kind == "name":
                    self._see(node)
                elif node.kind == "prime" or (node.kind == "call" and node.value.key == "**"):  # σ'(z), x^α
                    self._numbers = (*self._numbers, *(n.value.key for n in walk(node) if n.kind == "name"))
            self._numbers = (*self._numbers, *numbers_of_rule(statement))
        self._solve()
        if guess:
            self._take_ends(lines)
            self._take_likely()

    @property
    def undeclared(self) -> list[str]:
        """Return the names that no declaration has and no equation computes, at the first time at least."""
        return [key for key in self.uses if self._is_undeclared(key) or self._is_first_state(key)]

    def _see(self, node: Node) -> None:
        """Learn where a name is used: at the time t, if it is anywhere."""
        ref: Ref = node.value
        if len(ref.indices) > 1:
            self._matrices.add(ref.key)
        known = self.uses.setdefault(ref.key, node)
        later = ref.time == ("t", 0) and known.value.time != ref.time
        alone = known.value.time == ref.time and node.end - node.start < known.end - known.start  # not in a macro
        if later or alone:
            self.uses[ref.key] = node
        if ref.time and ref.time[0] == "t" and ref.time[1] < 0:
            self._earlier.add(ref.key)

    def _is_first_state(self, key: str) -> bool:
        """Return whether a sequence starts from a state of this name, and no declaration says how large it is."""
        declared = all(k in self._declarations.shapes for k in self._keys(key))
        return key in self._earlier and key in self._computed and not declared

    def proposals(self) -> list[Proposal]:
        """Return a size for every name without one, with new letters for sides that nothing decides."""
        taken = self._symbols | {key.split("_")[0].split("^")[0] for key in self.uses}
        free = iter([letter for letter in LETTERS if letter not in taken] + [f"n{k}" for k in range(1, 1000)])
        texts: dict[int, str] = {}
        made: list[Proposal] = []
        stacked = {self._root(shape.rows): rows for shape, rows in self._stacks.values()}

        def text_of(side: int) -> str:
            root = self._root(side)
            if root not in texts:
                parts = stacked.pop(root, ()) if root not in self._known else ()
                texts[root] = "+".join(map(text_of, parts)) or (
                    size_text(self._known[root]) if root in self._known else next(free)
                )
            return texts[root]

        for key in self.undeclared:
            shape = self._shape_of(key)
            for side in shape:
                text_of(side)
            rows, columns = (texts[self._root(side)] for side in shape)
            made.append(
                Proposal(key, self.uses[key], rows, columns, not {self._root(side) for side in shape} & self._assumed)
            )
        return made

    def sides(self, key: str) -> tuple[Side, Side] | None:
        """Return the size of a name if it follows."""
        roots = [self._root(side) for side in self._shape_of(key)]
        return (self._known[roots[0]], self._known[roots[1]]) if all(r in self._known for r in roots) else None

    # Sides

    def _keys(self, key: str) -> list[str]:
        return self._declarations.names.instances_of(key)

    def _side(self, known: Side | None = None) -> int:
        self._parent.append(len(self._parent))
        if known is not None:
            self._known[len(self._parent) - 1] = known
        return len(self._parent) - 1

    def _root(self, side: int) -> int:
        while self._parent[side] != side:
            self._parent[side] = side = self._parent[self._parent[side]]
        return side

    def _unite(self, a: int, b: int) -> None:
        """Make two sides equal, unless two different sizes are known of them: the check of the forward says that."""
        a, b = self._root(a), self._root(b)
        if a == b or (a in self._known and b in self._known):
            return
        if b in self._known:
            a, b = b, a
        self._parent[b] = a

    def _unite_shapes(self, a: Shape, b: Shape) -> None:
        self._unite(a.rows, b.rows)
        self._unite(a.columns, b.columns)

    def _is_one(self, side: int) -> bool:
        return self._known.get(self._root(side)) == ONE

    def _is_number(self, shape: Shape) -> bool:
        return self._is_one(shape.rows) and self._is_one(shape.columns)

    def _is_undeclared(self, key: str) -> bool:
        names = self._declarations.names
        known = all(k in self._declarations.shapes or k in self._computed for k in self._keys(key))
        counts = key.replace("_", "") in self._symbols or key in names.indices
        counts = counts or (bool(names.last) and key in (names.last, names.time))
        return not (known or counts or key in names.functions or key in self._computed or names.is_pi(key))

    def _is_one_number(self, key: str) -> bool:
        """Return whether a name is the loss, π, or a size."""
        names = self._declarations.names
        counts = key in (names.loss, *self._numbers) or key.replace("_", "") in self._symbols
        return counts or names.is_pi(key)

    def _shape_of(self, key: str) -> Shape:
        if key not in self._names:
            first = self._keys(key)[0]
            if first in self._declarations.shapes:
                rows, columns = self._declarations.shapes[first]
                self._names[key] = Shape(self._side(rows), self._side(columns))
            elif self._is_one_number(key):
                self._names[key] = Shape(self._one, self._one)
            else:
                self._names[key] = Shape(self._side(), self._side())
        return self._names[key]

    # Equations

    def _solve(self) -> None:
        """Go through the equations until they say nothing new."""
        for _ in range(ROUNDS):
            before = self._state()
            for statement in self._forward:
                self._indices = {}
                if len(statement.left) == 1 and statement.left[0].kind == "name":
                    self._equation(statement)
                else:  # a rule, whose right-hand side may be wrong
                    self._value(statement.left[0])
            if self._state() == before:
                return

    def _state(self) -> tuple[int, int]:
        sides = [side for shape in self._names.values() for side in shape]
        roots = {self._root(side) for side in sides}
        return len(roots), sum(root in self._known for root in roots)

    def _equation(self, statement: Statement) -> None:
        left = self._name(statement.left[0])
        for member in statement.members:
            value = self._value(member)
            if value is not None and left is not None:
                self._unite_shapes(left, value)

    def _take_ends(self, lines: Sequence[Statement]) -> None:
        """Take the names in lines to be as long as their indices run there: D for x_j beside Σ_{j=1}^D."""
        ends = self._declarations.index_ends
        for node in (n for line in lines for part in (*line.left, *line.members) for n in walk(part)):
            ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
            if ref is None or ref.key not in self.uses or not 0 < len(ref.indices) < 3:
                continue
            shape = self._shape_of(ref.key)
            for side, letter in zip(shape, ref.indices, strict=False):
                if letter in ends and self._root(side) not in self._known:
                    self._known[self._root(side)] = ((ends[letter], 1),)
        self._solve()

    def _row_biases(self) -> set[str]:
        """Return the names that are added to X W, one row for all rows."""
        nodes = (n for s in self._forward for member in s.members for n in walk(member))
        return {self._added_name(node) for node in nodes if self._bias_of_weights(node) == "row"}

    def _added_name(self, node: Node) -> str:
        return self._open_name(node.parts[1]) or self._open_name(node.parts[0])

    def _take_likely(self) -> None:
        """Take small letters as columns, then one after the other as equations need it."""
        rows = self._row_biases()
        for key in self.uses:
            shape = self._shape_of(key)
            if key in rows and self._root(shape.rows) not in self._known:
                self._assumed.add(self._root(shape.rows))
                self._known[self._root(shape.rows)] = ONE
                self._solve()
                continue
            if (
                key in self._matrices
                or key[:1].isupper()
                or not key[:1].isalpha()
                or self._root(shape.columns) in self._known
            ):
                continue
            self._assumed.add(self._root(shape.columns))
            self._known[self._root(shape.columns)] = ONE
            self._solve()

    def _value(self, node: Node) -> Shape | None:
        """Return the size of a formula; None if nothing says it yet."""
        rule = self._rules.get(node.kind)
        if rule is not None:
            return rule(node)
        if node.kind in SAME:
            return self._value(node.parts[0])
        for part in node.parts:
            self._value(part)
        return None

    def _number(self, _: Node) -> Shape:
        return Shape(self._one, self._one)

    def _name(self, node: Node) -> Shape | None:
        ref: Ref = node.value
        shape = self._shape_of(ref.key)
        if not ref.indices:
            return shape
        sides = [self._index(letter) for letter in ref.indices]
        self._unite_shapes(shape, Shape(sides[0], sides[1] if len(sides) > 1 else self._one))
        return Shape(self._one, self._one)

    def _component(self, node: Node) -> Shape | None:
        """Return the size of (X w)_i, one number; the index runs as far as the rows of what is in brackets."""
        shape = self._value(node.parts[0])
        if shape is not None:
            sides = [self._index(letter) for letter in node.value]
            self._unite_shapes(shape, Shape(sides[0], sides[1] if len(sides) > 1 else self._one))
        return Shape(self._one, self._one)

    def _matrix(self, node: Node) -> Shape | None:
        """Return the size of [h; x], and of [h, x] for columns h and x: as many rows as they have together."""
        parts = [self._value(part) for part in node.parts]
        place = node.start, node.end
        columns = all(shape is not None and self._is_one(shape.columns) for shape in parts)
        if len(parts) < 2 or not (node.value == len(parts) or (node.value == 1 and columns)):
            return None
        if place not in self._stacks and all(parts):
            self._stacks[place] = Shape(self._side(), self._side()), tuple(shape.rows for shape in parts if shape)
        if place not in self._stacks:
            return None
        shape, rows = self._stacks[place]
        for part in parts:
            if part is not None:
                self._unite(shape.columns, part.columns)
        known = [self._known.get(self._root(side)) for side in rows]
        if all(known) and self._root(shape.rows) not in self._known:
            total: Counter[str] = Counter()
            for side in known:
                total.update(dict(side or ()))
            self._known[self._root(shape.rows)] = tuple(sorted(total.items()))
        return shape

    def _index(self, letter: str) -> int:
        """Return how many values an index has, in one equation."""
        if letter not in self._indices:
            last = self._declarations.index_ends.get(letter)
            self._indices[letter] = self._side(((last, 1),) if last else None)
        return self._indices[letter]

    def _transpose(self, node: Node) -> Shape | None:
        shape = self._value(node.parts[0])
        return None if shape is None else Shape(shape.columns, shape.rows)

    def _inverse(self, node: Node) -> Shape | None:
        shape = self._value(node.parts[0])
        if shape is not None:
            self._unite(shape.rows, shape.columns)
        return shape

    def _call(self, node: Node) -> Shape | None:
        shape, name = self._value(node.parts[0]), node.value.key
        if name == "inner":
            other = self._value(node.parts[1])
            if shape is not None and other is not None:
                self._unite_shapes(shape, other)
        if name in SCALARS:
            return Shape(self._one, self._one)
        if name == "bars" and not (shape is not None and self._is_number(shape)):
            return None  # |K| of a matrix is a number
        if name == "diag":
            return None if shape is None else Shape(shape.rows, shape.rows)
        return shape

    def _is_open(self, node: Node) -> bool:
        """Return whether an operand is a name alone that may be repeated to the size of the other operand."""
        return bool(self._open_name(node))

    def _open_name(self, node: Node) -> str:
        """Return the name that an operand is, if it may be repeated to the size of the other operand; else ""."""
        while node.kind in ("bracket", "neg"):
            node = node.parts[0]
        alone = node.kind == "name" and not node.value.indices and self._is_undeclared(node.value.key)
        return node.value.key if alone else ""

    def _alike(self, node: Node) -> Shape | None:
        """Return the size of a sum or a product of components: its operands have one size, or repeat."""
        a, b = (self._value(part) for part in node.parts)
        if a is None or b is None:
            return a if b is None else b
        if self._is_number(a) or self._is_number(b):
            open_ = self._is_open(node.parts[0]) or self._is_open(node.parts[1])
            if open_ and self._guess and node.kind in ("+", "-"):
                self._unite_shapes(a, b)
            both = self._is_number(a) and self._is_number(b)
            return None if open_ and not both and node.kind != "/" else b if self._is_number(a) else a
        opened = [self._is_open(part) for part in node.parts]
        if any(opened) and not self._guess:
            other = b if opened[0] else a
            if all(opened) or not self._is_one(other.columns):
                return None if all(opened) else other
        bias = self._bias_of_weights(node) if self._guess else None
        if bias == "number":  # X w + b has one for all examples
            number = self._shape_of(self._added_name(node))
            self._unite_shapes(number, Shape(self._one, self._one))
            return b if opened[0] else a
        if bias:  # W X + b has a column for all columns, X W + b a row
            self._unite(a.rows, b.rows) if bias == "column" else self._unite(a.columns, b.columns)
            return b if opened[0] else a
        self._unite(a.rows, b.rows)
        self._unite(a.columns, b.columns)
        return Shape(b.rows if self._is_one(a.rows) else a.rows, b.columns if self._is_one(a.columns) else a.columns)

    def _bias_of_weights(self, node: Node) -> str:
        """Return what is added to W X, a column, to X W, a row, or to X w, a number; "" for another sum."""
        if node.kind != "+":
            return ""
        other, added = node.parts if self._is_open(node.parts[1]) else node.parts[::-1]
        if node.kind != "+" or other.kind != "*" or not self._open_name(added)[:1].islower():
            return ""
        first, second = (part.value.key[:1] if part.kind == "name" else "" for part in other.parts)
        if first.isupper() and second.isupper() and "W" in (first, second) and first != second:
            return "column" if first == "W" else "row"
        return "number" if first in ("X", "Φ") and second.islower() else ""

    def _product(self, node: Node) -> Shape | None:
        a, b = (self._value(part) for part in node.parts)
        if a is None or b is None:
            return None
        if self._is_number(a) or self._is_number(b):
            return b if self._is_number(a) else a
        first = node.parts[0]
        if self._open_name(first)[:1].islower() and not (self._is_one(a.columns) or self._guess):
            return None  # it may be a number, as in α x
        if isinstance(node.value, Undecided) and self._is_one(a.columns) and self._is_one(b.columns):
            return None  # two columns
        inner = [self._known.get(self._root(side)) for side in (a.columns, b.rows)]
        self.clashes += None not in inner and inner[0] != inner[1]
        self._unite(a.columns, b.rows)
        return Shape(a.rows, b.columns)


SAME = ("neg", "bracket", "square", "power", "differential", "prime", "sum")


def add_sizes_that_follow(declarations: Declarations, forward: Sequence[Statement]) -> Iterator[Proposal]:
    """Add the sizes that follow for names without one; yield the names that are left, with a size they may have."""
    inference = SizeInference(declarations, forward)
    names = inference.undeclared
    known = [*declarations.shapes, *(key for key in inference.uses if key not in names)]
    found = {
        key: sides
        for key in names
        if (sides := inference.sides(key)) is not None and not _may_be_slip(declarations, key, known)
    }
    for key, sides in found.items():
        node = inference.uses[key]
        for instance in declarations.names.instances_of(key):
            declarations.shapes[instance] = sides
            declarations.declared[instance] = node
            declarations.names.add(node.value._replace(key=instance, indices=()))
        declarations.inferred[key] = "×".join(map(size_text, sides))
    if len(found) < len(names):
        yield from SizeInference(declarations, forward, guess=True).proposals()


def _may_be_slip(declarations: Declarations, key: str, known: Sequence[str]) -> bool:
    """Return whether a name is perhaps another one misspelt, or in plain text two names without a space."""
    word = "".join(c for c in key.split("_")[0].split("^")[0] if c.isalpha())
    if not declarations.source.is_document and len(word) > 1:
        return True
    return (len(word) > 2 or not declarations.source.is_document) and bool(get_close_matches(key, known, 1, SLIP))

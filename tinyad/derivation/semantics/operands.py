"""What formulas begin with: names at their times, derivatives, numbers, ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.names import bound
from tinyad.derivation.language.syntax_tree import Node, Ref, structure
from tinyad.derivation.semantics.components import lettered
from tinyad.derivation.semantics.functions import Functions
from tinyad.derivation.semantics.values import Eye, Ones, Scope, Several, Trouble, Unfitting
from tinyad.engine.matrix import size

METHODS = {"*": "_product"} | dict.fromkeys("∘+-/", "_componentwise")
METHODS |= {kind: f"_{kind}" for kind in ("name", "d", "number", "ones", "eye", "dots", "bracket", "matrix", "sum")}
METHODS |= {kind: f"_{kind}" for kind in ("neg", "transpose", "square", "power", "inverse", "call", "prime", "deriv")}
METHODS |= {kind: f"_{kind}" for kind in ("jacobian", "differential")}
SHOWN = ("name", "d", "call", "prime", "bracket", "transpose")  # kinds whose sizes a reader may want to see


class Operands:
    """Values of the smallest formulas; a subclass knows the others, a method for each kind.

    Names and derivatives come from two functions: name(key, time, node) and d(key, time, label, node), Jacobians and
    differentials from two others.  `sizes` maps the symbols of sizes to numbers, `last` is T of a sequence or None.
    """

    def __init__(
        self,
        it: Declarations,
        functions: Functions,
        sizes: Mapping[str, int],
        last: int | None,
        name: Callable[[str, Any, Node], Any],
        d: Callable[[str, Any, str | None, Node], Any],
        jacobian: Callable[[Operands, Node, Scope], Any],
        differential: Callable[[Operands, Node, Scope], Any],
    ) -> None:
        self.it, self.functions, self.sizes, self.last = it, functions, sizes, last
        self.name, self.d, self.jacobian, self.differential = name, d, jacobian, differential
        self.kinds = {kind: getattr(self, method) for kind, method in METHODS.items()}
        self.shapes: dict[tuple[int, int], str] = {}  # (start, end) of a part of a line → its size
        self.notes: set[str] = set()
        self.overridden: dict[Any, Any] = {}  # structures of formulas that a Jacobian is taken for → their values
        self.memo: dict[Any, Any] | None = None  # values of the parts of one formula
        self.kept: frozenset[int] = frozenset()  # ids of those parts
        self.wanted: tuple[int, ...] = ()  # the size of what the formula stands for

    def __call__(self, node: Node, scope: Scope) -> Any:
        """The value of a formula."""
        if self.overridden and structure(node) in self.overridden:
            return self.overridden[structure(node)]
        memo, at = self.memo, None
        if memo is not None and id(node) in self.kept:
            at = id(node), scope.t, *scope.members.values()
            if at in memo:
                return memo[at]
        try:
            value = self.kinds[node.kind](node, scope)
        except (Unfitting, ValueError, np.linalg.LinAlgError) as reason:  # of an operation, about its operands
            self.refuse(node, str(reason))
        if node.kind in SHOWN and hasattr(value, "shape"):
            self.shapes[node.start, node.end] = size(value.shape)
        if memo is not None and at is not None:
            memo[at] = value
        return value

    def refuse(self, node: Node, message: str, verdict: str = "does not fit") -> NoReturn:
        """Raise what is wrong with a part of a formula."""
        raise Trouble(verdict, message.replace("1_{(n,1)}", self.ones_of_a_size()), node)

    def ones_of_a_size(self) -> str:
        """1_{(N,1)}, with a letter that the author has declared."""
        return f"1_{{({next(iter(self.sizes), 5)},1)}}"

    def part(self, node: Node, scope: Scope) -> Any:
        """The value of an operand."""
        value = self(node, scope)
        if isinstance(value, Several):
            self.refuse(node, "deriv returns derivatives, and stands alone", "not evaluable")
        return value

    # Names

    def time(self, ref: Ref, scope: Scope, node: Node) -> Any:
        """When a name is used: a number in a sequence, what is written in a single step, None for what has no time."""
        if self.last is None:
            return ref.time or (("t", 0) if self.it.names.timed(ref.key) else None)
        if ref.time is None:
            if not self.it.names.timed(ref.key):
                return None
            if scope.t is None:
                self.refuse(node, f"{ref.key} is different at every time: at which is it meant?", "undefined")
            self.notes.add(f"{ref.key} has no time here: read at {self.it.names.time}")
            return scope.t
        letter, k = ref.time
        if letter == "=":
            return k
        if letter == "T":
            return self.last + k
        if scope.t is None:
            self.refuse(node, f"{self.it.names.time} is free: no Σ over it, and none on the left-hand side")
        return scope.t + k

    def key(self, key: str, scope: Scope, node: Node) -> str:
        """A key with the members of families for their letters."""
        for letter in self.it.names.letters(key):
            if letter not in scope.members:
                self.refuse(node, f"{letter} is free: no Σ over it, and none on the left-hand side")
            key = bound(key, letter, scope.members[letter])
        return key

    def place(self, ref: Ref, scope: Scope, node: Node) -> tuple[str, Any]:
        """Which name is meant, and when."""
        return self.key(ref.key, scope, node), self.time(ref, scope, node)

    def _name(self, node: Node, scope: Scope) -> Any:
        ref = node.value
        if not ref.indices and not self.it.names.is_known(ref.key):
            number = self.number_of(ref.key)
            if number is not None:
                return number
        value = self.name(*self.place(ref, scope, node), node)
        return lettered(value, ref.indices) if ref.indices else value

    def number_of(self, key: str) -> float | None:
        """A size, or T, where it stands for a number, as in 1/B."""
        if self.last is not None and key == self.it.names.last:
            return float(self.last)
        size = self.sizes.get(key.replace("_", ""))
        return None if size is None else float(size)

    def _d(self, node: Node, scope: Scope) -> Any:
        ref, label = node.value
        value = self.d(*self.place(ref, scope, node), label, node)
        if not ref.indices:
            return value
        return lettered(value.T if self.it.layout == "row" else value, ref.indices)

    # Numbers, ones

    def _number(self, node: Node, scope: Scope) -> Any:
        return Ones() if self.it.ones and node.value == 1 else node.value

    def _ones(self, node: Node, scope: Scope) -> Any:
        if node.value is None:
            return Ones()
        rows, columns = sides(node.value)
        return np.ones((self.length(rows, node), self.length(columns or "1", node)))

    def _eye(self, node: Node, scope: Scope) -> Any:
        return Eye() if node.value is None else np.eye(self.length(sides(node.value)[0], node))

    def _dots(self, node: Node, scope: Scope) -> Any:
        self.refuse(node, "dots have to be read by a person", "not evaluable")

    def length(self, text: str, node: Node) -> int:
        """A side of a size, as a number."""
        symbol = text.replace("_", "")
        if symbol.isdigit():
            if len(symbol) > 3:
                self.refuse(node, f"a size of {symbol}; write one that is declared")
            return int(symbol)
        if symbol not in self.sizes:
            self.refuse(node, f"the size {text} is not declared", "undefined")
        return self.sizes[symbol]


def sides(text: str) -> tuple[str, str]:
    """The rows and columns of a size as it is written, n×1 or n,1; "" for columns that are not."""
    rows, _, columns = text.replace("×", ",").partition(",")
    return rows, columns

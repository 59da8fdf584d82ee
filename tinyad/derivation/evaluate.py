"""The value of a formula: on Variables, where it is recorded, or on arrays, where it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tinyad.derivation.declarations import Declarations
from tinyad.derivation.names import bound
from tinyad.derivation.tree import Node, Ref
from tinyad.matrix import Array, broadcast, size
from tinyad.ops import deriv
from tinyad.row import TABLE, Op
from tinyad.tape import Variable

H = 1e-30  # the complex step
NO_SIZE = "1 has no size here: write 1_{(n,1)}"


class Trouble(Exception):
    """Why a formula has no value: the verdict, what to say, and the part that it is about."""

    def __init__(self, verdict: str, message: str, node: Node) -> None:
        super().__init__(message)
        self.verdict, self.message, self.node = verdict, message, node


class Unfitting(Exception):
    """One index with two lengths."""


class Scope(NamedTuple):
    """Where a formula is evaluated: at which time t, and what the family letters stand for."""

    t: int | None
    members: Mapping[str, str]


class Indexed(NamedTuple):
    """Components: an array with a letter for every axis; on a tape a matrix, "" for an axis of length 1."""

    value: Any
    labels: tuple[str, ...]


class Ones(NamedTuple):
    """1 as long as it has no size: a column, or a row."""

    row: bool


class Several(NamedTuple):
    """What deriv returns."""

    values: tuple[Any, ...]


class Stretched(NamedTuple):
    """A matrix some of whose axes are as long as is needed."""

    value: Any


class Functions:
    """The functions of a derivation as rows of the table; those without a formula become the sine."""

    def __init__(self, it: Declarations) -> None:
        self.it = it
        self.free: dict[str, Op] = {}

    def row(self, ref: Ref, scope: Scope, node: Node) -> Op:
        names, seen = self.it.names, 0
        key, scope = self.instance(ref.key, scope)
        while key in self.it.functions and seen < 5:
            branches, seen = self.it.functions[key], seen + 1
            letters = names.letters(key)
            member = scope.members.get(letters[0], "") if letters else ""
            if "" not in branches and member not in branches:
                raise Trouble(
                    "not evaluable", f"{key} is declared for {', '.join(branches)}, not for {member or 'this'}", node
                )
            found = branches.get(member, branches.get("", ""))
            if found == key:  # component-wise, and no more is known
                if key not in self.free:
                    self.free[key] = Op(key, np.sin, lambda dz, z, x: dz * np.cos(x).T)
                return self.free[key]
            key = found
        symbol = names.functions.get(key, key)
        if symbol not in TABLE:
            raise Trouble("not evaluable", f"{key} is no function of the table: {' '.join(TABLE)}", node)
        return TABLE[symbol]

    def instance(self, key: str, scope: Scope) -> tuple[str, Scope]:
        """f_g as f_θ with θ = g."""
        if key not in self.it.names.instances:
            return key, scope
        letter, member = self.it.names.instances[key]
        return self.it.names.functions[key], Scope(scope.t, {**scope.members, letter: member})


class Evaluator:
    """Values of formulas, with names and derivatives from two functions: name(ref, time, node) and d(ref, time, label, node).

    `times` is (first, last) of a sequence or None.  `sizes` maps the symbols of sizes to numbers.
    """

    def __init__(
        self,
        it: Declarations,
        functions: Functions,
        sizes: Mapping[str, int],
        last: int | None,
        name: Callable[[str, Any, Node], Any],
        d: Callable[[str, Any, str | None, Node], Any],
        jacobian: Callable[[Evaluator, Node, Scope], Any],
        differential: Callable[[Evaluator, Node, Scope], Any],
    ) -> None:
        self.it, self.functions, self.sizes, self.last = it, functions, sizes, last
        self.name, self.d, self.jacobian, self.differential = name, d, jacobian, differential
        self.shapes: dict[tuple[int, int], str] = {}
        self.notes: set[str] = set()
        self.overridden: dict[Any, Any] = {}  # formulas that a Jacobian is taken for
        kinds = (
            "name",
            "d",
            "number",
            "ones",
            "eye",
            "bracket",
            "neg",
            "transpose",
            "square",
            "inverse",
            "jacobian",
            "matrix",
        )
        kinds += ("differential", "sum", "call", "prime", "deriv", "dots")
        self.kinds = {kind: getattr(self, f"_{kind}") for kind in kinds} | {"*": self._matmul}
        self.kinds |= dict.fromkeys("∘+-/", self._component)
        self.memo: dict[Any, Any] | None = None  # values of the parts of one formula, and their ids
        self.kept: frozenset[int] = frozenset()
        self.wanted: tuple[int, ...] = ()  # the size of what the formula stands for

    def __call__(self, node: Node, scope: Scope) -> Any:
        if self.overridden and structure(node) in self.overridden:
            return self.overridden[structure(node)]
        memo, at = self.memo, None
        if memo is not None and id(node) in self.kept:
            at = id(node), scope.t, *scope.members.values()
            if at in memo:
                return memo[at]
        try:
            value = self.kinds[node.kind](node, scope)
        except Unfitting as reason:
            self.refuse(node, str(reason))
        if node.kind in ("name", "d", "call", "prime", "bracket", "transpose") and hasattr(value, "shape"):
            self.shapes[node.start, node.end] = size(value.shape)
        if memo is not None and at is not None:
            memo[at] = value
        return value

    def refuse(self, node: Node, message: str, verdict: str = "does not fit") -> NoReturn:
        raise Trouble(verdict, message, node)

    # Names

    def time(self, ref: Ref, scope: Scope, node: Node) -> Any:
        """The moment a name is used at: a number in a sequence, what is written in a single step, None without one."""
        if self.last is None:
            return ref.time or (("t", 0) if self.it.names.timed(ref.key) and ref.time is None else None)
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
        for letter in self.it.names.letters(key):
            if letter not in scope.members:
                self.refuse(node, f"{letter} is free: no Σ over it, and none on the left-hand side")
            key = bound(key, letter, scope.members[letter])
        return key

    def _name(self, node: Node, scope: Scope) -> Any:
        ref = node.value
        value = self.name(self.key(ref.key, scope, node), self.time(ref, scope, node), node)
        return self.components(value, ref.indices, node) if ref.indices else value

    def _d(self, node: Node, scope: Scope) -> Any:
        ref, label = node.value
        value = self.d(self.key(ref.key, scope, node), self.time(ref, scope, node), label, node)
        if not ref.indices:
            return value
        return self.components(value.T if self.it.layout == "row" else value, ref.indices, node)

    def components(self, value: Any, indices: tuple[str, ...], node: Node) -> Indexed:
        rows, columns = value.shape
        if len(indices) == 1 and columns == 1:
            labels: tuple[str, ...] = (indices[0], "")
        elif len(indices) == 1 and rows == 1:
            labels = ("", indices[0])
        elif len(indices) == 2:
            labels = indices
        else:
            self.refuse(node, f"{len(indices)} indices for {size(value.shape)}")
        if isinstance(value, Variable):
            return Indexed(value, labels)
        return labelled(value, labels)

    # Numbers, ones

    def _number(self, node: Node, scope: Scope) -> Any:
        return Ones(False) if self.it.ones and node.value == 1 else node.value

    def _ones(self, node: Node, scope: Scope) -> Any:
        if node.value is None:
            return Ones(False)
        rows, _, columns = node.value.replace("×", ",").partition(",")
        return np.ones((self.length(rows, node), self.length(columns or "1", node)))

    def _eye(self, node: Node, scope: Scope) -> Any:
        return _EYE if node.value is None else np.eye(self.length(node.value.replace("×", ",").partition(",")[0], node))

    def length(self, text: str, node: Node) -> int:
        symbol = text.replace("_", "")
        if symbol.isdigit():
            return int(symbol)
        if symbol not in self.sizes:
            self.refuse(node, f"the size {text} is not declared", "undefined")
        return self.sizes[symbol]

    def part(self, node: Node, scope: Scope) -> Any:
        """The value of an operand."""
        value = self(node, scope)
        if isinstance(value, Several):
            self.refuse(node, "deriv returns derivatives, and stands alone", "not evaluable")
        return value

    # Operations

    def _bracket(self, node: Node, scope: Scope) -> Any:
        return self.part(node.parts[0], scope)

    def _neg(self, node: Node, scope: Scope) -> Any:
        return self.mapped(lambda x: -x, node, scope)

    def _transpose(self, node: Node, scope: Scope) -> Any:
        value = self.part(node.parts[0], scope)
        if isinstance(value, Ones):
            return Ones(not value.row)
        if isinstance(value, Indexed):
            self.refuse(node, "components are numbers: there is nothing to transpose")
        return (
            value
            if isinstance(value, float)
            else value.T
            if not isinstance(value, Stretched)
            else Stretched(value.value.T)
        )

    def _square(self, node: Node, scope: Scope) -> Any:
        return self.mapped(lambda x: x * x, node, scope)

    def _inverse(self, node: Node, scope: Scope) -> Any:
        return self.mapped(lambda x: 1 / x, node, scope)

    def mapped(self, f: Callable[[Any], Any], node: Node, scope: Scope) -> Any:
        value = self.part(node.parts[0], scope)
        if isinstance(value, Ones | _Eye):
            self.refuse(node, NO_SIZE)
        if isinstance(value, Indexed):
            return Indexed(f(value.value), value.labels)
        return Stretched(f(value.value)) if isinstance(value, Stretched) else f(value)

    def _component(self, node: Node, scope: Scope) -> Any:
        left, right = (self.part(part, scope) for part in node.parts)
        kind = node.kind
        self.unmixed(node, left, right, scope)
        if isinstance(left, Indexed) or isinstance(right, Indexed):
            return self.indexed(node, left, right)
        if isinstance(left, Ones) and not isinstance(right, Ones | _Eye):
            left = 1.0
        if isinstance(right, Ones) and not isinstance(left, Ones | _Eye):
            right = 1.0
        left, right = sized(left, right), sized(right, left)
        if isinstance(left, Ones | _Eye) or isinstance(right, Ones | _Eye):
            self.refuse(node, NO_SIZE)
        stretched = isinstance(left, Stretched) or isinstance(right, Stretched)
        left, right = (v.value if isinstance(v, Stretched) else v for v in (left, right))
        for value in (left, right):
            if not isinstance(value, float) and not hasattr(value, "shape"):
                self.refuse(node, "this has no value")
        if not isinstance(left, float) and not isinstance(right, float):
            if broadcast(left.shape, right.shape) is None and not stretched:
                self.misfit(node, left, right)
        made = {
            "∘": lambda: left * right,
            "+": lambda: left + right,
            "-": lambda: left - right,
            "/": lambda: left / right,
        }[kind]()
        return Stretched(made) if stretched else made

    def misfit(self, node: Node, left: Any, right: Any) -> NoReturn:
        source = self.it.source.text
        a, b = (source[part.start : part.end] for part in node.parts)
        turned = ""
        if node.kind == "*":
            why = f"inner sizes {left.shape[1]} and {right.shape[0]}"
        else:
            why = "component-wise operands are of one size"
            if left.shape == right.shape[::-1]:
                turned = "; one of them has to be transposed"
        self.refuse(node, f"{a} is {size(left.shape)} and {b} is {size(right.shape)}: {why}{turned}")

    def unmixed(self, node: Node, left: Any, right: Any, scope: Scope) -> None:
        """Refuse a ∘ b c, which has two readings, unless one of them is a number."""
        if node.kind not in ("∘", "*"):
            return
        other = {"∘": "*", "*": "∘"}[node.kind]
        first = node.parts[0]
        if first.kind != other or any(not _matrix(v) for v in (left, right)):
            return
        if any(not _matrix(self.part(part, scope)) for part in first.parts):
            return
        source = self.it.source.text
        a, b, c = (source[n.start : n.end] for n in (*first.parts, node.parts[1]))
        x, y = ("∘", " ") if first.kind == "∘" else (" ", "∘")
        x, y = (f" {s} " if s.strip() else s for s in (x, y))
        raise Trouble(
            "ambiguous", f"this has two readings, ({a}{x}{b}){y}{c} and {a}{x}({b}{y}{c}): put brackets", node
        )

    def _matmul(self, node: Node, scope: Scope) -> Any:
        chain = self.chain(node, scope)
        if chain is not None:
            return chain
        left, right = (self.part(part, scope) for part in node.parts)
        self.unmixed(node, left, right, scope)
        if isinstance(left, Indexed) or isinstance(right, Indexed):
            return self.indexed(node, left, right)
        if isinstance(left, _Eye) or isinstance(right, _Eye):
            return right if isinstance(left, _Eye) else left
        if isinstance(left, Ones) or isinstance(right, Ones):
            return self.with_ones(node, left, right)
        stretched = isinstance(left, Stretched) or isinstance(right, Stretched)
        left, right = (v.value if isinstance(v, Stretched) else v for v in (left, right))
        if isinstance(left, float) or isinstance(right, float):
            made = left * right
        elif left.shape[1] == right.shape[0]:
            made = left @ right
        elif (1, 1) in (left.shape, right.shape):
            made = left * right
        else:
            self.misfit(node, left, right)
        return Stretched(made) if stretched else made

    def with_ones(self, node: Node, left: Any, right: Any) -> Any:
        """A product with a 1 that has no size of its own: it takes that of its neighbour, or stays as long as needed."""
        if isinstance(left, Ones) and isinstance(right, Ones):
            self.refuse(node, NO_SIZE)
        ones, other = (left, right) if isinstance(left, Ones) else (right, left)
        if isinstance(other, float):
            return other
        value = other.value if isinstance(other, Stretched) else other
        first = ones is left
        if first and ones.row:
            return np.ones((1, value.shape[0])) @ value
        if not first and not ones.row:
            return value @ np.ones((value.shape[1], 1))
        return Stretched(value)

    def chain(self, node: Node, scope: Scope) -> Any:
        """∂L/∂c · ∂c/∂f · ∂f/∂W in either layout: the derivative carried through one Jacobian after the other."""
        factors = flattened(node)
        if factors[0].kind != "d" or any(f.kind != "jacobian" for f in factors[1:]) or len(factors) < 2:
            return None
        at = factors[0].value[0]
        if at.indices or any(not isinstance(f.value, Ref) or f.value.indices for f in factors[1:]):
            return None
        carried = self.part(factors[0], scope)
        carried = carried.T if self.it.layout == "row" else carried
        for factor in factors[1:]:
            above = factor.parts[0]
            if above.kind == "name" and (self.key(above.value.key, scope, above), self.time(above.value, scope, above)) != (
                self.key(at.key, scope, above), self.time(at, scope, above)
            ):  # fmt: skip
                return None
            full = self.jacobian(self, factor, scope)  # shape of above, then shape of below
            if isinstance(full, Indexed) or full.shape[:2] != carried.shape:
                return None
            carried = np.tensordot(carried, full, 2)
            at = factor.value
        return carried.T if self.it.layout == "row" else carried

    def _jacobian(self, node: Node, scope: Scope) -> Any:
        full = self.jacobian(self, node, scope)
        above = node.parts[0]
        labels = above.value.indices if above.kind == "name" else ()
        below = node.value.indices if isinstance(node.value, Ref) else ()
        if isinstance(full, Indexed):  # of a formula of components
            return labelled(full.value, (*full.labels, *self.axes(below, full.value.shape[-2:], node)))
        if labels or below:
            return labelled(full, (*self.axes(labels, full.shape[:2], node), *self.axes(below, full.shape[2:], node)))
        (n, a), (m, b) = full.shape[:2], full.shape[2:]
        if n == a == 1:
            matrix = full[0, 0].T
        elif a == 1 and b == 1:
            matrix = full[:, 0, :, 0]
        else:
            self.refuse(node, f"the derivative of {n}×{a} for {m}×{b} is no matrix", "not evaluable")
        return matrix if self.it.layout == "row" else matrix.T

    def axes(self, labels: tuple[str, ...], shape: tuple[int, ...], node: Node) -> tuple[str, str]:
        if len(labels) == 2:
            return labels[0], labels[1]
        if len(labels) == 1 and 1 in shape:
            return (labels[0], "") if shape[1] == 1 else ("", labels[0])
        if not labels and shape == (1, 1):
            return "", ""
        self.refuse(node, f"{len(labels)} indices for {size(shape)}: every name in a line of components has its own")

    def _differential(self, node: Node, scope: Scope) -> Any:
        return self.differential(self, node, scope)

    # Components

    def indexed(self, node: Node, left: Any, right: Any) -> Any:
        for part, value in zip(node.parts, (left, right), strict=True):
            if not isinstance(value, Indexed | float) and (value.shape if hasattr(value, "shape") else ()) != (1, 1):
                said = (
                    f"{self.it.source.text[part.start : part.end]} is {size(value.shape)}"
                    if hasattr(value, "shape")
                    else "1"
                )
                self.refuse(part, f"{said} and has no index: in a line of components every factor has its own")
        tape = any(isinstance(v.value if isinstance(v, Indexed) else v, Variable) for v in (left, right))
        kind = "∘" if node.kind == "*" else node.kind
        a, b = (v if isinstance(v, Indexed) else Indexed(v, ("", "")) for v in (left, right))
        if (
            kind in "+-"
            and {*a.labels} - {""} != {*b.labels} - {""}
            and not (isinstance(left, float) or isinstance(right, float))
        ):
            free = sorted(({*a.labels} ^ {*b.labels}) - {""})
            self.refuse(node, f"the index {' and '.join(free)} is free in one term only")
        made = _aligned_on_tape(a, b) if tape else _aligned(a, b)
        if made is None:
            self.refuse(node, "more than two free indices")
        x, y, labels = made
        if kind == "∘" and tape and hasattr(x, "shape") and hasattr(y, "shape") and broadcast(x.shape, y.shape) is None:
            return Indexed(x @ y, labels)
        try:
            value = {"∘": lambda: x * y, "+": lambda: x + y, "-": lambda: x - y, "/": lambda: x / y}[kind]()
        except ValueError:
            sizes = {label: (n, m) for label in {*a.labels} & {*b.labels} - {""} for n in [a.value.shape[a.labels.index(label)]]
                     for m in [b.value.shape[b.labels.index(label)]] if n != m}  # fmt: skip
            label, (n, m) = next(iter(sizes.items()))
            self.refuse(node, f"the index {label} runs to {n} in one factor and to {m} in the other")
        return Indexed(value, labels)

    def _sum(self, node: Node, scope: Scope) -> Any:
        kind, *what = node.value
        body = node.parts[0]
        if kind == "index":
            return self.summed(node, what[0], self.part(body, scope))
        if kind == "family":
            letter = what[0]
            scopes = [Scope(scope.t, {**scope.members, letter: member}) for member in self.it.names.families[letter]]
        else:
            assert self.last is not None
            first, last = (
                (1 if k == 0 else self.last) if at is None else self.moment(at, scope, node)
                for k, at in enumerate(what)
            )
            if last - first > 1000:
                self.refuse(node, f"a sum over {last - first} times")
            scopes = [Scope(t, scope.members) for t in range(first, last + 1)]
        if not scopes:
            self.refuse(node, "this sum is empty")
        total = self.part(body, scopes[0])
        for inner in scopes[1:]:
            term = self.part(body, inner)
            total = Indexed(total.value + term.value, total.labels) if isinstance(total, Indexed) else total + term
        return total

    def moment(self, at: tuple[str, int], scope: Scope, node: Node) -> int:
        letter, k = at
        if letter == "t" and scope.t is None:
            self.refuse(node, f"{self.it.names.time} is free here")
        return k if letter == "=" else (self.last if letter == "T" else scope.t) + k  # type: ignore[operator]

    def summed(self, node: Node, letter: str, value: Any) -> Any:
        if not isinstance(value, Indexed) or letter not in value.labels:
            self.refuse(node, f"nothing under Σ has the index {letter}")
        axis = value.labels.index(letter)
        if isinstance(value.value, Variable):
            v = value.value
            ones = np.ones((v.shape[axis], 1))
            labels = tuple("" if k == axis else label for k, label in enumerate(value.labels))
            return Indexed(ones.T @ v if axis == 0 else v @ ones, labels)
        labels = value.labels[:axis] + value.labels[axis + 1 :]
        return Indexed(value.value.sum(axis=axis), labels)

    # Functions

    def _call(self, node: Node, scope: Scope) -> Any:
        ref = node.value
        key = self.it.names.functions.get(ref.key, ref.key)
        parts = [self.part(part, scope) for part in node.parts]
        if key in ("diag", "tr"):
            return self.special(key, node, parts)
        op = self.functions.row(ref, scope, node)
        if op.arity != len(parts):
            self.refuse(node, f"{ref.key} takes {op.arity} argument(s)", "not evaluable")
        if any(isinstance(part, Ones | _Eye | Stretched) for part in parts):
            self.refuse(node, NO_SIZE)
        if isinstance(parts[0], Indexed):
            if op.symbol in ("softmax", "log_softmax", "softmax_rows", "sum"):
                self.refuse(node, f"{op.symbol} takes a whole column, not one component", "not evaluable")
            return Indexed(self.applied(op, node, [parts[0].value]), parts[0].labels)
        return self.applied(op, node, parts)

    def applied(self, op: Op, node: Node, parts: list[Any]) -> Any:
        arrays = [np.full((1, 1), part) if isinstance(part, float) else part for part in parts]
        try:
            if any(isinstance(part, Variable) for part in arrays):
                return op(*arrays)
            return op.forward(*arrays)
        except ValueError as reason:
            self.refuse(node, str(reason))

    def special(self, key: str, node: Node, parts: list[Any]) -> Any:
        value = parts[0]
        if not isinstance(value, np.ndarray):
            self.refuse(node, f"{key} is for backward lines; write ∘ in the forward", "not evaluable")
        if key == "diag":
            if 1 not in value.shape:
                self.refuse(node, f"diag of {size(value.shape)}: a column is awaited")
            return np.diag(value.ravel())
        if value.shape[0] != value.shape[1]:
            self.refuse(node, f"tr of {size(value.shape)}: a square matrix is awaited")
        return np.trace(value).reshape(1, 1)

    def _prime(self, node: Node, scope: Scope) -> Any:
        ref = node.value
        op = self.functions.row(ref, scope, node)
        argument = node.parts[0]
        meaning = None
        indices = ref.indices
        if argument.kind == "name":
            function = self.it.names.functions.get(ref.key, ref.key)
            meaning = self.it.arguments.get((argument.value.key, function))
        if meaning is not None:
            _, inner = self.functions.instance(ref.key, scope)
            x = self.part(meaning, Scope(self.time(argument.value, scope, argument), inner.members))
            indices = argument.value.indices or indices
        else:
            x = self.part(argument, scope)
        value, labels = (x.value, x.labels) if isinstance(x, Indexed) else (x, None)
        if isinstance(value, float):
            value = np.full((1, 1), value)
        if not isinstance(value, np.ndarray):
            self.refuse(node, "the derivative of a function is for backward lines", "not evaluable")
        if op.symbol in ("softmax", "log_softmax", "softmax_rows", "sum") or op.arity != 1:
            self.refuse(
                node,
                f"{op.symbol} is not component-wise: its derivative is a Jacobian, for softmax diag(p) - p pᵀ",
                "not evaluable",
            )
        z = op.forward(value)
        found = op.deriv(np.ones_like(value).T, z, value).T
        if labels is not None:
            return Indexed(found, labels)
        return self.components(found, indices, node) if indices else found

    def _deriv(self, node: Node, scope: Scope) -> Any:
        parts = [self.part(part, scope) for part in node.parts]
        symbol = {"o": "∘", "⊙": "∘", "none": "none"}.get(node.value, node.value)
        if symbol not in TABLE:
            self.refuse(node, f"deriv has no operator {symbol!r}: there are {' '.join(TABLE)}", "not evaluable")
        arrays = [np.full((1, 1), 1.0 if isinstance(p, Ones) else p) if isinstance(p, float | Ones) else p for p in parts]
        arity = TABLE[symbol].arity
        if len(arrays) != arity + 1:
            takes = "dz, x and y" if arity == 2 else "dz and x"
            self.refuse(node, f"deriv takes {takes} for {symbol!r}; here are {len(arrays)} operand(s)")
        if any(not isinstance(a, np.ndarray) for a in arrays):
            self.refuse(node, "deriv takes matrices", "not evaluable")
        if self.it.layout == "same":
            arrays[0] = arrays[0].T
        try:
            out = deriv(*arrays, symbol) if len(arrays) == 3 else deriv(arrays[0], arrays[1], symbol)
        except (ValueError, TypeError) as reason:
            self.refuse(node, str(reason))
        out = out if isinstance(out, tuple) else (out,)
        return Several(tuple(c.T if self.it.layout == "same" else c for c in out))

    # Matrices

    def _matrix(self, node: Node, scope: Scope) -> Any:
        rows = node.value
        columns = len(node.parts) // rows
        if any(part.kind == "dots" for part in node.parts):
            self.refuse(node, "a matrix with dots has to be read by a person", "not evaluable")
        parts = [self.part(part, scope) for part in node.parts]
        if (
            rows == 1
            and columns > 1
            and all(p.shape[1] == parts[0].shape[1] for p in parts if hasattr(p, "shape"))
            and not all(hasattr(p, "shape") and p.shape[0] == parts[0].shape[0] for p in parts)
        ):
            rows, columns = columns, 1  # [C, h, x], one on top of the other, as the slides write it
        if columns == 1:
            return self.stacked(node, parts)
        blocks = [
            [np.full((1, 1), p) if isinstance(p, float) else p for p in parts[r * columns : (r + 1) * columns]]
            for r in range(rows)
        ]
        if any(not isinstance(p, np.ndarray) for row in blocks for p in row):
            self.refuse(node, "side by side is for backward lines; write products of parts", "not evaluable")
        try:
            return np.block(blocks)
        except ValueError:
            self.refuse(node, "the entries do not fit together")

    def stacked(self, node: Node, parts: list[Any]) -> Any:
        parts = self.padded(node, parts)
        if len({p.shape[1] for p in parts}) > 1:
            self.refuse(
                node,
                "one on top of another: "
                + ", ".join(size(p.shape) for p in parts)
                + " have different numbers of columns",
            )
        whole = parts[0]
        for part in parts[1:]:
            whole = TABLE["stack"](whole, part)
        return whole

    def padded(self, node: Node, parts: list[Any]) -> list[Any]:
        """[a; 0]: the 0 is as long as the whole needs it, which the left-hand side says."""
        known = [p for p in parts if hasattr(p, "shape")]
        if len(known) == len(parts):
            return parts
        columns = known[0].shape[1] if known else 0
        whole = {self.wanted[1]: self.wanted[0], self.wanted[0]: self.wanted[1]}.get(columns, 0) if self.wanted else 0
        rows = whole - sum(p.shape[0] for p in known)
        if len(known) < len(parts) - 1 or rows < 1 or any(p != 0.0 for p in parts if isinstance(p, float)):
            self.refuse(node, "a part of [ ; ] has no size", "not evaluable")
        return [p if hasattr(p, "shape") else np.zeros((rows, columns)) for p in parts]

    def _dots(self, node: Node, scope: Scope) -> Any:
        self.refuse(node, "dots have to be read by a person", "not evaluable")


class _Eye:
    """I as long as it has no size."""


_EYE = _Eye()


def sized(value: Any, other: Any) -> Any:
    """I next to an n×n matrix is n×n."""
    if isinstance(value, _Eye) and hasattr(other, "shape"):
        return np.eye(other.shape[0])
    return value


def structure(node: Node) -> Any:
    """A formula without its places, to be compared."""
    if node.kind == "bracket":
        return structure(node.parts[0])
    return node.kind, node.value if node.kind not in ("*", "∘", "/") else None, tuple(map(structure, node.parts))


def flattened(node: Node) -> list[Node]:
    """The factors of a product, from left to right."""
    factors: list[Node] = []
    while node.kind == "*":
        factors.append(node.parts[1])
        node = node.parts[0]
    return [node, *reversed(factors)]


def labelled(value: Array, labels: tuple[str, ...]) -> Indexed:
    """An array with letters for its axes; a letter that occurs twice takes the diagonal, an axis without one goes."""
    letters = sorted({label for label in labels if label})
    code = {label: chr(ord("a") + k) for k, label in enumerate(letters)}
    axes = "".join(code[label] for label in labels if label)
    lengths: dict[str, int] = {}
    for n, label in zip(value.shape, labels, strict=True):
        if label and lengths.setdefault(label, n) != n:
            raise Unfitting(f"the index {label} runs to {lengths[label]} and to {n}")
    squeezed = value.reshape([n for n, label in zip(value.shape, labels, strict=True) if label])
    kept = list(dict.fromkeys(label for label in labels if label))
    return Indexed(np.einsum(f"{axes}->{''.join(code[k] for k in kept)}", squeezed), tuple(kept))


def _matrix(value: Any) -> bool:
    return hasattr(value, "shape") and value.shape != (1, 1)


def _aligned(a: Indexed, b: Indexed) -> tuple[Any, Any, tuple[str, ...]]:
    """Two arrays with their axes in one order."""
    labels = tuple(dict.fromkeys(label for label in (*a.labels, *b.labels) if label))

    def spread(x: Indexed) -> Any:
        if isinstance(x.value, float):
            return x.value
        own = [label for label in x.labels if label]
        value = np.asarray(x.value).reshape([n for n, label in zip(np.shape(x.value), x.labels, strict=False) if label])
        order = [own.index(label) for label in labels if label in own]
        return value.transpose(order).reshape(
            [value.shape[own.index(label)] if label in own else 1 for label in labels]
        )

    return spread(a), spread(b), labels


def _aligned_on_tape(a: Indexed, b: Indexed) -> tuple[Any, Any, tuple[str, ...]] | None:
    """Two matrices with their letters in one order: rows, columns."""
    if isinstance(a.value, float) or isinstance(b.value, float):
        return a.value, b.value, a.labels if isinstance(b.value, float) else b.labels
    found = list(dict.fromkeys(label for label in (*a.labels, *b.labels) if label))
    if len(found) > 2:
        return None
    if len(found) == 2:
        labels: tuple[str, str] = (found[0], found[1])
    elif found:
        rows = a.labels[0] == found[0] or (a.labels == ("", "") and b.labels[0] == found[0])
        labels = (found[0], "") if rows else ("", found[0])
    else:
        labels = ("", "")

    def turned(x: Indexed) -> Any:
        first = x.labels[0] and x.labels[0] == labels[1]
        second = x.labels[1] and x.labels[1] == labels[0]
        return x.value.T if first or second else x.value

    return turned(a), turned(b), labels

"""The walk back through forward equations by the rules of the table, as formulas in the author's notation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import Case
from tinyad.derivation.language.declarations import MatrixKind
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Vec, structure, walk
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.analogy import exchange_names
from tinyad.derivation.repair.author_notation import AuthorNotation, Fragment, names_in, tokenized
from tinyad.derivation.repair.formula import (
    NUMBER,
    SUM_OVER,
    Formula,
    NoFormula,
    Size,
    Writer,
    added,
    componentwise,
    filled,
    identity,
    inverse,
    kronecker,
    leaf,
    number,
    product,
    quotient,
    transposed,
    vec,
    with_ones,
)
from tinyad.derivation.semantics.composed import axis_of
from tinyad.derivation.semantics.functions import NOT_COMPONENTWISE
from tinyad.derivation.semantics.values import Indexed, Scope, Stretched, Trouble
from tinyad.engine.op import Op
from tinyad.engine.vjp import in_same_layout
from tinyad.expressions.symbol import Symbol
from tinyad.printing.formula import Precedence

WRITTEN_OUT = ("tanh", "sigmoid", "exp", "log", "sqrt")  # functions whose derivative people write out; f'(x) of others
CLOSED_BY_LOG = ("softmax", "softmax_rows", "sigmoid")  # functions that a cross entropy takes the logarithm of
SOFTMAX = ("softmax", "softmax_rows")
SAME_AS = {"softmax_axis0": "softmax", "softmax_axis1": "softmax_rows"}
OF_TWO = {"max": ">", "min": "<"}  # when the result is the operand
LEVELS = {"+": Precedence.SUM, "-": Precedence.SUM, "neg": Precedence.SUM, "sum": Precedence.SUM}
LEVELS |= dict.fromkeys("∘*/", Precedence.PRODUCT)
LEVELS |= dict.fromkeys(("transpose", "square", "power", "inverse"), Precedence.POSTFIX)


OPERATIONS: dict[str, Callable[..., Formula]] = {
    "transpose": transposed,
    "neg": lambda a: a.times(-1),
    "+": lambda a, b: added([a, b]),
    "-": lambda a, b: added([a, b.times(-1)]),
    "∘": componentwise,
    "*": product,
    "/": quotient,
}
Rule = Callable[[Formula], Formula]  # from the derivative of a result to that of an operand


class WrittenPart(NamedTuple):
    """A part of the author's lines that stands for a derivative: its value in row layout, and how it is written."""

    value: Array
    fragment: Fragment
    kind: str  # of the formula

    @property
    def precedence(self) -> Precedence:
        """Return how tightly the part holds together."""
        return LEVELS.get(self.kind, Precedence.ATOM)


class Term(NamedTuple):
    """What one use of a name in an equation contributes to its derivative."""

    formula: Formula
    equation: int
    later: Any


class RuleWalk:
    """Write the contributions to a derivative as the rules give them, from the derivatives that `is_usable` allows.

    `parts` are what the author has written out for derivatives: they are used where their values are those of one.
    `named` are derivatives that are set: they are used for what has no name of its own, as W x + b in tanh(W x + b).
    """

    def __init__(
        self,
        case: Case,
        notation: AuthorNotation,
        is_usable: Callable[[Ref], bool],
        parts: Sequence[WrittenPart] = (),
        named: Sequence[WrittenPart] = (),
    ) -> None:
        self.case, self.point, self.notation = case, case.point, notation
        self.scope = scope_of(case)
        self.is_usable, self.parts, self._named = is_usable, parts, named
        self.row = self.point.declarations.layout == "row"
        self.forward = self.point.derivation.forward
        self.writer = Writer(
            notation.circle.text,
            notation.product_text,
            notation.transpose_mark.text,
            notation.factor_pairs,
            self._has_numbers_last(),
            (notation.inverse_text, notation.transposed_inverse_text),
            notation.half_text if notation.has_halves else "",
            notation.has_fractions,
            notation.scale_text,
            (r" \otimes " if notation.latex else " ⊗ ") if self.point.declarations.meaning.get("⊗") == "kron" else "",
            notation.kron_call,
            r"\operatorname{vec}" if notation.latex else "vec",
            self._eyes(),
        )
        self._depth = 0

    def _eyes(self) -> dict[int, str]:
        """Return how identity matrices with their sizes are written; nothing where the author writes I."""
        sizes, (letter, text) = self.point.forward.sizes, self.notation.sized_eye
        return {n: text.replace(letter, other) for other, n in sizes.items()} if letter in sizes else {}

    def _has_numbers_last(self) -> bool:
        """Return whether more numbers stand behind what they multiply than in front of it, in the forward."""
        last = 0
        for node in (n for eq in self.forward for member in eq.members for n in walk(member) if n.kind == "*"):
            if all(part.kind == "name" for part in node.parts):
                sizes = [getattr(self.value(part, self.scope), "shape", None) for part in node.parts]
                last += (sizes[1] == NUMBER) - (sizes[0] == NUMBER) if sizes[0] != sizes[1] else 0
        return last > 0

    @property
    def diagonal_sign(self) -> str:
        """Return how the author would write diag."""
        return r"\operatorname{diag}" if self.notation.latex else "diag"

    @cached_property
    def has_logarithm(self) -> bool:
        """Return whether the forward takes a logarithm."""
        functions = self.point.declarations.names.functions
        nodes = (node for eq in self.forward for member in eq.members for node in walk(member))
        return any(node.kind == "call" and functions.get(node.value.key) == "log" for node in nodes)

    def text(self, formula: Formula) -> str:
        """Return a formula as the author would write it."""
        formula = with_ones(formula) if formula.kind == "filled" else formula
        return self.writer.text(formula)

    def sum_of(self, terms: Sequence[Term], of: Ref, sign: str, stacking: Vec | None = None) -> str:
        """Return the sum of some terms, over all times and members of families that what they add up to has not.

        `stacking` says how the line stacks the entries of the derivative.
        """
        over = [self._sums_over(term, of) for term in terms]
        if sign == "+=" and all(heads[:1] == [self.notation.sum_over_time] for heads in over):
            over = [heads[1:] for heads in over]
        total: list[Formula] = []
        for heads in dict.fromkeys(map(tuple, over)):
            inner = added([term.formula for term, own in zip(terms, over, strict=True) if tuple(own) == heads])
            total.append(self.under(heads, inner))
        return self.text(self._stacked(self._filled(added(total)), stacking))

    def _filled(self, formula: Formula) -> Formula:
        """Return a row or a column that is repeated as in NumPy in the size of the whole derivative."""
        size = self.case.shape if self.row else self.case.shape[::-1]
        axes = [axis for axis in (0, 1) if formula.size[axis] == 1 < size[axis]]
        if not self.repeats or formula.kind == "filled" or len(axes) != 1 or formula.is_number:
            return formula
        letters = [letter for letter, n in self.point.forward.sizes.items() if n == size[axes[0]]]
        shape = (size[0], 1) if axes[0] == 0 else (1, size[1])
        sides = ",".join("1" if n == 1 else letters[0] if letters else str(n) for n in shape)
        ones = leaf(f"1_{{({sides})}}", shape)
        return product(ones, formula) if axes[0] == 0 else product(formula, ones)

    @cached_property
    def repeats(self) -> bool:
        """Return whether a row or a column is repeated as in NumPy beside a matrix, and never by a column of ones."""
        if self.point.declarations.ones or self.notation.ones_text:
            return False
        nodes = (n for eq in self.forward for m in eq.members for n in walk(m) if n.kind in ("+", "-", "∘", "/"))
        for node in nodes:
            a, b = (getattr(self.value(part, self.scope), "shape", NUMBER) for part in node.parts)
            if a != b and NUMBER not in (a, b):
                return True
        return False

    def _stacked(self, formula: Formula, stacking: Vec | None) -> Formula:
        """Return a derivative as the line has it: its entries in a column, or in a row."""
        if stacking is None:
            return formula
        if stacking is Vec.OF_DERIVATIVE or not self.row:
            return transposed(vec(formula)) if stacking is Vec.FOR_ROW else vec(formula)
        return transposed(vec(transposed(formula)))

    def under(self, heads: Sequence[str], inner: Formula) -> Formula:
        """Return a formula under signs of sums."""
        if not heads:
            return inner
        text = self.text(inner.alone())
        body = f"({text})" if inner.kind == "+" else text
        return leaf(" ".join((*heads, body)), inner.size, Precedence.SUM, SUM_OVER).times(inner.factor)

    def _sums_over(self, term: Term, of: Ref) -> list[str]:
        """Return the signs of the sums that a term needs."""
        names, ref = self.point.declarations.names, self.forward[term.equation].left[0].value
        heads = []
        if self.point.last is not None and names.timed(ref.key) and not names.timed(of.key):
            heads.append(self.notation.sum_over_time)
        letters = [letter for letter in names.letters(ref.key) if letter not in names.letters(of.key)]
        return heads + [self.notation.sum_over(letter) for letter in letters]

    def terms(self, of: Ref, equation: int, later: Any) -> list[Term]:
        """Return what each use of a name in one equation contributes, `later` steps after the name's own time."""
        eq = self.forward[equation]
        at = EquationAt(self, eq, of, later)
        if not at.uses:
            return []
        adjoint = self.adjoint(at.result)
        return [Term(formula, equation, later) for formula in at.walk(eq.members[0], adjoint)]

    def jacobians(self, above: Ref, below: Ref, equation: int) -> list[str]:
        """Return the derivative of an equation's result for a name in it, as a column or a matrix, or on a diagonal."""
        eq = self.forward[equation]
        later = above.time[1] - below.time[1] if above.time and below.time and self.point.last is not None else None
        at = EquationAt(self, eq, below, later)
        if not at.uses:
            return []
        softmax = at.softmax_jacobian(eq.members[0])
        if softmax:
            return [softmax]
        formula = added(list(at.walk(eq.members[0], number(1.0))))
        if formula.kind == "one":
            return [self.writer.text(formula), self.writer.text(identity("I", NUMBER).times(formula.factor))]
        text, turned = self.text(formula), self.text(transposed(formula))
        return list(dict.fromkeys((text, turned, f"{self.diagonal_sign}({text})")))

    def gradient(self, line: Statement, formula: Node, below: Ref) -> str:
        """Return the derivative of a formula in a line, a number, for a name that stands in it."""
        loss = Node("name", (), Ref(self.point.declarations.names.loss), formula.start, formula.end)
        at = EquationAt(self, line._replace(left=(loss,), members=(formula,)), below, None)
        if not at.uses:
            raise NoFormula
        return self.text(added(list(at.walk(formula, number(1.0)))))

    def jacobians_by_chain(self, above: Ref, below: Ref, equation: int) -> list[str]:
        """Return the same where one name stands between the two: as a product of two Jacobians."""
        between = [n.value for member in self.forward[equation].members for n in walk(member) if n.kind == "name"]
        found = []
        for k, eq in enumerate(self.forward):
            middle = eq.left[0].value
            if middle in between:
                inner, outer = self.jacobians(middle, below, k), self.jacobians(above, middle, equation)
                pairs = [(a, b) for a in outer for b in inner]
                found += [f"{_factor(x)}{self.writer.times}{_factor(y)}" for a, b in pairs for x, y in ((a, b), (b, a))]
        return found

    def adjoint(self, ref: Ref) -> Formula:
        """Return the derivative of a name: as the author has written it, by its name, or as the rules give it."""
        if ref.key == self.point.declarations.names.loss:
            return number(1.0)
        known = self._known(ref)
        if known is not None:
            return known
        with self.one_deeper():
            return added([term.formula for k, later in self.uses_of(ref) for term in self.terms(ref, k, later)])

    @contextmanager
    def one_deeper(self) -> Iterator[None]:
        """Count one derivative more that no line sets, and that the rules write out inside of another."""
        self._depth += 1
        try:
            if self._depth > limits.EQUATIONS_WALKED:
                raise NoFormula
            yield
        finally:
            self._depth -= 1

    def uses_of(self, ref: Ref) -> list[tuple[int, Any]]:
        """Return the equations that use a name, each with how many steps later it does."""
        uses = [(k, later) for k, eq in enumerate(self.forward) for later in self._delays(eq, ref)]
        if not uses:
            raise NoFormula
        return uses

    def _delays(self, eq: Statement, ref: Ref) -> list[Any]:
        """Return how many steps later an equation uses a name; None in one time step."""
        uses = [node.value for member in eq.members for node in walk(member) if node.kind == "name"]
        uses = [use for use in uses if use.key == ref.key]
        if self.point.last is None or not self.point.declarations.names.timed(ref.key):
            return [None] if uses else []
        return list(dict.fromkeys(-use.time[1] for use in uses if use.time and use.time[0] == "t"))

    def _known(self, ref: Ref) -> Formula | None:
        """Return a derivative that can be named, or that the author has written out."""
        value = self._true(ref)
        if value is None:
            raise NoFormula
        written = self.written(value)
        if written is not None:
            return written
        fragment = self.notation.derivative(ref) if self.is_usable(ref) else None
        return (
            None if fragment is None else leaf(fragment.text, _size(value if self.row else value.T), key=f"d {ref.key}")
        )

    def _true(self, ref: Ref) -> Array | None:
        """Return a derivative in row layout; None if it has no value here."""
        evaluator = self.point.evaluator
        try:
            name = evaluator.timed_name(ref, self.scope, Node("name", (), ref, 0, 0))
            return self.point.true_derivative(name) if name in self.point.values else None
        except Trouble:
            return None

    def written(self, value: Array) -> Formula | None:
        """Return the author's own formula with this value, which is in row layout; None if there is none."""
        return self._with_value(self.parts, value)

    @property
    def recognizes(self) -> bool:
        """Return whether there is anything that a derivative may be recognized as."""
        return bool(self.parts or self._named)

    def named_or_written(self, value: Array) -> Formula | None:
        """Return the same for what has no name of its own: also a derivative with this value."""
        return self._with_value((*self.parts, *self._named), value)

    def _with_value(self, parts: Sequence[WrittenPart], value: Array) -> Formula | None:
        for part in parts:
            if part.value.shape == value.shape and np.allclose(part.value, value, rtol=limits.SAME_VALUE, atol=0):
                size = _size(value if self.row else value.T)
                return leaf(part.fragment.text, size, part.precedence, part.kind)
        return None

    # What an equation at another time needs

    def value(self, node: Node, scope: Scope) -> Any:
        """Return the value of a part of an equation; None if it has none."""
        try:
            return self.point.evaluator(node, scope)
        except LimitError:
            raise
        except (Trouble, ArithmeticError, ValueError):
            return None

    def value_of_text(self, text: str, of: Ref | None = None) -> Array | None:
        """Return the value of a formula as it is written, in row layout; None if it has none."""
        try:
            node = self.point.declarations.parser().inside(tokenized(text, "rule", self.point.source))
            value = self.point.evaluator(node, self.scope)
        except LimitError:
            raise
        except (DerivationError, Trouble, ArithmeticError, ValueError):
            return None
        if isinstance(value, Indexed) and of is not None:
            return self._of_components(value, of)
        if isinstance(value, Stretched) and of is not None:
            value = value.filled(self.case.shape if self.row else self.case.shape[::-1])
        if not isinstance(value, np.ndarray):
            return None
        return value if self.row else value.T

    def _of_components(self, value: Indexed, of: Ref) -> Array | None:
        """Return components as the derivative that they are the entries of, in row layout; None if they are none."""
        if sorted(label for label in value.labels if label) != sorted(of.indices):
            return None
        array = np.transpose(value.value, [value.labels.index(letter) for letter in of.indices])
        rows, columns = self.case.shape
        return array.reshape(columns, rows).T if array.size == rows * columns else None


class EquationAt:
    """One equation at one time, and the uses of one name in it."""

    def __init__(self, walk_: RuleWalk, eq: Statement, of: Ref, later: Any, components: bool = False) -> None:
        self._walk, self._eq, self._of, self._components = walk_, eq, of, components
        self._point, self._notation, self._row = walk_.point, walk_.notation, walk_.row
        self._shift = self._shift_of(later)
        self.result: Ref = self.moved(eq.left[0].value)
        self.left, self.member = eq.left[0].value, eq.members[0]
        self.scope = self._scope_of(later)
        self.uses = {id(n) for member in eq.members for n in walk(member) if self._is_use(n)}
        self._exchange = {
            n.value: self.moved(n.value)
            for member in eq.members
            for n in walk(member)
            if n.kind == "name" and self.moved(n.value) != n.value
        }

    def _shift_of(self, later: Any) -> int:
        of, timed = self._of, self._point.last is not None
        if not timed or not isinstance(later, int):
            return 0
        if of.time is not None and of.time[0] != "t":
            raise NoFormula
        return later + (of.time[1] if of.time else 0)

    def _scope_of(self, later: Any) -> Scope:
        """Return where the equation is evaluated: at the time of the line, or `later`."""
        scope = self._walk.scope
        names, eq_ref = self._point.declarations.names, self._eq.left[0].value
        members = dict(scope.members)
        for letter in names.letters(eq_ref.key):
            members.setdefault(letter, names.families[letter][0])
        if self._point.last is None:
            return Scope(scope.t, members)
        return Scope((scope.t or 1) + self._shift, members)

    def moved(self, ref: Ref) -> Ref:
        """Return a name of the equation at the time of the line."""
        if not self._shift or ref.time is None or ref.time[0] != "t":
            return ref
        return ref._replace(time=("t", ref.time[1] + self._shift))

    def _is_use(self, node: Node) -> bool:
        if node.kind != "name" or node.value.key != self._of.key:
            return False
        if (node.value.indices or self._of.indices) and not self._components:
            raise NoFormula
        ref, of = self.moved(node.value), self._of
        timed = self._point.last is not None and self._point.declarations.names.timed(of.key)
        if not timed:
            return ref.time == of.time or self._point.last is not None
        return (ref.time or ("t", 0)) == (of.time or ("t", 0))

    def has_use(self, node: Node) -> bool:
        return any(id(n) in self.uses for n in walk(node))

    # Values of parts of the equation

    def formula(self, node: Node) -> Formula:
        """Return a part of the equation as a formula."""
        if node.kind == "bracket":
            return self.formula(node.parts[0])
        if node.kind == "number" and not (self._point.declarations.ones and node.value == 1):
            return number(node.value)
        if node.kind in ("neg", "transpose"):
            return OPERATIONS[node.kind](self.formula(node.parts[0]))
        if node.kind == "inverse" and self.size_of(node) != NUMBER:
            return inverse(self.formula(node.parts[0]))
        product_of_two = node.kind in ("*", "∘", "/") and self.size_of(node) is not None
        return self._of_two(node) if product_of_two or self.function(node) == "kron" else self.as_written(node)

    def _of_two(self, node: Node) -> Formula:
        """Return a product or a quotient of two parts of the equation as a formula."""
        if node.kind == "call":
            return kronecker(*map(self.formula, node.parts))
        beside_number = node.kind in ("∘", "/")  # where 1 is the number also if it is declared as a column
        a, b = (number(p.value) if p.kind == "number" and beside_number else self.formula(p) for p in node.parts)
        return OPERATIONS[node.kind](a, b)

    def as_written(self, node: Node, size: Size | None = None) -> Formula:
        """Return a part of the equation as it stands there, at the time of the line."""
        fragment = exchange_names(self._notation, self._eq, node, self._exchange)
        size = size or self.size_of(node)
        if fragment is None or size is None:
            raise NoFormula
        if node.kind == "eye":
            return identity(fragment.text, size)
        key = f"name {node.value.key}" if node.kind == "name" else ""
        of_two_sides = self.function(node) == "inner" and not fragment.text.startswith(("⟨", "\\l", "<"))  # A : B
        level = Precedence.SUM if of_two_sides else LEVELS.get(node.kind, Precedence.ATOM)
        written = leaf(fragment.text, size, level, key)
        return written._replace(symmetric=node.kind == "name" and self._is_symmetric(node.value))

    def _is_symmetric(self, ref: Ref) -> bool:
        """Return whether a matrix is declared as its own transpose."""
        kind = self._point.declarations.matrix_kinds.get(ref.key)
        return kind in (MatrixKind.SYMMETRIC, MatrixKind.POSITIVE_DEFINITE)

    def size_of(self, node: Node) -> Size | None:
        """Return the size of a part of the equation; None where only its neighbours tell."""
        value = self._walk.value(node, self.scope)
        if isinstance(value, float | int):
            return NUMBER
        return _size(value) if isinstance(value, np.ndarray) else None

    def _beside(self, formula: Formula) -> Formula:
        """Return a value as it stands beside a derivative, component by component."""
        return transposed(formula) if self._row else formula

    def _as_derivative(self, size: Size) -> Size:
        return size[::-1] if self._row else size

    # The walk

    def walk(self, node: Node, adjoint: Formula) -> Iterator[Formula]:
        """Yield what each use of the name below a node contributes; `adjoint` is the derivative of the node."""
        if id(node) in self.uses:
            yield adjoint
            return
        adjoint = self._recognized(adjoint)
        node = self.simplest(node)
        if node.kind == "sum":
            yield from self._under_sum(node, adjoint)
            return
        for part, rule in self._operands(node):
            if self.has_use(part):
                yield from self.walk(part, self._fitted(rule(adjoint), part))

    def _under_sum(self, node: Node, adjoint: Formula) -> Iterator[Formula]:
        """Yield the same of a sum over time, or over members of a family, which is a sum again if the name has no time.

        What multiplies the whole sum stays in front of it.
        """
        names, of = self._notation.names, self._of
        if node.value[0] == "index":
            raise NoFormula
        over_time = node.value[0] == "time"
        own = names.timed(of.key) if over_time else node.value[1] in names.letters(of.key)
        if own:
            yield from self.walk(node.parts[0], adjoint)
            return
        head = self._notation.sum_over_time if over_time else self._notation.sum_over(node.value[1])
        outside = adjoint if adjoint.is_number else number(1.0)
        for inner in self.walk(node.parts[0], number(1.0) if adjoint.is_number else adjoint):
            yield product(outside, self._walk.under([head], inner))

    def _fitted(self, adjoint: Formula, operand: Node) -> Formula:
        """Return the derivative of an operand that is repeated as in NumPy: the sum over its repetitions."""
        size = self.size_of(operand)
        if size is None or adjoint.kind == "filled" or NUMBER in (adjoint.size, size):
            return adjoint
        own = self._as_derivative(size)
        axes = [axis for axis in (0, 1) if own[axis] == 1 < adjoint.size[axis]]
        return self._summed_along(adjoint, axes[0]) if len(axes) == 1 else adjoint

    def _summed_along(self, formula: Formula, axis: int) -> Formula:
        """Return the sums of a formula over its rows (axis 0) or columns: as the author calls them, or with ones."""
        rows, columns = formula.size
        text = self._notation.sum_along(self._walk.text(formula.alone()), axis)
        if text:
            return leaf(text, (1, columns) if axis == 0 else (rows, 1)).times(formula.factor)
        ones = self._ones_leaf((1, rows) if axis == 0 else (columns, 1))
        return product(ones, formula) if axis == 0 else product(formula, ones)

    def simplest(self, node: Node) -> Node:
        """Return the node with the simplest rule that has the same value: u for sqrt(u)², logdet(X) for log(det(X))."""
        inner = node.parts[0] if node.parts else node
        while inner.kind == "bracket":
            inner = inner.parts[0]
        outer, key = self.function(node), self.function(inner)
        if node.kind == "square" and key == "sqrt" and self.size_of(inner) == NUMBER:
            return inner.parts[0]
        if outer == "log" and (key == "det" or (key == "bars" and self.size_of(inner.parts[0]) != NUMBER)):
            return node._replace(value=Ref("logdet"), parts=inner.parts)
        return self._operation_of_call(node, outer) if outer else node

    def _operation_of_call(self, node: Node, key: str) -> Node:
        """Return the operation that a call of a function as in NumPy does, or else the call."""
        if key in SAME_AS:
            return node._replace(value=Ref(SAME_AS[key]))
        if key in ("multiply", "square"):
            return node._replace(kind="∘" if key == "multiply" else key, value=None)
        if key == "dot":
            columns = self.size_of(node.parts[0]) == self.size_of(node.parts[1]) and self.size_of(node) == NUMBER
            return node._replace(value=Ref("inner")) if columns else node._replace(kind="*", value=None)
        if key == "outer":
            turned = Node("transpose", node.parts[1:], None, node.parts[1].start, node.parts[1].end)
            return node._replace(kind="*", value=None, parts=(node.parts[0], turned))
        return node

    def function(self, node: Node) -> str:
        """Return the function that a call calls; "" for another formula."""
        return (
            self._point.declarations.names.functions.get(node.value.key, node.value.key) if node.kind == "call" else ""
        )

    def _recognized(self, adjoint: Formula) -> Formula:
        """Return the author's own formula for a derivative, or else the derivative as it is."""
        if not self._walk.recognizes or adjoint.kind in ("leaf", "one", "filled"):
            return adjoint
        value = self._walk.value_of_text(self._walk.text(adjoint))
        return (self._walk.named_or_written(value) if value is not None else None) or adjoint

    def _operands(self, node: Node) -> Sequence[tuple[Node, Rule]]:
        """Return the operands of an operation, each with what gives its derivative from that of the result."""
        parts, kind = node.parts, node.kind
        if kind in ("+", "-"):
            sign = -1 if kind == "-" else 1
            return [
                (parts[0], lambda g: self._summed(g, parts[0])),
                (parts[1], lambda g: self._summed(g, parts[1]).times(sign)),
            ]
        if kind in ("*", "∘"):
            return [
                (parts[0], lambda g: self._of_factor(node, 0, g)),
                (parts[1], lambda g: self._of_factor(node, 1, g)),
            ]
        if kind == "/":
            return [
                (parts[0], lambda g: self._of_numerator(node, g)),
                (parts[1], lambda g: self._of_denominator(node, g)),
            ]
        return self._arguments(node) if len(parts) > 1 else [(parts[0], self._of_one(node))]

    def _arguments(self, node: Node) -> Sequence[tuple[Node, Rule]]:
        """Return the same for the arguments of a function of two."""
        parts, key = node.parts, self.function(node)
        if key in OF_TWO:
            return [
                (parts[0], lambda g: self._of_larger(node, 0, g)),
                (parts[1], lambda g: self._of_larger(node, 1, g)),
            ]
        if key == "**":
            return [(parts[0], lambda g: self._of_named_power(node, g))]
        if key != "inner":
            raise NoFormula
        x, y = (self._beside(self.formula(part)) for part in parts)
        return [(parts[0], lambda g: product(g, y)), (parts[1], lambda g: product(g, x))]

    def _of_larger(self, node: Node, k: int, adjoint: Formula) -> Formula:
        """Return the derivative of an operand of max or min."""
        own, other = self.formula(node.parts[k]), self.formula(node.parts[1 - k])
        if own.size != self.size_of(node):
            raise NoFormula
        sign = OF_TWO[self.function(node)]
        condition = leaf(f"1[{self._walk.text(own)} {sign} {self._walk.text(other)}]", own.size)
        return componentwise(adjoint, self._beside(condition))

    def _of_named_power(self, node: Node, adjoint: Formula) -> Formula:
        """Return the derivative of x^p for x."""
        base, exponent = map(self.formula, node.parts)
        if not exponent.is_number:
            raise NoFormula
        return componentwise(adjoint, self._beside(self.power_by_name(base, exponent)))

    def power_by_name(self, base: Formula, exponent: Formula) -> Formula:
        """Return p x^{p-1}."""
        less = self._walk.text(added([exponent, number(-1.0)])).replace(" ", "")
        return product(exponent, self.raised(base, f"^{{{less}}}"))

    def _of_one(self, node: Node) -> Rule:
        """Return the same for the one operand of an operation."""
        kind, part = node.kind, node.parts[0]
        if kind == "bracket":
            return lambda g: g
        exponent = 2 if kind == "square" else node.value
        rules: dict[str, Rule] = {
            "neg": lambda g: g.times(-1),
            "transpose": transposed,
            "square": lambda g: componentwise(g, self._beside(self._power(part, exponent))),
            "power": lambda g: componentwise(g, self._beside(self._power(part, exponent))),
            "inverse": lambda g: self._of_inverse(node, g),
            "call": lambda g: self._of_argument(node, g),
        }
        if kind not in rules:
            raise NoFormula
        return rules[kind]

    def _of_inverse(self, node: Node, adjoint: Formula) -> Formula:
        z = self.formula(node)
        if z.is_number:
            return quotient(adjoint, self.squared(self.formula(node.parts[0]))).times(-1)
        z = z if self._row else transposed(z)
        return product(product(z, adjoint), z).times(-1)

    def _summed(self, adjoint: Formula, operand: Node) -> Formula:
        """Return the derivative of a term of a sum, which may be a number beside a matrix."""
        size = self.size_of(operand)
        if size == NUMBER and not adjoint.is_number:
            return self._total(adjoint)
        return adjoint

    def _total(self, formula: Formula) -> Formula:
        """Return the sum of all entries."""
        if formula.kind == "filled":
            raise NoFormula
        return leaf(f"sum({self._walk.text(formula)})", NUMBER)

    def _inner(self, adjoint: Formula, value: Formula) -> Formula:
        """Return the sum of the products of all entries of a derivative and a value."""
        if adjoint.is_number:
            return product(adjoint, value)
        if adjoint.kind == "filled":
            return product(adjoint.parts[0].times(adjoint.factor), self._total(value))
        signs = None if self._row else self._notation.inner_signs(1 not in value.size)
        if signs is not None:
            inside = signs[1].join(self._walk.text(f) for f in (value.alone(), adjoint.alone()))
            return leaf(f"{signs[0]}{inside}{signs[2]}", NUMBER).times(value.factor * adjoint.factor)
        if value.size[1] == 1:
            return product(adjoint, value) if self._row else product(transposed(value), adjoint)
        if value.size[0] == 1:
            return product(value, adjoint) if self._row else product(adjoint, transposed(value))
        return self._total(componentwise(adjoint, self._beside(value)))

    def _of_factor(self, node: Node, k: int, adjoint: Formula) -> Formula:
        """Return the derivative of a factor."""
        own, other = self.size_of(node.parts[k]), self.formula_or_none(node.parts[1 - k])
        if node.parts[1 - k].kind == "eye" and own is not None:
            other = self.as_written(node.parts[1 - k], own)
        if other is None and node.kind == "∘":
            return componentwise(adjoint, self._beside(self._operand(node, 1 - k)))
        if other is None:
            return self._beside_ones(node, k, adjoint)
        if own == NUMBER and not other.is_number:
            return self._inner(adjoint, other)
        if node.kind == "∘" or other.is_number:
            return componentwise(adjoint, self._beside(other))
        if self._row:
            return product(other, adjoint) if k == 0 else product(adjoint, other)
        return product(adjoint, transposed(other)) if k == 0 else product(transposed(other), adjoint)

    def formula_or_none(self, node: Node) -> Formula | None:
        """Return a part of the equation as a formula; None if nothing says how long it is."""
        known = self.size_of(node) is not None
        return self.formula(node) if known else None

    def _beside_ones(self, node: Node, k: int, adjoint: Formula) -> Formula:
        """Return the derivative of a column or row that is repeated, b 1ᵀ."""
        own = self.size_of(node.parts[k])
        if node.kind != "*" or own is None:
            raise NoFormula
        if adjoint.is_number:  # 1ᵀ h, the sum of all entries
            return filled(adjoint, self._as_derivative(own), *self.ones(own))
        if own == NUMBER:
            return self._inner(adjoint, self.as_written(node.parts[1 - k], self._as_derivative(adjoint.size)))
        rows, columns = adjoint.size[::-1] if self._row else adjoint.size
        ones = self.as_written(node.parts[1 - k], (own[1], columns) if k == 0 else (rows, own[0]))
        mark = self._walk.writer.transpose
        plain = leaf(ones.text.removesuffix(mark), ones.size[::-1])
        turned = plain if ones.text.endswith(mark) else transposed(ones)
        if self._row:
            return product(ones, adjoint) if k == 0 else product(adjoint, ones)
        return product(adjoint, turned) if k == 0 else product(turned, adjoint)

    def _of_numerator(self, node: Node, adjoint: Formula) -> Formula:
        below = self._operand(node, 1)
        if below.is_number:
            return quotient(adjoint, below)
        if self.size_of(node.parts[0]) == NUMBER:
            raise NoFormula
        return quotient(adjoint, self._beside(below))

    def _of_denominator(self, node: Node, adjoint: Formula) -> Formula:
        above, below = self._operand(node, 0), self._operand(node, 1)
        square = self._square(node.parts[1], below)
        if below.is_number:
            return quotient(self._inner(adjoint, above), square).times(-1)
        return quotient(componentwise(adjoint, self._beside(above)), self._beside(square)).times(-1)

    def _operand(self, node: Node, k: int) -> Formula:
        """Return an operand of a component-wise operation: where nothing else says its size, it has that of the result.

        So it is of a row that is repeated, 1 s.
        """
        known, size = self.size_of(node.parts[k]) is not None, self.size_of(node)
        return self.formula(node.parts[k]) if known else self.as_written(node.parts[k], size)

    def _square(self, node: Node, formula: Formula) -> Formula:
        """Return the square of a part of the equation: u of sqrt(u)."""
        inner = self.under_root(node)
        return self.squared(formula) if inner is None else self.formula(inner)

    def under_root(self, node: Node) -> Node | None:
        """Return what a square root is taken of; None for another formula."""
        while node.kind == "bracket":
            node = node.parts[0]
        return node.parts[0] if self.function(node) == "sqrt" else None

    def _power(self, node: Node, exponent: float) -> Formula:
        """Return the derivative of a part of the equation to a power."""
        return self.power_less(self.formula(node), exponent)

    def power_less(self, base: Formula, exponent: float) -> Formula:
        """Return the derivative of x to a power."""
        less = exponent - 1
        if less == 1:
            return base.times(2)
        if less == limits.SQUARE:
            return self.squared(base).times(exponent)
        if less == -1:
            return quotient(number(exponent), base)
        return self.raised(base, self._notation.power_text(less)).times(exponent)

    def raised(self, base: Formula, mark: str) -> Formula:
        """Return a power of every component."""
        text, level = self._walk.text(base), base.precedence if base.kind == "leaf" else Precedence.SUM
        text = text if level == Precedence.ATOM and "^" not in text else f"({text})"
        return leaf(text + mark, base.size, Precedence.POSTFIX)

    def squared(self, base: Formula) -> Formula:
        """Return the square of every component."""
        text = self._walk.text(base.alone())
        opened, mark = text.find("("), self._notation.square_text
        if base.kind == "leaf" and base.precedence == Precedence.ATOM and opened > 0 and text.endswith(")"):
            return leaf(text[:opened].rstrip() + mark + text[opened:], base.size).times(base.factor**2)
        if base.kind != "leaf" or base.precedence < Precedence.ATOM or "^" in text:
            text = f"({text})"
        return leaf(text + mark, base.size, Precedence.POSTFIX).times(base.factor**2)

    # Functions

    def _of_argument(self, node: Node, adjoint: Formula) -> Formula:
        """Return the derivative of the argument of a function."""
        point, argument = self._point, node.parts[0]
        if self.function(node) == "abs" or (self.function(node) == "bars" and self.size_of(argument) == NUMBER):
            inside = self.formula(argument)
            return componentwise(adjoint, self._beside(leaf(f"sign({self._walk.text(inside)})", inside.size)))
        of_matrix = self._of_matrix_function(node, adjoint)
        if of_matrix is not None:
            return of_matrix
        op = point.forward.functions.row(node.value, self.scope, node)
        size = self.size_of(argument)
        if size is None:
            raise NoFormula
        if op.symbol == "sum":
            text, level = self.ones(size)
            return filled(adjoint, self._as_derivative(size), text, level)
        if op.symbol in CLOSED_BY_LOG and self._walk.has_logarithm:
            difference = self._difference(op, node, adjoint)
            if difference is not None:
                return difference
        return self._of_softmax(node, adjoint) if op.symbol in SOFTMAX else self._by_table(op, node, adjoint)

    def _of_matrix_function(self, node: Node, adjoint: Formula) -> Formula | None:
        """Return the derivative of the argument of a trace, a determinant, a norm or a sum along an axis.

        None for other functions.
        """
        key, argument = self.function(node), node.parts[0]
        size = self.size_of(argument)
        if size is None or size == NUMBER:
            return None
        name, axis = axis_of(key)
        if name in ("sum", "mean") and (axis is not None or name == "mean"):
            return self._of_sum(adjoint, size, axis, name == "mean")
        if name in ("var", "std"):
            return self._of_deviations(node, adjoint, size, axis)
        if key == "tr":
            return product(adjoint, identity("I", size))
        if key == "norm":
            return quotient(product(adjoint, self._beside(self.formula(argument))), self.as_written(node))
        return self._of_determinant(node, adjoint) if key in ("logdet", "det", "bars") else None

    def _of_determinant(self, node: Node, adjoint: Formula) -> Formula:
        """Return the derivative of the matrix of a determinant, or of its logarithm."""
        x = self.inverse_of(node.parts[0])
        scale = adjoint if self.function(node) == "logdet" else product(adjoint, self.as_written(node))
        return product(scale, x if self._row else transposed(x))

    def inverse_of(self, node: Node) -> Formula:
        """Return the inverse of a part of the equation."""
        return inverse(self.formula(node))

    def _of_sum(self, adjoint: Formula, size: Size, axis: int | None, is_mean: bool) -> Formula:
        """Return the derivative of what is summed, all of it or along an axis: the same for every summand."""
        if axis is None:
            text, level = self.ones(size)
            return filled(self._shared(self._shared(adjoint, size[0]), size[1]), self._as_derivative(size), text, level)
        spread = self._spread_as_derivative(adjoint, size, axis)
        return self._shared(spread, size[axis]) if is_mean else spread

    def _of_deviations(self, node: Node, adjoint: Formula, size: Size, axis: int | None) -> Formula:
        """Return the derivative of what a variance, or a standard deviation, is taken of, all of it or along an axis.

        (2/n) (x - mean(x)) for a variance, (x - mean(x)) / (n std(x)) for a standard deviation.
        """
        is_root, count = axis_of(self.function(node))[0] == "std", size[0] * size[1] if axis is None else size[axis]
        x, mean = self.formula(node.parts[0]), self._mean_of(node)
        scale = quotient(adjoint, self._beside(self._result(node))) if is_root else adjoint.times(2)
        if axis is not None:
            mean, scale = self._spread(mean, size, axis), self._spread_as_derivative(scale, size, axis)
        deviations = self._beside(added([x, mean.times(-1)]))
        letters = [letter for letter, n in self._point.forward.sizes.items() if n == count]
        if axis is None and not letters:
            return self._shared(self._shared(componentwise(scale, deviations), size[0]), size[1])
        return self._shared(componentwise(scale, deviations), count)

    def _mean_of(self, node: Node) -> Formula:
        """Return the mean of what a variance is taken of: by the name of an equation that computes it, or as a call."""
        argument, key = structure(node.parts[0]), self.function(node)
        wanted = "mean" + key.removeprefix("var").removeprefix("std")
        for eq in self._walk.forward:
            call, name = eq.members[0], self._notation.name(self.moved(eq.left[0].value))
            same = self.function(call) == wanted and structure(call.parts[0]) == argument
            if same and name is not None and not eq.left[0].value.indices:
                return leaf(name.text, self._value_size(eq.left[0]))
        written = self.as_written(node)
        head = next((word for word in ("var", "Var", "std", "Std") if word in written.text), "")
        if not head:
            raise NoFormula
        return leaf(written.text.replace(head, "mean", 1), written.size)

    def _value_size(self, node: Node) -> Size:
        size = self.size_of(node)
        if size is None:
            raise NoFormula
        return size

    def _spread(self, formula: Formula, size: Size, axis: int) -> Formula:
        """Return a row (axis 0) or a column (axis 1) repeated to a matrix of this size."""
        if self._walk.repeats:
            return formula
        ones = self._ones_leaf((size[0], 1) if axis == 0 else (1, size[1]))
        return product(ones, formula) if axis == 0 else product(formula, ones)

    def _spread_as_derivative(self, formula: Formula, size: Size, axis: int) -> Formula:
        """Return the same of a derivative, which is transposed in row layout."""
        found = self._spread(transposed(formula) if self._row else formula, size, axis)
        return transposed(found) if self._row else found

    def _shared(self, formula: Formula, count: int) -> Formula:
        """Return a formula by a size."""
        if count == 1:
            return formula
        letters = [x for x, n in self._point.forward.sizes.items() if n == count]
        return quotient(formula, leaf(letters[0], NUMBER) if letters else number(float(count)))

    def _ones_leaf(self, size: Size) -> Formula:
        """Return a row or column of ones."""
        text, level = self.ones(self._as_derivative(size))
        if not text:
            raise NoFormula
        return leaf(text, size, level)

    def _of_softmax(self, node: Node, adjoint: Formula) -> Formula:
        """Return the derivative of the argument of softmax, of columns or of rows."""
        p = self._result(node)
        by_rows = self._point.forward.functions.row(node.value, self.scope, node).symbol == "softmax_rows"
        if p.is_number:
            raise NoFormula
        if p.size[1] == 1 and not by_rows:
            q = transposed(p)
            rest = product(product(adjoint, p), q) if self._row else product(product(p, q), adjoint)
            return added([componentwise(adjoint, self._beside(p)), rest.times(-1)])
        n = p.size[1 if by_rows else 0]
        column, row = self._ones_leaf((n, 1)), self._ones_leaf((1, n))
        both = componentwise(adjoint, self._beside(p))
        in_rows = by_rows != self._row
        sums = product(product(both, column), row) if in_rows else product(column, product(row, both))
        return componentwise(added([adjoint, sums.times(-1)]), self._beside(p))

    def _difference(self, op: Op, node: Node, adjoint: Formula) -> Formula | None:
        """Return p - y for the derivative of a cross entropy, if need be by a size; None if it is none."""
        p, x = (self._walk.value(part, self.scope) for part in (node, node.parts[0]))
        given = self._walk.value_of_text(self._walk.text(adjoint))
        if given is None or not isinstance(p, np.ndarray) or not isinstance(x, np.ndarray) or given.T.shape != p.shape:
            return None
        value = op.deriv(given, p, x)
        for name in dict.fromkeys(n.value for eq in self._walk.forward for m in eq.members for n in names_in(m)):
            y = self._walk.value(Node("name", (), name, 0, 0), self._walk.scope)
            known = self._notation.name(name)
            if known is None or not isinstance(y, np.ndarray) or y.shape != p.shape or np.array_equal(p, y):
                continue
            factor = self._factor_of(p - y, value.T)
            if factor is not None:
                difference = added([self._result(node), leaf(known.text, y.shape).times(-1)])
                return product(factor, self._beside(difference))
        return None

    def _factor_of(self, difference: Array, value: Array) -> Formula | None:
        """Return 1, or 1 by a size, if a value is that times a difference."""
        at = np.unravel_index(int(np.argmax(np.abs(difference))), difference.shape)
        factor = float(value[at] / difference[at])
        if not np.allclose(value, factor * difference, rtol=limits.SAME_VALUE, atol=0):
            return None
        if abs(factor - 1) < limits.SAME_VALUE:
            return number(1.0)
        names, sizes = self._notation.names, self._point.forward.sizes.items()
        letters = (x for x, n in sizes if abs(factor * n - 1) < limits.SAME_VALUE and not names.is_known(x))
        letter = next(letters, None)
        return None if letter is None else quotient(number(1.0), leaf(letter, NUMBER))

    def softmax_jacobian(self, node: Node) -> str:
        """Return diag(p) - p pᵀ for an equation p = softmax(x); "" for another one."""
        functions, size = self._point.forward.functions, self.size_of(node)
        if node.kind != "call" or functions.row(node.value, self.scope, node).symbol != "softmax" or size is None:
            return ""
        p = self._result(node)
        text = self._walk.text
        return f"{self._walk.diagonal_sign}({text(p)}) - {text(product(p, transposed(p)))}"

    def slope(self, node: Node) -> Formula:
        """Return the derivative of an operation on one operand, component by component, in the operand's size."""
        part, size = node.parts[0], self.size_of(node.parts[0])
        if node.kind in ("square", "power"):
            return self._power(part, 2 if node.kind == "square" else node.value)
        if node.kind != "call" or size is None:
            raise NoFormula
        op = self._point.forward.functions.row(node.value, self.scope, node)
        if op.symbol in ("sum", *NOT_COMPONENTWISE):
            raise NoFormula
        return self._beside(self._by_table(op, node, number(1.0)))

    def ones(self, size: Size) -> tuple[str, Precedence]:
        """Return the text of the matrix of ones that a derivative of this size is filled with; "" if there is none."""
        rows, columns = self._as_derivative(size)
        mark = self._walk.writer.transpose
        one = "1" if self._point.declarations.ones else self._notation.ones_text
        if one:
            if 1 in (rows, columns):
                return (one, Precedence.ATOM) if columns == 1 else (f"{one}{mark}", Precedence.POSTFIX)
            return f"{one} {one}{mark}", Precedence.PRODUCT
        letters = {n: letter for letter, n in self._point.forward.sizes.items()} | {1: "1"}
        known = rows in letters and columns in letters
        return (f"1_{{({letters[rows]},{letters[columns]})}}" if known else ""), Precedence.ATOM

    def _result(self, node: Node) -> Formula:
        """Return the result of a call: the name of the equation's result if the author uses it, or the call."""
        name = self._notation.name(self.result)
        whole = (node.start, node.end) == (self.member.start, self.member.end)
        if (
            whole
            and self.result.key != self._notation.names.loss
            and name is not None
            and not self._notation.uses_call(self._text_of(node))
        ):
            return leaf(name.text, self.size_of(node) or NUMBER)
        return self.as_written(node)

    def _text_of(self, node: Node) -> str:
        return self._notation.source.text[node.start : node.end]

    def _by_table(self, op: Op, node: Node, adjoint: Formula) -> Formula:
        """Return the rule of the table for a function, or f'(x) where the rule cannot be written in formulas."""
        rule = None if op.formulas is None else op.formulas[0]
        if rule is None or node.value.key in self._notation.primed or op.symbol not in WRITTEN_OUT:
            return componentwise(adjoint, self._beside(self.prime(node)))
        rule = rule if self._row else in_same_layout(rule)
        names = {"dz": adjoint, "z": self._result(node), "x": self.formula(node.parts[0])}
        return self.from_symbol(rule, names)

    def prime(self, node: Node) -> Formula:
        """Return f'(x)."""
        text, size = self.as_written(node).text, self.size_of(node.parts[0])
        opened = text.find("(")
        if opened < 0 or size is None:
            raise NoFormula
        return leaf(f"{text[:opened].rstrip()}'{text[opened:]}", size)

    def from_symbol(self, rule: Any, names: Mapping[str, Formula]) -> Formula:
        """Return a rule of the table as a formula."""
        if not isinstance(rule, Symbol) or not rule.operands:
            return names[rule.head] if isinstance(rule, Symbol) else number(float(rule))
        parts = [self.from_symbol(part, names) for part in rule.operands]
        if rule.head == "∘" and parts[0].alone() == parts[1].alone():
            return self.squared(parts[0].alone()).times(parts[0].factor * parts[1].factor)
        if rule.head not in OPERATIONS:
            raise NoFormula
        return OPERATIONS[rule.head](*parts)


def _factor(text: str) -> str:
    """Return a formula as a factor: in brackets, if it is an operation."""
    depth = 0
    for sign in text:
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(sign, 0)
        if depth == 0 and sign.isspace():
            return f"({text})"
    return text


def scope_of(case: Case) -> Scope:
    """Return where the formulas for a case are evaluated: at its time, or the first of a sequence if it has none."""
    t = 1 if case.scope.t is None and case.point.last is not None else case.scope.t
    return Scope(t, case.scope.members)


def _size(value: Array) -> Size:
    rows, columns = value.shape
    return rows, columns

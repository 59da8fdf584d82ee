"""Evaluate formulas: on Variables, where they are recorded, or on arrays, where they are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import mul
from typing import Any, NoReturn

import numpy as np

from tinyad.arrays.matrix import size
from tinyad.derivation.language.source import LimitError
from tinyad.derivation.language.syntax_tree import Node, OfColumn, Ref, Undecided, flattened, structure, vec_of, walk
from tinyad.derivation.semantics.components import (
    FREE,
    at_places,
    axes_of,
    combined,
    labelled,
    length_of_index,
    lettered,
    multiplied,
    number_of,
    summed,
)
from tinyad.derivation.semantics.composed import chosen, compared, composed, raised
from tinyad.derivation.semantics.environment import Environment, Remarks, TimedName
from tinyad.derivation.semantics.functions import (
    NOT_COMPONENTWISE,
    applied,
    as_array,
    derivative_of,
    diagonal,
    trace,
    trace_on_tape,
)
from tinyad.derivation.semantics.limits import CACHED_ENTRIES, NESTED_TERMS, SUM_TIMES
from tinyad.derivation.semantics.name_reader import NameReader, sides
from tinyad.derivation.semantics.operations import (
    NO_SIZE,
    column,
    componentwise,
    has_no_size,
    is_matrix,
    kronecker,
    product,
    turned,
)
from tinyad.derivation.semantics.values import (
    Blocks,
    Eye,
    Indexed,
    Misfit,
    Ones,
    Pair,
    Scope,
    Several,
    Stretched,
    TooLarge,
    TooManyIndices,
    Trouble,
    Uncontracted,
    Unfitting,
    counted,
)
from tinyad.engine.deriv import deriv
from tinyad.engine.table import TABLE
from tinyad.engine.tape import Variable

ORDERS = {
    "=": np.equal, "≠": np.not_equal, "<": np.less, "≤": np.less_equal, ">": np.greater, "≥": np.greater_equal,
}  # fmt: skip
ONE = "1 is a number until it is declared: `1: column of ones`"
SHOWN = ("name", "d", "call", "prime", "bracket", "transpose")  # kinds whose sizes a reader may want to see


class Evaluator:
    """Evaluate formulas in one environment, with a method for each kind of node."""

    def __init__(self, environment: Environment, remarks: Remarks | None = None) -> None:
        self.environment, self.declarations, self.last = environment, environment.declarations, environment.last
        self.functions = environment.functions
        self.remarks = Remarks() if remarks is None else remarks
        self.names = NameReader(environment, self.remarks)
        self.refuse = self.names.refuse
        self._terms = 1  # of the sums that are being computed, together

    def replace(self, **changes: Any) -> Evaluator:
        """Return an evaluator in a changed environment, which adds to the same remarks."""
        return Evaluator(self.environment.replace(**changes), self.remarks)

    def __call__(self, node: Node, scope: Scope) -> Any:
        """Return the value of a formula."""
        self.declarations.source.check_time()
        formulas, cache, at = self.environment.formulas, self.environment.cache, None
        if formulas and structure(node) in formulas:
            return formulas[structure(node)]
        if cache is not None:
            at = cache.place(node, scope)
            if at in cache.values:
                return cache.values[at]
        try:
            value = self._computed(node, scope)
        except Trouble as trouble:
            if cache is not None:
                cache.note_failure(node, trouble)
            raise
        if node.kind in SHOWN and hasattr(value, "shape"):
            self.remarks.shapes[node.start, node.end] = size(value.shape)
        if cache is not None and at is not None and getattr(value, "size", 0) <= CACHED_ENTRIES:
            cache.values[at] = value
        return value

    def _computed(self, node: Node, scope: Scope) -> Any:
        """Return the value of a formula, and count it; raise Trouble for what its operation cannot take."""
        try:
            value = METHODS[node.kind](self, node, scope)
            if isinstance(value, Variable) and node.kind not in ("name", "bracket"):
                self.environment.count(value.value.size)
        except LimitError:
            raise
        except TooLarge as reason:
            self.refuse(node, str(reason), "not evaluable")
        except TooManyIndices as reason:
            raise Uncontracted("does not fit", str(reason), node) from None
        except ArithmeticError as reason:  # of numbers: 1 / 0, 10^999
            self.refuse(node, f"no number: {reason}", "not evaluable")
        except (Unfitting, ValueError, np.linalg.LinAlgError) as reason:  # of an operation, about its operands
            self.refuse(node, str(reason))
        return value

    def part(self, node: Node, scope: Scope) -> Any:
        """Return the value of an operand."""
        value = self(node, scope)
        if isinstance(value, Indexed) and isinstance(value.value, Pair):
            raise Uncontracted("does not fit", FREE, node)
        if isinstance(value, Several):
            self.refuse(node, "deriv returns derivatives, and stands alone", "not evaluable")
        return value

    def timed_name(self, ref: Ref, scope: Scope, node: Node) -> TimedName:
        """Return the key and the time that a reference means."""
        return self.names.timed_name(ref, scope, node)

    # Names, numbers, ones

    def _name(self, node: Node, scope: Scope) -> Any:
        ref = node.value
        if not ref.indices and not self.declarations.names.is_known(ref.key):
            number = self.names.number(ref.key)
            number = np.pi if number is None and self.declarations.names.is_pi(ref.key) else number
            if number is not None:
                return number
        value = self.environment.value(self, *self.timed_name(ref, scope, node), node)
        return self.lettered(value, ref.indices, scope) if ref.indices else value

    def lettered(self, value: Any, indices: tuple[str, ...], scope: Scope) -> Any:
        """Return the components of a value, some of them at the places that a sum term by term has reached."""
        components = lettered(value, indices)
        return at_places(components, scope.places) if scope.places else components

    def _d(self, node: Node, scope: Scope) -> Any:
        ref, label = node.value
        value = self.environment.derivative(self, self.timed_name(ref, scope, node), label, node)
        if not ref.indices:
            return value
        return lettered(value.T if self.declarations.layout == "row" else value, ref.indices)

    def _number(self, node: Node, scope: Scope) -> Any:
        return Ones() if self.declarations.ones and node.value == 1 else node.value

    def _ones(self, node: Node, scope: Scope) -> Any:
        if node.value is None:
            return Ones()
        rows, columns = sides(node.value)
        return np.ones((self.names.length(rows, node), self.names.length(columns or "1", node)))

    def _eye(self, node: Node, scope: Scope) -> Any:
        return Eye() if node.value is None else np.eye(self.names.length(sides(node.value)[0], node))

    def _dots(self, node: Node, scope: Scope) -> Any:
        self.refuse(node, "dots have to be read by a person", "not evaluable")

    # Operations

    def _bracket(self, node: Node, scope: Scope) -> Any:
        return self.part(node.parts[0], scope)

    def _neg(self, node: Node, scope: Scope) -> Any:
        return self.mapped(lambda x: -x, node, scope)

    def _square(self, node: Node, scope: Scope) -> Any:
        value = self.mapped(lambda x: x * x, node, scope)
        if node.value is None and self.is_square(value):
            x = self.text(node.parts[0])
            self.refuse(node, f"{x}² of a square matrix has two readings: write {x} {x} or {x} ∘ {x}", "ambiguous")
        return value

    def is_square(self, value: Any) -> bool:
        """Return whether a value is a square matrix by its letters; sizes that are numbers may be equal by chance."""
        rows, columns = getattr(value, "shape", (1, 1))
        sides = [side for shape in self.declarations.shapes.values() for side in shape]
        return rows == columns > 1 and not any(not symbol and n > 1 for side in sides for symbol, n in side)

    def _power(self, node: Node, scope: Scope) -> Any:
        if node.value in range(3, 10):
            value = self.mapped(lambda x: reduce(mul, [x] * int(node.value)), node, scope)
        else:
            value = self.mapped(lambda x: raised(x, node.value), node, scope)
        if self.is_square(value):
            x = self.text(node.parts[0])
            ways = (
                f"{x} {x} {x}, {x} ∘ {x} ∘ {x}" if node.value in range(3, 10) else f"sqrt({x}) for that of every entry"
            )
            self.refuse(node, f"a power of a square matrix has two readings: write {ways}", "ambiguous")
        return value

    def _inverse(self, node: Node, scope: Scope) -> Any:
        of_matrix = hasattr(self.part(node.parts[0], scope), "shape")  # components are numbers
        return self.mapped(lambda x: TABLE["inv"](x) if of_matrix else 1.0 / x, node, scope)

    def mapped(self, f: Callable[[Any], Any], node: Node, scope: Scope) -> Any:
        """Return f of the operand, entry by entry."""
        value = self.part(node.parts[0], scope)
        if isinstance(value, Ones) and node.kind == "neg":
            return Ones(-value.number)
        if isinstance(value, Eye) and node.kind == "neg":
            return Eye(-value.factor)
        if isinstance(value, Blocks) and node.kind == "neg":
            return value._replace(value=-value.value)
        if has_no_size(value):
            self.refuse(node, NO_SIZE)
        if isinstance(value, Indexed):
            return Indexed(f(value.value), value.labels)
        return Stretched(f(value.value), value.free) if isinstance(value, Stretched) else f(value)

    def _transpose(self, node: Node, scope: Scope) -> Any:
        value = self.part(node.parts[0], scope)
        if isinstance(value, Indexed):
            self.refuse(node, "components are numbers: there is nothing to transpose")
        if is_one(node.parts[0], value):
            self.refuse(node, ONE, "ambiguous")
        value = column(value)
        return value if isinstance(value, float | Eye) else value.T

    def _componentwise(self, node: Node, scope: Scope) -> Any:
        reciprocal = self._times_reciprocal(node, scope) if node.kind == "/" and not self.declarations.ones else None
        return self.operated(node, scope) if reciprocal is None else reciprocal

    def _times_reciprocal(self, node: Node, scope: Scope) -> Any:
        """Return a 1/b where b is a number: a times 1/b; None for another quotient."""
        above, below = node.parts
        if above.kind != "*" or above.value is not None or above.parts[1].kind != "number" or above.parts[1].value != 1:
            return None
        value, divisor = self.part(above.parts[0], scope), self.part(below, scope)
        if is_matrix(divisor) or any(has_no_size(part) or isinstance(part, Indexed) for part in (value, divisor)):
            return None
        return product(value, componentwise("/", 1.0, divisor))

    def _product(self, node: Node, scope: Scope) -> Any:
        chain = self.chain(node, scope)
        if chain is not None:
            return chain
        if isinstance(node.value, OfColumn):
            self.require_column(node, self.part(node.parts[1], scope))
        if isinstance(node.value, Undecided):
            node = self.decided(node, *(self.part(part, scope) for part in node.parts))
        return self.operated(node, scope)

    def require_column(self, node: Node, value: Any) -> None:
        """Refuse ‖A‖ of a matrix, of which there are several, and of a row."""
        shape = getattr(value, "shape", (1, 1))
        x = self.text(node.parts[1])
        if shape[0] == 1 < shape[1]:
            self.refuse(node, f"‖{x}‖ is read of a column, and this is {size(shape)}: write ‖{x}‖_F")
        if shape[1] > 1:
            readings = f"has two readings: write ‖{x}‖_F; its largest singular value is not read"
            self.refuse(node, f"‖{x}‖ of a matrix, {size(shape)}, {readings}")

    def decided(self, node: Node, left: Any, right: Any) -> Node:
        """Return a product with · or * as the one whose sizes fit, or fail if both do."""
        start, end = node.value
        if any(isinstance(x, Indexed) or not is_matrix(turned("*", x)) for x in (left, right)):
            return node._replace(kind="∘", value=(start, end))
        a, b = (x.sides if isinstance(x, Stretched) else getattr(x, "shape", ()) for x in (left, right))
        sign = self.declarations.source.text[start:end]
        shown = "·" if sign == r"\cdot" else sign
        if a and b and sign not in ("*", r"\ast") and a != b:  # one fits, or none does
            return node._replace(value=(start, end))
        if sign == "*" and (kind := self.only_fitting(a, b, isinstance(left, Variable) or isinstance(right, Variable))):
            return node._replace(kind=kind, value=(start, end))
        message = (
            f"{shown} has two readings, the matrix product and component-wise: declare one, "
            f"`{shown}: matrix product` or `{shown}: component-wise`"
        )
        if shown == "·" and a == b and b[1:] == (1,):
            x, y = (self.text(part) for part in node.parts)
            message = f"· of two columns has two readings, ⟨{x}, {y}⟩ and {x} ∘ {y}: write one of these"
        self.refuse(node._replace(kind="sign", start=start, end=end), message, "ambiguous")

    def only_fitting(self, a: tuple[Any, ...], b: tuple[Any, ...], forward: bool) -> str:
        """Return the product that * is by the sizes of its operands, as in the forward; "" if that is open."""
        if not a or not b or "k" in (*a, *b):
            return ""
        fits = {"*": a[1] == b[0], "∘": all(m == n or 1 in (m, n) for m, n in zip(a, b, strict=True))}
        kinds = ["*"] if a[1] == b[0] == 1 else [kind for kind, it_fits in fits.items() if it_fits]
        said = self.declarations.read_products
        if len(kinds) != 1 or (said and a[1] != 1 and kinds[0] not in said):
            return ""
        if forward and not (a[1] == b[0] == 1):  # a column times a row is the same in both readings
            said.add(kinds[0])
        return kinds[0] if said <= {kinds[0]} or a[1] == b[0] == 1 else ""

    def operated(self, node: Node, scope: Scope) -> Any:
        """Return the result of two operands with ∘, +, -, / or nothing between them."""
        left, right = (self.part(part, scope) for part in node.parts)
        if node.kind == "*" and node.value is None and is_one(node.parts[1], right):
            self.refuse(node.parts[1], ONE, "ambiguous")
        self.unmixed(node, left, right, scope)
        left, right = (number_of(a) if not isinstance(b, Indexed) else a for a, b in ((left, right), (right, left)))
        if isinstance(left, Indexed) or isinstance(right, Indexed):
            return self.indexed(node, left, right)
        if node.kind != "*":
            self.square_beside_identity(node, left, right)
        try:
            return product(left, right) if node.kind == "*" else componentwise(node.kind, left, right)
        except Misfit as sizes:
            self.misfit(node, sizes.left, sizes.right)

    def square_beside_identity(self, node: Node, left: Any, right: Any) -> None:
        """Refuse I ∘ g with a column g: that is NumPy's broadcasting, and no mathematics."""
        for part, other in zip(node.parts, (right, left), strict=True):
            if without_brackets(part).kind == "eye" and is_matrix(other) and hasattr(other, "shape"):
                rows, columns = other.shape
                n = max(rows, columns)
                if rows != columns:
                    sizes = ((n, n), other.shape)
                    self.misfit(node, *(sizes if part is node.parts[0] else sizes[::-1]))

    def indexed(self, node: Node, left: Any, right: Any) -> Indexed:
        """Return the result of an operation on components, all of which need their letters."""
        if node.kind != "*":
            left, right = (x.number if isinstance(x, Ones) else x for x in (left, right))
        for part, value in zip(node.parts, (left, right), strict=True):
            if not isinstance(value, Indexed | float) and getattr(value, "shape", ()) != (1, 1):
                advice = (
                    "; for a product with a row of X write Σ_j w_j X_ij"
                    if getattr(value, "shape", ())[:1] == (1,)
                    else ""
                )
                operand = f"{self.text(part)} is {size(value.shape)}" if hasattr(value, "shape") else "1"
                self.refuse(
                    part, f"{operand} and has no index: in a line of components every factor has its own" + advice
                )
        return combined("∘" if node.kind == "*" else node.kind, left, right)

    def misfit(self, node: Node, left: tuple[int, int], right: tuple[int, int]) -> NoReturn:
        """Refuse operands whose sizes do not fit."""
        if node.kind == "*":
            why = f"inner sizes {left[1]} and {right[0]}"
        else:
            why = "component-wise operands are of one size"
            if left == right[::-1]:
                why += "; one of them has to be transposed"
        a, b = (self.text(part) for part in node.parts)
        self.refuse(node, f"{a} is {size(left)} and {b} is {size(right)}: {why}")

    def unmixed(self, node: Node, left: Any, right: Any, scope: Scope) -> None:
        """Refuse a ∘ b c, which has two readings, unless one of them is a number."""
        first = node.parts[0]
        if first.kind == "*" and isinstance(first.value, Undecided):
            first = self.decided(first, *(self.part(part, scope) for part in first.parts))
        if (first.kind, node.kind) not in (("∘", "*"), ("*", "∘")) or not is_matrix(turned(node.kind, right)):
            return
        if not all(is_matrix(turned(first.kind, self.part(part, scope))) for part in first.parts):
            return
        a, b, c = (self.text(n) for n in (*first.parts, node.parts[1]))
        x, y = (" ∘ ", " ") if first.kind == "∘" else (" ", " ∘ ")
        message = f"this has two readings, ({a}{x}{b}){y}{c} and {a}{x}({b}{y}{c}): put brackets"
        self.refuse(node, message, "ambiguous")

    def text(self, node: Node) -> str:
        """Return the text of a part of a formula."""
        return self.declarations.source.text[node.start : node.end]

    # Jacobians

    def chain(self, node: Node, scope: Scope) -> Any:
        """Return ∂L/∂c · ∂c/∂f · ∂f/∂W in either layout: the derivative carried through one Jacobian after the other.

        None if this is no such product, where each derivative is for the name that the next one derives.
        """
        first, *jacobians = flattened(node)
        if first.kind not in ("d", "jacobian") or any(f.kind != "jacobian" for f in jacobians):
            return None
        at = first.value[0] if first.kind == "d" else first.value
        if first.kind == "jacobian" and not (isinstance(at, Ref) and self.derives_number(first, scope)):
            return None
        if at.indices or any(not isinstance(f.value, Ref) or f.value.indices for f in jacobians):
            return None
        carried = self.part(first, scope)
        carried = carried.T if self.declarations.layout == "row" else carried
        for factor in jacobians:
            above = factor.parts[0]
            if above.kind == "name" and self.timed_name(above.value, scope, above) != self.timed_name(at, scope, above):
                return None
            full = self.environment.jacobian(self, factor, scope)  # shape of above, then shape of below
            if isinstance(full, Indexed) or full.shape[:2] != carried.shape:
                return None
            carried = np.tensordot(carried, full, 2)
            if self.declarations.layout == "same":
                self.remarks.notes.add("read as the chain rule: the factors themselves would stand in the other order")
            at = factor.value
        return carried.T if self.declarations.layout == "row" else carried

    def derives_number(self, node: Node, scope: Scope) -> bool:
        """Return whether a Jacobian is that of a number, a derivative in the size of the name below."""
        full = self.environment.jacobian(self, node, scope)
        return not isinstance(full, Indexed) and full.shape[:2] == (1, 1)

    def _jacobian(self, node: Node, scope: Scope) -> Any:
        vectorised = self.vectorised(node, scope)
        if vectorised is not None:
            return vectorised
        full = self.environment.jacobian(self, node, scope)
        above = node.parts[0]
        labels = above.value.indices if above.kind == "name" else ()
        below = node.value.indices if isinstance(node.value, Ref) else ()
        if isinstance(full, Indexed) and not (full.labels or below):  # of a sum over all components
            full = full.value[None, None]
        if isinstance(full, Indexed):  # of a formula of components
            return labelled(full.value, (*full.labels, *axes_of(below, full.value.shape[-2:])))
        if labels or below:
            return labelled(full, (*axes_of(labels, full.shape[:2]), *axes_of(below, full.shape[2:])))
        (n, a), (m, b) = full.shape[:2], full.shape[2:]
        if n == a == 1:
            matrix = full[0, 0].T
        elif a == 1 and b == 1:
            matrix = full[:, 0, :, 0]
        else:
            self.refuse(node, f"the derivative of {n}×{a} for {m}×{b} is no matrix", "not evaluable")
        return matrix if self.declarations.layout == "row" else matrix.T

    def vectorised(self, node: Node, scope: Scope) -> Any:
        """Return the derivative of a column for vec(X) or vec(X)ᵀ, of vec(Y) too; None of others.

        For vec(X)ᵀ it has a row for each entry of the column in either layout.
        """
        above, below = node.parts[0], node.value
        name = vec_of(below) if isinstance(below, Node) else None
        if name is None:
            return None
        if name.kind != "name":
            self.refuse(node, "a derivative for vec(X) is derived for one name", "not evaluable")
        by_rows = below.kind == "transpose" or self.declarations.layout == "row"
        if above.kind == "name" and above.value.key == self.declarations.names.loss:
            gradient = self.part(node._replace(kind="d", parts=(), value=(name.value, None)), scope)
            gradient = gradient.T if self.declarations.layout == "row" else gradient
            stacked = gradient.reshape(-1, 1, order="F")
            return stacked.T if by_rows else stacked
        full = self.environment.jacobian(self, node._replace(parts=(above,), value=name.value), scope)
        (n, a), (m, b) = full.shape[:2], full.shape[2:]
        if a > 1:
            self.refuse(node, f"the derivative of {n}×{a} for a column is no matrix: write vec(…) above too")
        matrix = full.transpose(1, 0, 3, 2).reshape(n, b * m)
        return matrix if by_rows else matrix.T

    def _hessian(self, node: Node, scope: Scope) -> Any:
        return self.environment.jacobian(self, node, scope)

    def _differential(self, node: Node, scope: Scope) -> Any:
        return self.environment.differential(self, node, scope)

    # Sums

    def _sum(self, node: Node, scope: Scope) -> Any:
        kind, *what = node.value
        body = node.parts[0]
        if kind == "index":
            try:
                return summed(what[0], self.indexed_part(node, scope))
            except (TooManyIndices, Uncontracted):  # on a tape
                return self.summed_one_by_one(node, scope)
        scopes = self.scopes_of_sum(node, scope)
        if not scopes:
            self.refuse(node, "this sum is empty")
        total, *others = self.terms(node, body, scopes)
        for term in others:
            if isinstance(total, Indexed):
                total = Indexed(total.value + term.value, total.labels)
            elif isinstance(total, Stretched) or isinstance(term, Stretched):
                total = componentwise("+", total, term)
            else:
                total = total + term
        return total

    def terms(self, node: Node, body: Node, scopes: Sequence[Scope]) -> Iterator[Any]:
        """Yield the terms of a sum; refuse sums within sums that have too many in all."""
        if self._terms * len(scopes) > NESTED_TERMS:
            self.refuse(node, f"sums within sums: more than {NESTED_TERMS:,} terms in all", "not evaluable")
        for scope in scopes:
            self._terms *= len(scopes)
            try:
                term = self.part(body, scope)
            finally:
                self._terms //= len(scopes)
            yield term

    def summed_one_by_one(self, node: Node, scope: Scope) -> Any:
        """Return a sum over an index as the sum of its terms, each with one letter less."""
        letter, *end = node.value[1:]
        inside = [n for n in walk(node.parts[0]) if n.kind in ("name", "component")]
        first = next((n for n in inside if letter in (n.value.indices if n.kind == "name" else n.value)), None)
        if first is None:
            raise Unfitting(f"nothing under Σ has the index {letter}")
        length = length_of_index(self(first, scope), letter)
        number = self.names.number(end[0]) if end and not end[0].isdigit() else None
        if number not in (None, length):
            self.refuse(node, f"the index {letter} runs to {length}, and the sum to {end[0]}")
        scopes = [scope._replace(places={**scope.places, letter: k}) for k in range(length)]
        return reduce(lambda total, term: combined("+", total, term), self.terms(node, node.parts[0], scopes))

    def scopes_of_sum(self, node: Node, scope: Scope) -> list[Scope]:
        """Return the scopes that a sum over times or family members runs over."""
        kind, *what = node.value
        if kind == "family":
            return [scope._replace(members={**scope.members, what[0]: member}) for member in what[1]]
        return [scope._replace(t=t) for t in self.times(node, scope)]

    def indexed_part(self, node: Node, scope: Scope) -> Any:
        """Return the value of the term of a sum or product over an index that runs as far as is written."""
        letter, *end = node.value[1:]
        value = self(node.parts[0], scope)
        if isinstance(value, Indexed) and letter in value.labels and end:
            first = value.value.left if isinstance(value.value, Pair) else value
            length = length_of_index(first if letter in first.labels else value.value.right, letter)
            number = float(end[0]) if end[0].isdigit() else self.names.number(end[0])
            if number is None:
                self.remarks.notes.add(f"{end[0]} is no declared size: the sum over {letter} is read as that over all")
            elif number != length:
                self.refuse(node, f"the index {letter} runs to {length}, and the sum to {end[0]}")
        return value

    def _product_over(self, node: Node, scope: Scope) -> Any:
        return multiplied(node.value[1], self.indexed_part(node, scope))

    def _delta(self, node: Node, scope: Scope) -> Any:
        it = node.value
        measured = zip(it.measured or it.letters, it.lengths, strict=True)
        lengths = [self.length_of(letter, at, scope, node) for letter, at in measured]
        if it.sign in "=≠" and len({*lengths}) > 1:
            both = " and ".join(f"{letter} to {length}" for letter, length in zip(it.letters, lengths, strict=True))
            self.refuse(node, f"these indices are compared, and run to different ends: {both}")
        counted(*lengths)
        first = np.arange(1, lengths[0] + 1)[:, None]
        second = np.arange(1, lengths[1] + 1)[None, :] + it.number if len(lengths) > 1 else it.number
        holds = ORDERS[it.sign](first, second).astype(float)
        components = Indexed(holds, (*it.letters, "")[:2])
        return at_places(components, scope.places) if scope.places else components

    def length_of(self, letter: str, at: Ref | Node | None, scope: Scope, node: Node) -> int:
        """Return how far an index runs, by a name or a formula of components that has it."""
        if at is None:
            self.refuse(node, f"nothing says how far {letter} runs: no name has this index", "not evaluable")
        if isinstance(at, Node):
            return length_of_index(lettered(as_array(self._without_index(at, scope)), at.value), letter)
        value = self.environment.value(self, *self.timed_name(at, scope, node), node)
        return length_of_index(lettered(value, at.indices), letter)

    def times(self, node: Node, scope: Scope) -> range:
        """Return the times that a sum runs over."""
        assert self.last is not None
        _, begin, end = node.value
        first = 1 if begin is None else self.limit(begin, scope, node)
        last = self.last if end is None else self.limit(end, scope, node)
        if last - first > SUM_TIMES:
            self.refuse(node, f"a sum over {last - first} times")
        return range(first, last + 1)

    def limit(self, time: tuple[str, int], scope: Scope, node: Node) -> int:
        """Return a limit of a sum as a number."""
        if time[0] == "t" and scope.t is None:
            self.names.unbound(node, f"{self.declarations.names.time} is free here")
        return self.names.time_of(time, scope, node)

    # Functions

    def _call(self, node: Node, scope: Scope) -> Any:
        ref = node.value
        key = self.declarations.names.functions.get(ref.key, ref.key)
        parts = [self.part(part, scope) for part in node.parts]
        if key in ("diag", "tr"):
            return self.of_diagonal(node, key, parts)
        if key == "kron" and len(parts) == 2:
            return kronecker(*parts)
        if any(has_no_size(part) or isinstance(part, Stretched) for part in parts):
            self.refuse(node, NO_SIZE)
        try:
            made = composed(key, parts) if key not in self.declarations.functions else None
        except Misfit as sizes:
            self.refuse(node, f"{ref.key} of {size(sizes.left)} and {size(sizes.right)}: inner sizes differ")
        return self.of_row(node, scope, parts) if made is None else made

    def of_row(self, node: Node, scope: Scope, parts: list[Any]) -> Any:
        """Return the value of a call of a function that is one row of the table."""
        ref = node.value
        op = self.functions.row(ref, scope, node)
        if op.arity != len(parts):
            self.refuse(node, f"{ref.key} takes {op.arity} argument(s)", "not evaluable")
        if not any(isinstance(part, Indexed) for part in parts):
            return applied(op, parts)
        if not isinstance(parts[0], Indexed) or any(isinstance(part, Indexed) for part in parts[1:]):
            self.refuse(node, f"{op.symbol} with a component as its second operand is not read", "not evaluable")
        if op.symbol in NOT_COMPONENTWISE:
            self.refuse(node, f"{op.symbol} takes a column, not one component", "not evaluable")
        return Indexed(applied(op, [parts[0].value, *parts[1:]]), parts[0].labels)

    def of_diagonal(self, node: Node, key: str, parts: list[Any]) -> Any:
        """Return diag(x) or tr(A)."""
        if len(parts) != 1:
            self.refuse(node, f"{key} takes one argument", "not evaluable")
        if key == "tr" and isinstance(parts[0], Variable):
            return trace_on_tape(parts[0])
        if not isinstance(parts[0], np.ndarray):
            self.refuse(node, f"{key} is for backward lines; write ∘ in the forward", "not evaluable")
        return diagonal(parts[0]) if key == "diag" else trace(parts[0])

    def _component(self, node: Node, scope: Scope) -> Any:
        return self.lettered(as_array(self._without_index(node, scope)), node.value, scope)

    def _without_index(self, node: Node, scope: Scope) -> Any:
        """Return the value of the formula that a component is of."""
        value = self.part(node.parts[0], scope)
        if isinstance(value, Indexed):
            self.refuse(node, "this has an index already")
        return value

    def _comparison(self, node: Node, scope: Scope) -> Any:
        if node.value in ("=", "≠"):
            message = "two values are equal nowhere by chance: compare indices, i = j, or give the labels as a matrix"
            self.refuse(node, message, "not evaluable")
        left, right = (self.part(part, scope) for part in node.parts)
        left, right = (x.number if isinstance(x, Ones) else x for x in (left, right))
        try:
            return compared(node.value, left, right)
        except Misfit as sizes:
            self.refuse(node, f"{size(sizes.left)} compared with {size(sizes.right)}")

    def _cases(self, node: Node, scope: Scope) -> Any:
        values = [self.part(part, scope) for part in node.parts[::2]]
        conditions = [self.part(part, scope) for part in node.parts[1::2]]
        try:
            return chosen([x.number if isinstance(x, Ones) else x for x in values], conditions)
        except Misfit as sizes:
            self.refuse(node, f"the cases are {size(sizes.left)} and {size(sizes.right)}")

    def _prime(self, node: Node, scope: Scope) -> Any:
        op = self.functions.row(node.value, scope, node)
        x, indices = self.argument(node, scope)
        value = as_array(x.value if isinstance(x, Indexed) else x)
        if not isinstance(value, np.ndarray):
            self.refuse(node, "the derivative of a function is for backward lines", "not evaluable")
        if op.symbol in NOT_COMPONENTWISE or op.arity != 1:
            why = "is not component-wise: its derivative is a Jacobian, for softmax diag(p) - p pᵀ"
            self.refuse(node, f"{op.symbol} {why}", "not evaluable")
        derivative = derivative_of(op, value)
        if isinstance(x, Indexed):
            return Indexed(derivative, x.labels)
        return lettered(derivative, indices) if indices else derivative

    def argument(self, node: Node, scope: Scope) -> tuple[Any, tuple[str, ...]]:
        """Return the value at which a derivative f'(x) is taken, and its indices; x may stand for a formula."""
        ref, argument = node.value, node.parts[0]
        if argument.kind == "name":
            function = self.declarations.names.functions.get(ref.key, ref.key)
            meaning = self.declarations.arguments.get((argument.value.key, function))
            if meaning is not None:
                _, inner = self.functions.instance(ref.key, scope)
                at = Scope(self.names.time(argument.value, scope, argument), inner.members)
                return self.part(meaning, at), argument.value.indices or ref.indices
        return self.part(argument, scope), ref.indices

    def _deriv(self, node: Node, scope: Scope) -> Any:
        symbol = {"o": "∘", "⊙": "∘"}.get(node.value, node.value)
        parts = [self.part(part, scope) for part in node.parts]
        if symbol not in TABLE:
            self.refuse(node, f"deriv has no operator {symbol!r}: there are {' '.join(TABLE)}", "not evaluable")
        arity = TABLE[symbol].arity
        if len(parts) != arity + 1:
            takes = "dz, x and y" if arity == 2 else "dz and x"
            self.refuse(node, f"deriv takes {takes} for {symbol!r}; here are {len(parts)} operand(s)")
        arrays = [as_array(1.0 if isinstance(part, Ones) else part) for part in parts]
        if any(not isinstance(a, np.ndarray) for a in arrays):
            self.refuse(node, "deriv takes matrices", "not evaluable")
        if self.declarations.layout == "same":
            arrays[0] = arrays[0].T
        try:
            out = deriv(*[*arrays, symbol])
        except (ValueError, TypeError) as reason:
            self.refuse(node, str(reason))
        out = out if isinstance(out, tuple) else (out,)
        return Several(tuple(c.T if self.declarations.layout == "same" else c for c in out))

    # Matrices

    def _matrix(self, node: Node, scope: Scope) -> Any:
        rows, columns = node.value, len(node.parts) // node.value
        if any(part.kind == "dots" for part in node.parts):
            self.refuse(node, "a matrix with dots has to be read by a person", "not evaluable")
        parts = [self.part(part, scope) for part in node.parts]
        if columns == 1 or (rows == 1 and self.is_column(parts)):
            return self.stacked(node, parts)
        parts = [as_array(part) for part in parts]
        if any(not isinstance(part, np.ndarray) for part in parts):
            self.refuse(node, "side by side is for backward lines; write products of parts", "not evaluable")
        counted(sum(part.size for part in parts))
        try:
            return np.block([parts[r * columns : (r + 1) * columns] for r in range(rows)])
        except ValueError:
            self.refuse(node, "the entries do not fit together")

    def is_column(self, parts: list[Any]) -> bool:
        """Return whether [C, h, x] is one on top of the other, as on the slides: side by side they do not fit."""
        shapes = [part.shape for part in parts if hasattr(part, "shape")]
        if not shapes:
            return True
        wide = len(shapes) == len(parts) and len({rows for rows, _ in shapes}) == 1
        return len({columns for _, columns in shapes}) == 1 and not wide

    def stacked(self, node: Node, parts: list[Any]) -> Any:
        """Return parts one on top of the other, by the row of the table that does it."""
        parts = self.padded(node, parts)
        if len({part.shape[1] for part in parts}) > 1:
            sizes = ", ".join(size(part.shape) for part in parts)
            self.refuse(node, f"one on top of another: {sizes} have different numbers of columns")
        counted(sum(part.shape[0] for part in parts), parts[0].shape[1])
        stack = parts[0]
        for part in parts[1:]:
            stack = TABLE["stack"](stack, part)
        return stack

    def padded(self, node: Node, parts: list[Any]) -> list[Any]:
        """Return the parts of [a; 0], where 0 is as long as the size of the left-hand side needs it."""
        known = [part for part in parts if hasattr(part, "shape")]
        if len(known) == len(parts):
            return parts
        columns = known[0].shape[1] if known else 0
        # the size of the left-hand side is in row layout, the parts are in the author's: either side may be the columns
        shape = self.environment.left_shape
        total_rows = {shape[1]: shape[0], shape[0]: shape[1]}.get(columns, 0) if shape else 0
        rows = total_rows - sum(part.shape[0] for part in known)
        if len(known) < len(parts) - 1 or rows < 0 or any(part != 0.0 for part in parts if not hasattr(part, "shape")):
            self.refuse(node, "a part of [ ; ] has no size", "not evaluable")
        sized = [part if hasattr(part, "shape") else np.zeros((rows, columns)) for part in parts]
        return [part for part in sized if part.shape[0]]


def without_brackets(node: Node) -> Node:
    """Return a formula without the brackets around it."""
    while node.kind == "bracket":
        node = node.parts[0]
    return node


def is_one(node: Node, value: Any) -> bool:
    """Return whether a part of a formula is the number 1."""
    return node.kind == "number" and isinstance(value, float) and value == 1.0


NAMES = {"*": "_product"} | dict.fromkeys("∘+-/", "_componentwise")
NAMES |= {kind: f"_{kind}" for kind in ("name", "d", "number", "ones", "eye", "dots", "bracket", "matrix", "sum")}
NAMES |= {kind: f"_{kind}" for kind in ("neg", "transpose", "square", "power", "inverse", "call", "prime", "deriv")}
NAMES |= {
    kind: f"_{kind}" for kind in ("jacobian", "differential", "comparison", "cases", "delta", "hessian", "component")
}
NAMES |= {"product": "_product_over"}
METHODS: dict[str, Callable[[Evaluator, Node, Scope], Any]] = {
    kind: getattr(Evaluator, method) for kind, method in NAMES.items()
}

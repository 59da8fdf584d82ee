"""Jacobians as the rules give them: through any number of equations, from the result inwards.

The entries of a matrix are those of its vec: vec(A X B) = (Bᵀ ⊗ A) vec(X).
"""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.formula import (
    NUMBER,
    Formula,
    NoFormula,
    added,
    identity,
    kronecker,
    leaf,
    product,
    quotient,
    stacked,
    transposed,
)
from tinyad.derivation.repair.rule_walk import EquationAt, RuleWalk
from tinyad.printing.formula import Precedence


class RuleJacobian:
    """Write ∂above/∂below, rows for the entries of `above`; in the layout of the author at the end."""

    def __init__(self, walk_: RuleWalk, below: Ref, entries: int, later: int | None) -> None:
        self._walk, self._below, self._entries, self._later = walk_, below, entries, later
        self._depth = 0

    def text(self, equation: int, by_rows: bool) -> str:
        """Return the Jacobian of an equation's result as a formula.  Raises NoFormula if there is none."""
        jacobian = self._of_equation(equation)
        if jacobian is None:
            raise NoFormula
        if by_rows:
            return self._walk.text(jacobian)
        terms = jacobian.parts if jacobian.kind == "+" else [jacobian]
        return self._walk.text(
            added([transposed(term) for term in terms]).times(jacobian.factor if len(terms) > 1 else 1)
        )

    def _of_equation(self, equation: int) -> Formula | None:
        """Return the Jacobian of the result of an equation; None if it does not depend on the name.

        Where the equation has the name itself, its other names keep their values.
        """
        self._depth += 1
        if self._depth > limits.EQUATIONS_WALKED:
            raise NoFormula
        eq = self._walk.forward[equation]
        at = EquationAt(self._walk, eq, self._below, self._later)
        found = self._of(eq.members[0], at)
        self._depth -= 1
        return found

    def _of(self, node: Node, at: EquationAt) -> Formula | None:
        """Return the Jacobian of a part of an equation; None if it does not depend on the name."""
        if id(node) in at.uses:
            return identity("I", (self._entries, self._entries))
        if node.kind == "name":
            return None if at.uses else self._of_name(node.value)
        node = self._turned(node, at)
        inner = [self._of(part, at) for part in node.parts]
        return self._of_parts(node, inner, at) if any(inner) else None

    @staticmethod
    def _turned(node: Node, at: EquationAt) -> Node:
        """Return Wᵀ x as (xᵀ W)ᵀ, and xᵀ Wᵀ as (W x)ᵀ, so that W itself is a factor; other formulas as they are."""
        k = next((k for k, part in enumerate(node.parts) if part.kind == "transpose" and at.has_use(part)), None)
        if node.kind != "*" or k is None or 1 in (at.size_of(node.parts[k]) or NUMBER):
            return node
        if 1 not in (at.size_of(node) or ()):
            return node
        other = Node("transpose", (node.parts[1 - k],), None, node.start, node.end)
        factors = (other, node.parts[k].parts[0]) if k == 0 else (node.parts[k].parts[0], other)
        return Node("transpose", (node._replace(parts=factors),), None, node.start, node.end)

    def _of_parts(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula | None:
        """Return the Jacobian of an operation from those of its operands."""
        if node.kind == "bracket":
            return inner[0]
        if node.kind in ("+", "-"):
            return self._of_sum(node, inner, at)
        if node.kind in ("*", "∘"):
            terms = [self._of_factor(node, k, j, at) for k, j in enumerate(inner) if j is not None]
            return added(terms)
        if len(inner) == 1 and inner[0] is not None:
            return self._of_operation(node, inner[0], at)
        return self._of_quotient(node, inner, at)

    def _of_name(self, ref: Ref) -> Formula | None:
        """Return the Jacobian of a name between the two; None if it does not depend on the one below."""
        equations = [k for k, eq in enumerate(self._walk.forward) if eq.left[0].value == ref]
        return self._of_equation(equations[0]) if equations else None

    def _of_sum(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        signs = (1, -1 if node.kind == "-" else 1)
        sizes = {at.size_of(part) for part, j in zip(node.parts, inner, strict=True) if j is not None}
        if len(sizes) > 1 or sizes != {at.size_of(node)}:  # a number beside a column
            raise NoFormula
        return added([j.times(sign) for j, sign in zip(inner, signs, strict=True) if j is not None])

    def _of_factor(self, node: Node, k: int, jacobian: Formula, at: EquationAt) -> Formula:
        """Return what one factor of a product contributes."""
        own, other = node.parts[k], at.formula(node.parts[1 - k])
        size = at.size_of(own)
        if other.is_number:
            return product(other, jacobian)
        if size == NUMBER:
            return product(other, jacobian)  # a column for every entry of the name: the outer product
        if node.kind == "∘":
            return product(self._diagonal(other), jacobian)
        if size is None:
            raise NoFormula
        if k == 1:
            return product(kronecker(identity("I", (size[1], size[1])), other), jacobian)
        return product(kronecker(transposed(other), identity("I", (size[0], size[0]))), jacobian)

    def _of_operation(self, node: Node, jacobian: Formula, at: EquationAt) -> Formula:
        """Return the Jacobian of an operation on one operand."""
        if node.kind == "neg":
            return jacobian.times(-1)
        size = at.size_of(node.parts[0])
        if node.kind == "transpose" and size is not None and 1 in size:
            return jacobian  # of its entries, in their order
        if size is None or (size[1] != 1 and node.kind == "transpose"):
            raise NoFormula
        softmax = at.softmax_jacobian(node)
        if softmax:
            outer = leaf(softmax, (size[0], size[0]), Precedence.SUM)._replace(symmetric=True)
            return product(outer, jacobian)
        slope = at.slope(node)
        if slope.kind == "filled":
            raise NoFormula
        return product(slope if slope.is_number else self._diagonal(slope), jacobian)

    def _of_quotient(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        """Return the Jacobian of a quotient of which only the numerator depends on the name."""
        if node.kind != "/" or inner[0] is None or inner[1] is not None:
            raise NoFormula
        below = at.formula(node.parts[1])
        if not below.is_number:
            raise NoFormula
        return quotient(inner[0], below)

    def _diagonal(self, column: Formula) -> Formula:
        """Return the diagonal matrix with the entries of a column, or of a vec."""
        column = stacked(column)
        text = self._walk.text(column.alone())
        size = column.size[0], column.size[0]
        diagonal = leaf(f"{self._walk.diagonal_sign}({text})", size)._replace(symmetric=True)
        return diagonal.times(column.factor)

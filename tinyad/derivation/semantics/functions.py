"""The functions of a derivation, as rows of the table of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, size
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.semantics.limits import FUNCTION_CHAIN
from tinyad.derivation.semantics.values import Indexed, Scope, Trouble, Unfitting, counted
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.tape import Variable


def determinant(x: Array) -> Array:
    """Return det(A), 1×1."""
    if x.shape[0] != x.shape[1]:
        raise ValueError(f"det of {size(x.shape)}: expected a square matrix")
    return np.full((1, 1), np.linalg.det(x))


def log_determinant(x: Array) -> Array:
    """Return log |det(A)|, 1×1, also of complex numbers near real ones."""
    value = determinant(x)
    log: Array = np.log(value * np.sign(value.real))
    return log


def factors_of_kron(dz: Array, z: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Return the derivatives of A ⊗ B for A and B, in row layout."""
    (n, m), (p, q) = x.shape, y.shape
    blocks = dz.T.reshape(n, p, m, q)
    return np.einsum("ipjq,pq->ji", blocks, y), np.einsum("ipjq,ij->qp", blocks, x)


# What derivations use besides the rows of the table.
MORE = {op.symbol: op for op in (
    Op("sech", lambda x: 1 / np.cosh(x), lambda dz, z, x: -(dz * (z * np.tanh(x)).T)),
    Op("tan", np.tan, lambda dz, z, x: dz * (1 + z * z).T),
    Op("arctan", np.arctan, lambda dz, z, x: dz / (1 + x * x).T),
    Op("step", lambda x: (x.real > 0).astype(x.dtype), lambda dz, z, x: None),
    Op("det", determinant, lambda dz, z, x: dz * z * np.linalg.inv(x)),
    Op("logdet", log_determinant, lambda dz, z, x: dz * np.linalg.inv(x)),
    Op("vec", lambda x: x.reshape(-1, 1, order="F"), lambda dz, z, x: dz.reshape(x.T.shape)),
    Op("kron", np.kron, factors_of_kron),
)}  # fmt: skip
# rows that take a column or a matrix, not its entries one by one
NOT_COMPONENTWISE = ("softmax", "log_softmax", "softmax_rows", "sum", "det", "logdet", "vec", "kron")


class Functions:
    """Look up the functions of a derivation as rows of the table; those without a formula become the sine."""

    def __init__(self, declarations: Declarations) -> None:
        self.declarations = declarations
        self.free: dict[str, Op] = {}

    def row(self, ref: Ref, scope: Scope, node: Node) -> Op:
        """Return the row that a function stands for, for the members of families in the scope."""
        names, seen = self.declarations.names, 0
        key, scope = self.instance(ref.key, scope)
        while key in self.declarations.functions and seen < FUNCTION_CHAIN:
            branches, seen = self.declarations.functions[key], seen + 1
            letters = names.letters(key)
            member = scope.members.get(letters[0], "") if letters else ""
            if "" not in branches and member not in branches:
                message = f"{key} is declared for {', '.join(branches)}, not for {member or 'this'}"
                raise Trouble("not evaluable", message, node)
            target = branches.get(member, branches.get("", ""))
            if target == key:  # component-wise, and no more is known
                if key not in self.free:
                    self.free[key] = Op(key, np.sin, lambda dz, z, x: dz * np.cos(x).T)
                return self.free[key]
            key = target
        symbol = names.functions.get(key, key)
        op = TABLE.get(symbol) or MORE.get(symbol)
        if op is None:
            raise Trouble("not evaluable", f"{key} is no function; there are {' '.join((*TABLE, *MORE))}", node)
        return op

    def instance(self, key: str, scope: Scope) -> tuple[str, Scope]:
        """Return f_g as f_θ with θ = g."""
        if key not in self.declarations.names.instances:
            return key, scope
        letter, member = self.declarations.names.instances[key]
        return self.declarations.names.functions[key], Scope(scope.t, {**scope.members, letter: member})


def as_array(value: Any) -> Any:
    """Return a number as a 1×1 array, other values as they are; Unfitting for a component."""
    if isinstance(value, Indexed):
        raise Unfitting("one component stands where a matrix belongs: leave out the index")
    return np.full((1, 1), value) if isinstance(value, float) else value


def applied(op: Op, operands: list[Any]) -> Any:
    """Return the value of a row of the table, recorded if an operand is on a tape."""
    arrays = [as_array(x) for x in operands]
    try:
        return op(*arrays) if any(isinstance(x, Variable) for x in arrays) else op.forward(*arrays)
    except ValueError as reason:
        raise Unfitting(str(reason)) from None


def derivative_of(op: Op, x: Array) -> Array:
    """Return f'(x), entry by entry; 0 of a function that only jumps."""
    row: Array | None = op.deriv(np.ones_like(x).T, op.forward(x), x)
    return np.zeros_like(x) if row is None else row.T


def diagonal(value: Array) -> Array:
    """Return diag(x) of a column or row."""
    if 1 not in value.shape:
        raise Unfitting(f"diag of {size(value.shape)}: expected a column")
    counted(value.size, value.size)
    return np.diag(value.ravel())


def trace(value: Array) -> Array:
    """Return tr(A), 1×1."""
    if value.shape[0] != value.shape[1]:
        raise Unfitting(f"tr of {size(value.shape)}: expected a square matrix")
    return np.full((1, 1), np.trace(value))


def trace_on_tape(value: Variable) -> Any:
    """Return tr(A) as the sum of the entries of A ∘ I, which the table of operations has."""
    if value.shape[0] != value.shape[1]:
        raise Unfitting(f"tr of {size(value.shape)}: expected a square matrix")
    counted(*value.shape)
    return TABLE["sum"](value * np.eye(value.shape[0]))

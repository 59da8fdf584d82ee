"""The functions of a derivation, as rows of the table of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.semantics.limits import FUNCTION_CHAIN
from tinyad.derivation.semantics.values import Scope, Trouble, Unfitting
from tinyad.engine.matrix import Array, size
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.tape import Variable

# What derivations use besides the rows of the table.
MORE = {"sech": Op("sech", lambda x: 1 / np.cosh(x), lambda dz, z, x: -(dz * (z * np.tanh(x)).T))}
NOT_COMPONENTWISE = (
    "softmax",
    "log_softmax",
    "softmax_rows",
    "sum",
)  # rows that take a whole column, not its entries one by one


class Functions:
    """The functions of a derivation as rows of the table; those without a formula become the sine."""

    def __init__(self, it: Declarations) -> None:
        self.it = it
        self.free: dict[str, Op] = {}

    def row(self, ref: Ref, scope: Scope, node: Node) -> Op:
        """The row that a function stands for, with what the family letters are."""
        names, seen = self.it.names, 0
        key, scope = self.instance(ref.key, scope)
        while key in self.it.functions and seen < FUNCTION_CHAIN:
            branches, seen = self.it.functions[key], seen + 1
            letters = names.letters(key)
            member = scope.members.get(letters[0], "") if letters else ""
            if "" not in branches and member not in branches:
                said = f"{key} is declared for {', '.join(branches)}, not for {member or 'this'}"
                raise Trouble("not evaluable", said, node)
            found = branches.get(member, branches.get("", ""))
            if found == key:  # component-wise, and no more is known
                if key not in self.free:
                    self.free[key] = Op(key, np.sin, lambda dz, z, x: dz * np.cos(x).T)
                return self.free[key]
            key = found
        symbol = names.functions.get(key, key)
        op = TABLE.get(symbol) or MORE.get(symbol)
        if op is None:
            raise Trouble("not evaluable", f"{key} is no function; there are {' '.join((*TABLE, *MORE))}", node)
        return op

    def instance(self, key: str, scope: Scope) -> tuple[str, Scope]:
        """f_g as f_θ with θ = g."""
        if key not in self.it.names.instances:
            return key, scope
        letter, member = self.it.names.instances[key]
        return self.it.names.functions[key], Scope(scope.t, {**scope.members, letter: member})


def as_array(value: Any) -> Any:
    """A number as a 1×1 array."""
    return np.full((1, 1), value) if isinstance(value, float) else value


def applied(op: Op, operands: list[Any]) -> Any:
    """The value of a row of the table, recorded if an operand is on a tape."""
    arrays = [as_array(x) for x in operands]
    try:
        return op(*arrays) if any(isinstance(x, Variable) for x in arrays) else op.forward(*arrays)
    except ValueError as reason:
        raise Unfitting(str(reason)) from None


def derivative_of(op: Op, x: Array) -> Array:
    """f'(x), entry by entry."""
    row: Array = op.deriv(np.ones_like(x).T, op.forward(x), x)
    return row.T


def diagonal(value: Array) -> Array:
    """diag(x) of a column or row."""
    if 1 not in value.shape:
        raise Unfitting(f"diag of {size(value.shape)}: expected a column")
    return np.diag(value.ravel())


def trace(value: Array) -> Array:
    """tr(A), 1×1."""
    if value.shape[0] != value.shape[1]:
        raise Unfitting(f"tr of {size(value.shape)}: expected a square matrix")
    return np.full((1, 1), np.trace(value))
